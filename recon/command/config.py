"""One composed config -> stages and settings -> a run."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recon.command.build import build
from recon.command.phantoms import build_phantom
from recon.command.plugins import plugin_files
from recon.command.words import input_of
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_tilt_series
from recon.io.alignment.table import read_alignment
from recon.io.pixels import expand_views
from recon.io.xyz import read_xyz
from recon.learned.card import heard
from recon.machine import free_memory_gb, set_threads, usable_cores
from recon.progress import report_to
from recon.run.latest import Latest
from recon.run.pipeline import run
from recon.run.preflight import rehearse
from recon.run.stages import Settings, Stages
from recon.sinogram.restoration import DENOISE, INPAINT, Restoration
from recon.stage import Analysis, Method, Step

# Once: the runs of one command share a folder. With milliseconds: two commands do not.
STARTED = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}.{time.time_ns() // 1_000_000 % 1000:03d}"

READERS: dict[str, Callable[[Path], object]] = {
    "alignment": read_alignment,
    "positions": lambda path: read_xyz(path) / 10,  # Angstrom to nm
}

MOST_EXTENDED = 4096  # voxels
MOST_PRETILT_DEG = 60.0


def run_config(
    config: DictConfig, output: Path, latest: Latest | None = None, *, several: bool = False
) -> None:
    """Build everything, then run, with the results in ``output``. Raises ``UserError``.

    ``latest``: what the run before it prepared. ``several``: one run of several of a command.
    """
    stages, settings = rehearsed(config, output, several=several)
    console = Console()
    with heard(console.warn), report_to(console.show):
        run(stages, settings, console, latest)


def rehearsed(
    config: DictConfig, output: Path, *, several: bool = False
) -> tuple[Stages, Settings]:
    """Everything built and run on nothing, before anything is read. Raises ``UserError``."""
    stages = make_stages(config)
    settings = make_settings(config, files_of(stages, config), output=output, several=several)
    set_threads(settings.threads)
    # 400 views, so that no sensible number of subsets is too many.
    rehearse(stages, Geometry(np.linspace(-80, 80, 400), None))
    return stages, settings


def make_stages(config: DictConfig) -> Stages:
    """Every stage built, nothing run: a misspelt option costs a second, not an hour."""
    exclude, pixel_nm = _views(config.exclude), _number(config.pixel_nm, "pixel_nm")
    for group in (
        "sample",
        "simulate",
        "preprocess",
        "align",
        "denoise",
        "inpaint",
        "projector",
        "algorithm",
        "trust",
        "analyze",
    ):
        if not OmegaConf.is_dict(config.get(group)):
            raise UserError(
                f"{group}={config.get(group)} given, one of its options wanted; see --help"
            )
    phantom = config.get("phantom")
    if phantom is not None and (config.input is not None or not OmegaConf.is_dict(phantom)):
        raise UserError(
            f"phantom given with input={config.input}, one of the phantoms and no tilt series "
            f"wanted; see --help"
        )
    if config.input is None:
        given = (config.angles, pixel_nm, config.dataset)
        if exclude or any(option is not None for option in given):
            raise UserError(
                "angles, pixel_nm, dataset or exclude given without a tilt series, a path wanted before "
                "them; the built-in sample has its own"
            )
        source = (
            build(config.sample)
            if phantom is None
            else functools.partial(build(config.simulate), build_phantom(phantom))
        )
    else:
        source = functools.partial(read_tilt_series, input_path(config), **reading_options(config))
    return Stages(
        source,
        with_files(of_kind(build(config.preprocess), Step, "preprocess")),
        with_files(of_kind(build(config.align), Step, "align")),
        _plain(build(config.projector), "projector"),
        with_files(of_kind(build(config.algorithm), Method, "algorithm")),
        _plain(build(config.trust), "trust"),
        with_files(of_kind(build(config.analyze), Analysis, "analyze")),
        Restoration(
            *(
                with_files(of_kind(build(config[group]), Step, group))
                for group in (DENOISE, INPAINT)
            )
        ),
    )


def _plain(made: Any, group: str) -> Any:
    if not isinstance(made, functools.partial):
        raise UserError(
            f"{group}._target_ names a stage of another group; choose one by {group}=NAME, see "
            "--help"
        )
    return made


def of_kind(stage: Any, kind: type, group: str) -> Any:
    """Raise ``UserError`` for a stage that stands in the wrong group."""
    if not isinstance(getattr(stage, "declared", None), kind):
        raise UserError(
            f"{group}._target_ names something else than one of {group}'s options; choose one by "
            f"{group}=NAME, see --help"
        )
    return stage


def with_files(stage: Any) -> Any:
    """The ``Bound`` stage with what the files hold that its options name; a stage knows no files,
    and a file that cannot be read is known before the work."""
    given = {}
    for read in stage.declared.reads:
        path = stage.options[read.option]
        if path is None and read.wanted:
            raise UserError(read.wanted)
        if path is not None and read.passes is not None:
            given[read.passes] = READERS[read.kind](Path(path).expanduser())
    if isinstance(stage.declared, Step):
        stage.declared.check(stage.options)
    return replace(stage, given=given)


def files_of(stages: Stages, config: DictConfig) -> tuple[Path, ...]:
    """What the run reads: the series, its angles where a file holds them, and the stages' files."""
    phantom = config.get("phantom") or {}
    named = [] if config.input is None else [input_path(config)]
    named += [Path(config.angles)] if isinstance(config.angles, str) else []
    named += [Path(p) for key in ("path", "labels") if (p := phantom.get(key)) is not None]
    named += plugin_files(config.get("plugins"))
    steps = (stages.preprocess, stages.align, *stages.restore.steps.values())
    reads = [(s.options, r) for s in steps for r in s.declared.reads]
    reads += [(stages.algorithm.options, r) for r in stages.algorithm.declared.reads]
    named += [Path(p) for options, r in reads if (p := options[r.option])]
    return tuple(named)


