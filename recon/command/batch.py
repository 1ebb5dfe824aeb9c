"""All runs of one command: which series, which folders."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recon.command.config import lone_folder, output_folder
from recon.command.job import Job
from recon.command.names import run_folders, series_names, what_differs
from recon.command.series import check_different, series_paths
from recon.command.words import input_text
from recon.errors import UserError
from recon.io.sidecars import stem
from recon.run.folder import OVERVIEW, REPORT, check_apart, check_report


@dataclass(frozen=True, eq=False)
class Run:
    """``label``: what it differs in from the other runs of its series."""

    label: str
    config: DictConfig
    folder: Path


@dataclass(frozen=True, eq=False)
class Series:
    """One specimen: a path, or None for a simulated one."""

    name: str
    path: Path | None
    folder: Path
    runs: tuple[Run, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """``folder``: of the whole. ``several``: whether the command may hold several runs."""

    folder: Path
    series: tuple[Series, ...]
    several: bool

    @property
    def many(self) -> bool:
        return len(self.series) > 1


def plan_batch(jobs: Sequence[Job], *, several: bool) -> Batch:
    """Series by series, the runs of each. ``several``: of a multirun (``-m``), whose runs get a
    folder each. Raises ``UserError``."""
    jobs_of: dict[tuple[str, Path | str], list[Job]] = {}
    for job in jobs:
        for specimen in _specimens(job.config):
            jobs_of.setdefault(specimen, []).append(job)
    check_different([which for _, which in jobs_of if isinstance(which, Path)])
    if len(outputs := {str(job.config.output): None for job in jobs}) > 1:
        raise UserError(
            f"output={','.join(outputs)} given, one folder for all runs wanted; each gets its own "
            f"inside"
        )
    lone = len(jobs_of) == 1
    parents = [
        which.absolute().parent.name if isinstance(which, Path) else "" for _, which in jobs_of
    ]
    names = series_names(
        [(name, parent) for (name, _), parent in zip(jobs_of, parents, strict=True)],
        taken=(*OVERVIEW, *REPORT),
    )
    folder = Path()
    made: list[Series] = []
    for name, ((_, which), own) in zip(names, jobs_of.items(), strict=True):
        path = which if isinstance(which, Path) else None
        configs = [_with_input(job.config, path) for job in own]
        if not made:
            whole = f"{names[0]}_and_{len(names) - 1}_more"
            folder = lone_folder(configs[0]) if lone else output_folder(configs[0], whole)
        place = folder if lone else folder / name
        if len(own) > 1 or (several and lone):
            labels = what_differs([job.options for job in own])
            places = [place / run for run in run_folders(labels)]
        else:
            labels, places = ("",), [place]
        runs = tuple(Run(*given) for given in zip(labels, configs, places, strict=True))
        made.append(Series(name, path, place, runs))
    return Batch(folder, tuple(made), several or not lone)


def check_batch(batch: Batch) -> None:
    """Raise ``UserError`` where the results would replace a page of the user's own, an input of
    another series."""
    inputs = [series.path for series in batch.series if series.path is not None]
    for series in batch.series:
        inside = any(run.folder != series.folder for run in series.runs)
        if inside and any(wants_report(run) for run in series.runs):
            check_report(series.folder)
        for run in series.runs if batch.many else ():
            check_apart(run.folder, inputs)
    if batch.many:
        check_report(batch.folder, OVERVIEW)


def _specimens(config: DictConfig) -> tuple[tuple[str, Path | str], ...]:
    """(name, path) of every series that ``config`` names; (family, where it is from) of a simulated
    one."""
    if config.input is not None:
        return tuple((_stem(path), path) for path in series_paths(config.input))
    group = "sample" if config.get("phantom") is None else "phantom"
    node = config.get(group)
    options: Any = OmegaConf.to_container(node) if OmegaConf.is_dict(node) else {}
    target = str(options.get("_target_", group))
    if path := options.get("path"):
        return ((stem(Path(str(path))), f"{target} {path}"),)
    return ((target.rpartition(".")[2], target),)


def _stem(path: Path) -> str:
    """The series' name: the file's without its format, the folder's whole."""
    whole = path.expanduser().is_dir() and path.suffix.lower() != ".zarr"
    return path.absolute().name if whole else stem(path)


def _with_input(config: DictConfig, path: Path | None) -> DictConfig:
    """``config`` of one series."""
    if path is None:
        return config
    config = copy.deepcopy(config)
    config.input = input_text(path)
    return config


def wants_report(run: Run) -> bool:
    return bool(run.config.report)
