"""All runs of one command: which series, which folders; then one after the other."""

from __future__ import annotations

import copy
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recon.command.config import lone_folder, output_folder, rehearsed, run_config
from recon.command.job import Job
from recon.command.names import run_folders, series_names, what_differs
from recon.command.series import check_different, series_paths
from recon.command.words import input_text
from recon.console import Console
from recon.errors import UserError
from recon.io.read import existing
from recon.io.sidecars import stem
from recon.progress import report_to
from recon.report.overview import Row, write_overview
from recon.report.page import write_report
from recon.run.folder import OVERVIEW, REPORT, check_apart, check_report
from recon.run.latest import Latest


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
    another series, or where the options are wrong for every series."""
    inputs = [series.path for series in batch.series if series.path is not None]
    for series in batch.series:
        inside = any(run.folder != series.folder for run in series.runs)
        if inside and any(_wants_report(run) for run in series.runs):
            check_report(series.folder)
        for run in series.runs if batch.many else ():
            check_apart(run.folder, inputs)
    if batch.many:
        check_report(batch.folder, OVERVIEW)


def run_batch(batch: Batch) -> bool:
    """Run all, series by series, and write their pages; a series that fails does not stop the
    others. Returns whether nothing failed. Raises ``UserError`` before the work only."""
    check_batch(batch)
    first = batch.series[0].runs[0]
    if batch.many and first.config.resume is not True:  # what is finished needs its input no more
        for series in batch.series:
            if series.path is not None:
                existing(series.path)
    if batch.many and all(len(series.runs) == 1 for series in batch.series):
        rehearsed(first.config, first.folder, several=True)  # said once, not for every series
    failures: dict[Path, str] = {}
    began: set[Path] = set()
    for number, series in enumerate(batch.series, 1):
        if batch.many:
            print(f"series {number} of {len(batch.series)}: {series.name}", flush=True)
        try:
            _run_series(batch, series, failures, began)
            _tell_overview(batch, failures, began)
        except KeyboardInterrupt:
            if batch.several:
                _say_how_to_resume(batch, f"series {number} of {len(batch.series)}, {series.name}")
            raise
    if batch.many:
        _sum_up(batch, failures)
    return not failures


def _run_series(batch: Batch, series: Series, failures: dict[Path, str], began: set[Path]) -> None:
    """The runs of one series, and the page that shows or compares them. Failures go to
    ``failures``."""
    latest, done = Latest(), []
    for run in series.runs:
        began.add(run.folder)
        try:
            run_config(run.config, run.folder, latest, several=batch.several)
        except UserError as error:
            failures[run.folder] = str(error)
            print(f"error: {_whose(batch, series, run)}{error}", file=sys.stderr, flush=True)
        else:
            done.append(run)
    page = series.folder / REPORT[0]
    sentences = {
        run.label or series.name: failures[run.folder]
        for run in series.runs
        if run.folder in failures
    }
    if not any(_wants_report(run) for run in done) or (not sentences and _is_newest(page, done)):
        return
    try:
        with report_to(Console().show):
            page = write_report(series.folder, [run.folder for run in done], sentences)
        print(f"report: {page}", flush=True)
    except UserError as error:
        failures[page] = str(error)
        print(f"error: {_whose(batch, series, None)}{error}", file=sys.stderr, flush=True)


def _tell_overview(batch: Batch, failures: dict[Path, str], began: set[Path]) -> None:
    """Written anew after every series, so that one may look at it while the others run."""
    runs = [(series, run) for series in batch.series for run in series.runs]
    if not batch.many or not any(_wants_report(run) for _, run in runs):
        return
    rows = [
        Row(
            series.name,
            run.label,
            "" if series.path is None else str(series.path),
            run.folder,
            series.folder / REPORT[0],
            failures.get(run.folder, ""),
            run.folder in began,
        )
        for series, run in runs
    ]
    try:
        write_overview(batch.folder, rows)
    except UserError as error:
        failures[batch.folder] = str(error)
        print(f"error: {error}", file=sys.stderr, flush=True)


def _sum_up(batch: Batch, failures: Mapping[Path, str]) -> None:
    """The last lines: what failed, with its sentence, and where to look."""
    whose = {r.folder: _whose(batch, s, r) for s in batch.series for r in s.runs}
    total, failed = len(whose), len(whose.keys() & failures.keys())
    runs = "" if total == len(batch.series) else f", {total} runs"
    print(f"{len(batch.series)} series{runs}: {total - failed} finished, {failed} failed")
    for folder, sentence in failures.items():
        print(f"failed: {whose.get(folder, '')}{sentence}", file=sys.stderr)
    page = batch.folder / OVERVIEW[0]
    print(f"overview: {page}" if page.exists() else f"results: {batch.folder}", flush=True)


def _say_how_to_resume(batch: Batch, where: str) -> None:
    print(
        f"warning: stopped{f' at {where}' if batch.many else ''}; what is done is kept: repeat the "
        f"command with resume=true output={shlex.quote(str(batch.folder))}",
        file=sys.stderr,
        flush=True,
    )


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


def _whose(batch: Batch, series: Series, run: Run | None) -> str:
    """The beginning of a sentence about one of several runs."""
    names = [series.name] if batch.many else []
    names += [run.label] if run is not None and len(series.runs) > 1 else []
    return f"{', '.join(names)}: " if names else ""


def _wants_report(run: Run) -> bool:
    return bool(run.config.report)


def _is_newest(page: Path, runs: Sequence[Run]) -> bool:
    """Whether the page was written after all of the runs that it shows, which were kept then."""
    try:
        at = page.stat().st_mtime_ns
        return all((run.folder / "run.json").stat().st_mtime_ns < at for run in runs)
    except OSError:
        return False