def reading_options(config: DictConfig) -> dict[str, Any]:
    """Keywords of ``read_tilt_series``. Raises ``UserError`` for a value of the wrong kind."""
    angles = config.angles
    return {
        "angles": OmegaConf.to_container(angles) if OmegaConf.is_config(angles) else angles,
        "pixel_nm": _number(config.pixel_nm, "pixel_nm"),
        "exclude": _views(config.exclude),
        "dataset": None if config.dataset is None else str(config.dataset),
    }


def input_path(config: DictConfig) -> Path:
    """``input=`` of one series, which the command line writes as a URL when the path's characters
    would mean something to OmegaConf."""
    return input_of(str(config.input))


def make_settings(
    config: DictConfig,
    files: tuple[Path, ...] = (),
    *,
    output: Path | None = None,
    several: bool = False,
) -> Settings:
    """Checks what no stage checks. ``output``: None for the folder of a lone run. Raises
    ``UserError``."""
    threads = _number(config.threads, "threads", whole=True)
    threads = usable_cores() if threads is None else threads
    if not 1 <= threads <= 1024:
        raise UserError(
            f"threads={threads} given, 1 to {usable_cores()} (this machine's cores) wanted"
        )
    memory = _number(config.memory_gb, "memory_gb")
    memory = 0.6 * free_memory_gb() if memory is None else memory
    if memory <= 0:
        raise UserError(
            f"memory_gb={memory} given, a positive number wanted; leave it out to use 60 % of what "
            f"is free"
        )
    window = _window(config)
    extend = _number(config.extend_px, "extend_px", whole=True)
    if extend is None or not 0 <= extend <= MOST_EXTENDED:
        raise UserError(f"extend_px={extend} given, 0 to {MOST_EXTENDED} voxels wanted")
    also = tuple(config.also) if OmegaConf.is_list(config.also) else (str(config.also),)
    if wrong := [a for a in also if a not in ("tiff", "zarr")]:
        raise UserError(
            f"also={', '.join(map(str, wrong))} given, [tiff,zarr] or one of them wanted; MRC is "
            f"always written"
        )
    if not isinstance(config.resume, bool):
        raise UserError(f"resume={config.resume} given, true or false wanted")
    if not isinstance(config.report, bool):
        raise UserError(f"report={config.report} given, true or false wanted")
    if not isinstance(config.strict, bool):
        raise UserError(f"strict={config.strict} given, true or false wanted")
    if config.resume and config.output is None:
        raise UserError(
            "resume=true given without a folder, output=DIR of the unfinished run wanted; its last "
            "line named it"
        )
    record = OmegaConf.to_container(config, resolve=True)
    assert isinstance(record, dict)
    return Settings(
        output=lone_folder(config) if output is None else output,
        memory_gb=float(memory),
        threads=int(threads),
        thickness_px=window[0],
        centre_z_px=window[1],
        pretilt_deg=window[2],
        extend_px=int(extend),
        resume=config.resume,
        several=several,
        strict=config.strict,
        also=also,
        config={str(k): v for k, v in record.items()},
        files=files,
    )


def lone_folder(config: DictConfig) -> Path:
    """The folder of a run that is alone in its command. Raises ``UserError``."""
    own = config.get("phantom")
    if config.input is not None:
        name = input_path(config).name.split(".")[0] or "series"
    elif OmegaConf.is_dict(own) and own.get("path") is not None:
        name = Path(str(own["path"])).name.split(".")[0] or "phantom"
    else:
        name = str(own["_target_"]).rpartition(".")[2] if OmegaConf.is_dict(own) else "phantom"
    return output_folder(config, name)


def output_folder(config: DictConfig, name: str) -> Path:
    """``output=DIR``, or runs/<name>/<time>. Raises ``UserError``."""
    if config.output is None:
        return Path("runs") / name / STARTED
    if not str(config.output).strip():
        raise UserError(
            "output= given without a name, a folder wanted; leave it out for runs/<name>/<time>"
        )
    return Path(str(config.output)).expanduser()


def _window(config: DictConfig) -> tuple[int | Literal["auto"] | None, float, float]:
    """(thickness, height of the middle, pre-tilt). Raises ``UserError``."""
    given = {name: _number(config[name], name) for name in ("centre_z_px", "pretilt_deg")}
    centre, pretilt = (0.0 if value is None else float(value) for value in given.values())
    if config.thickness_px == "auto":
        if centre or pretilt or config.extend_px:
            raise UserError(
                f"thickness_px=auto given with centre_z_px={centre:g}, pretilt_deg={pretilt:g} and "
                f"extend_px={config.extend_px}, which auto finds; leave them out, or give thickness_px as a number"
            )
        return "auto", 0.0, 0.0
    if abs(pretilt) > MOST_PRETILT_DEG:
        raise UserError(
            f"pretilt_deg={pretilt:g} given, at most {MOST_PRETILT_DEG:g} degrees wanted"
        )
    thickness = _number(config.thickness_px, "thickness_px", whole=True)
    return None if thickness is None else int(thickness), centre, pretilt


def _views(value: Any) -> tuple[int, ...]:
    views = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    if not isinstance(views, list):
        raise UserError(
            f"exclude={views} given, a list of view numbers counted from 0 wanted, such as "
            f"exclude=[0,41] or exclude=[0,4-6]"
        )
    return expand_views(views)


def _number(value: Any, name: str, *, whole: bool = False) -> float | None:
    kinds = (int,) if whole else (int, float)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise UserError(f"{name}={value} given, a {'whole ' if whole else ''}number wanted")
    return value
