"""The stages in order: all are built before any runs. Writes the tomogram, its picture, and ``run.json``."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import recon
from recon.analyze.base import Findings, nothing
from recon.analyze.files import RESULTS, analyze, wanted, write_known
from recon.automatic import settle
from recon.console import Console
from recon.errors import UserError
from recon.fiducial_files import FIDUCIAL_FILES
from recon.geometry import Geometry
from recon.io import VolumeWriter, read_volume, write_volume
from recon.io.atomic import replacing, write_error
from recon.io.mrc_slabs import middle_slices
from recon.lock import held
from recon.prepare import CHECKPOINT, Prepared, load_prepared, prepare, write_prepared
from recon.preview import write_preview
from recon.projectors.base import ProjectorFactory
from recon.record import grey_unit, make_record
from recon.samples import Sample
from recon.scores import against_truth
from recon.series import TiltSeries
from recon.slabs import BASE_GB, Job, Outcome, Plan, load_state, make_plan, resumed_plan, stream
from recon.trust import verdict

STATE = "unfinished-slabs.json"
STACKS_AT_ONCE = 3.2  # copies of the raw stack that cleaning and aligning hold at their peak; 2.3 measured for 77 x 1280 x 1280


@dataclass(frozen=True, eq=False)
class Stages:
    """What a config was built into. ``source`` reads or makes the series; the others are stages with their options."""

    source: Callable[[], TiltSeries | Sample]
    preprocess: Callable[[TiltSeries], TiltSeries]
    align: Callable[..., TiltSeries]
    projector: ProjectorFactory
    algorithm: functools.partial[Tensor]
    trust: Callable[..., dict[str, object]]
    analyze: Callable[..., Findings] = nothing


@dataclass(frozen=True)
class Settings:
    """What is not a stage: where files go and what the run may use. ``config``: the composed config, for the record."""

    output: Path
    memory_gb: float
    threads: int
    thickness_px: int | None = None
    resume: bool = False
    also: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    source: Path | None = None  # the input file, if there is one


def run(stages: Stages, settings: Settings, console: Console) -> dict[str, object]:
    """Source to tomogram in ``settings.output``; returns what ``run.json`` holds. Raises ``UserError`` for what the user can mend.

    A run that is stopped leaves ``tomogram.mrc.part`` and two ``unfinished-*.json``; ``resume`` goes on from there, and gives
    the same tomogram bit for bit.
    """
    started, out = time.monotonic(), settings.output
    key = _fingerprint(settings.config, settings.source)
    if settings.resume:
        with held(out):
            prepared = load_prepared(out, key)
            console.say(f"resuming {prepared.aligned.name} in {out}")
            return _to_the_end(stages, settings, prepared, key, started, console)
    _check_writable(out)
    # Before the folder is made: a source that cannot be read must leave nothing behind.
    prepared, sample = prepare(
        stages.source,
        stages.preprocess,
        stages.align,
        check=lambda series: _check_series(stages, settings, series, console),
        threads=settings.threads,
        console=console,
    )
    _make_folder(out)
    with held(out):
        _clear(out)
        write_prepared(out, prepared, sample, key)
        if sample is not None and wanted(stages.analyze):
            write_known(out, sample, prepared.solution, prepared.bin)
        return _to_the_end(stages, settings, prepared, key, started, console)


def _to_the_end(
    stages: Stages, settings: Settings, prepared: Prepared, key: str, started: float, console: Console
) -> dict[str, object]:
    """From the aligned stack on the disk to the finished folder."""
    out = settings.output
    job, settled = _job(stages, settings, prepared)
    for name, value in settled.items():
        console.say(f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}")
    plan = make_plan(job, memory_gb=settings.memory_gb, held_gb=1.2 * 4e-9 * job.y.numel())
    console.say(plan.sentence(settings.memory_gb))
    outcome = _reconstruct(job, plan, prepared, settings, key, console)
    scores = _trust(stages, job, prepared, console)

    record = make_record(
        job,
        plan,
        prepared,
        outcome,
        settled=settled,
        config=settings.config,
        threads=settings.threads,
        seconds=time.monotonic() - started,
    )
    record["trust"] = scores
    record |= _scores(out, console)
    record["analysis"] = analyze(stages.analyze, out, memory_gb=settings.memory_gb, console=console)
    _picture(out, job, prepared, outcome, record)
    _also(out, settings.also)
    record["warnings"] = console.warnings
    with replacing(out / "run.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1, default=str), "utf-8")
    for name in (CHECKPOINT, STATE):
        (out / name).unlink(missing_ok=True)
    console.say(
        f"relative residual {record['residual']:.4f}, {record['seconds']:.1f} s, peak memory {record['peak_memory_gb']:.2f} GB",
        f"tomogram: {out / 'tomogram.mrc'}",
        f"picture:  {out / 'preview.png'}",
    )
    return record


def _job(stages: Stages, settings: Settings, prepared: Prepared) -> tuple[Job, dict[str, object]]:
    series = prepared.aligned
    width = series.data.shape[2]
    thickness = width if settings.thickness_px is None else settings.thickness_px
    A = stages.projector(series.geometry, (thickness, width), width)
    algorithm, settled = settle(stages.algorithm, A, series.data, lambda: prepared.noise)
    pixel = series.geometry.pixel_nm
    return Job(A, series.data, algorithm, 1.0 if pixel is None else 1 / pixel), settled


def _reconstruct(job: Job, plan: Plan, prepared: Prepared, settings: Settings, key: str, console: Console) -> Outcome:
    out, geometry = settings.output, prepared.aligned.geometry
    options = ", ".join(f"{k}={v}" for k, v in job.options.items())
    history = (*prepared.aligned.history, f"reconstructed by {job.name}({options}) on {type(job.A).__name__}")
    shape = (job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1])
    # The first slab may not have been finished when the run was stopped; then there is no volume to go on with.
    before = load_state(out / STATE) if settings.resume else Outcome()
    resume = before.key == key
    if resume:
        plan = resumed_plan(plan, before)
        if len(before.done) == len(plan.slabs) and (out / "tomogram.mrc").exists() and not (out / "tomogram.mrc.part").exists():
            return before  # stopped between the volume and the record
    names = ["tomogram", *(["uncertainty"] if job.options.get("uncertainty") else [])]
    writers = {
        name: VolumeWriter(out / f"{name}.mrc", shape, voxel_nm=geometry.pixel_nm, history=history, resume=resume)
        for name in names
    }
    writer = writers.pop("tomogram")
    iterations = job.options.get("n_iterations", 1)
    total = shape[1] * (iterations if isinstance(iterations, int) else 1)
    try:
        with console.progress(f"{job.name} {shape[0]} x {shape[1]} x {shape[2]}", total) as advance:
            outcome = stream(job, plan, writer, out / STATE, resume=resume, key=key, on_step=advance, extra_writers=writers)
    except KeyboardInterrupt:
        for each in (writer, *writers.values()):
            each.close()
        console.warn(f"stopped; what is done is kept: repeat the command with resume=true output={out}")
        raise
    except UserError:
        for each in (writer, *writers.values()):
            each.discard()
        for name in (CHECKPOINT, STATE):
            (out / name).unlink(missing_ok=True)
        raise
    for each in (*writers.values(), writer):  # the tomogram last: where it is whole, all is
        each.finish()
    return outcome


def _trust(stages: Stages, job: Job, prepared: Prepared, console: Console) -> dict[str, object]:
    """Scores without a truth, on a sample of rows; a series too short for them is said, and is no failure."""
    try:
        scores = stages.trust(job.A, job.y, job.algorithm, noise=prepared.noise)
    except UserError as error:
        console.warn(f"no trust scores: {error}")
        return {}
    if scores:
        console.say(verdict(scores, job.name))
    return scores


def _scores(out: Path, console: Console) -> dict[str, object]:
    """Against ``truth.mrc``, where the series was simulated: entries of the record."""
    found = against_truth(out)
    numbers = found.numbers
    if "psnr_db" in numbers and "ssim" in numbers:
        console.say(
            f"against the truth: PSNR {numbers['psnr_db']:.2f} dB (peak: its range), SSIM {numbers['ssim']:.3f}, NRMSE {numbers['nrmse']:.3f}"
        )
    record: dict[str, object] = {"scores": numbers, "score_notes": found.notes}
    if found.fsc is not None:
        frequency, correlation = (np.round(values, 4).tolist() for values in found.fsc)
        record["fsc_with_truth"] = {"frequency": frequency, "correlation": correlation}
    return record


def _picture(out: Path, job: Job, prepared: Prepared, outcome: Outcome, record: Mapping[str, object]) -> None:
    series = prepared.aligned
    pixel = series.geometry.pixel_nm
    size = "unknown voxel size" if pixel is None else f"voxel {pixel:.4g} nm"
    curve, per_view = record["residual_per_iteration"], record["residual_per_view"]
    assert isinstance(curve, list)
    assert isinstance(per_view, list)
    write_preview(
        out / "preview.png",
        title=f"{series.name}: {job.name}, {len(series.geometry.angles_deg)} views, {size}, residual {record['residual']:.4f}",
        slices=middle_slices(out / "tomogram.mrc"),
        before=prepared.before,
        after=series.data[:, prepared.row].numpy(),
        angles_deg=series.geometry.angles_deg,
        curve=curve,
        view_residual=per_view,
        unit=grey_unit(pixel),
    )


def _also(out: Path, formats: tuple[str, ...]) -> None:
    """The finished tomogram once more in other formats."""
    for name in formats:
        write_volume(read_volume(out / "tomogram.mrc"), out / {"tiff": "tomogram.tif", "zarr": "tomogram.ome.zarr"}[name])


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(out, error) from error


def rehearse(stages: Stages, geometry: Geometry) -> None:
    """Reconstruct nothing, once: a missing extra or an option out of range is known before the work.

    Raises whatever the projector and the algorithm raise.
    """
    A = stages.projector(Geometry(geometry.angles_deg, None), (8, 8), 8)
    count = stages.algorithm.keywords.get("n_iterations")
    once = {} if count is None else {"n_iterations": min(count, 1) if isinstance(count, int) else 1}
    stages.algorithm(A, torch.zeros(geometry.n_views, 1, 8, device=A.device), **once)


def _check_series(stages: Stages, settings: Settings, series: TiltSeries, console: Console) -> None:
    """What can be known from the series' shape: memory, disk, thickness, subsets. Says what the run will need."""
    rehearse(stages, series.geometry)
    factor = getattr(stages.preprocess, "keywords", {}).get("bin", 1)
    rows, width = (n // factor for n in series.data.shape[1:])
    narrow, wide = min(rows, width), max(rows, width)  # the frame may turn
    thickness = wide if settings.thickness_px is None else settings.thickness_px
    if not 1 <= thickness <= 4 * narrow:
        raise UserError(f"thickness_px={thickness} given, 1 to {4 * narrow} wanted (a few times the width of {narrow} at most)")
    stack_gb = 4e-9 * series.data.numel()
    need_gb = BASE_GB + STACKS_AT_ONCE * stack_gb
    if settings.memory_gb < need_gb:
        raise UserError(
            f"memory_gb={settings.memory_gb:.2g} given, at least {need_gb:.2g} wanted to clean and align this series; raise memory_gb"
        )
    disk_gb = 4e-9 * thickness * rows * width + stack_gb / factor**2
    there = next(p for p in (settings.output, *settings.output.absolute().parents) if p.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    if free_gb < disk_gb:
        raise UserError(
            f"the results need {disk_gb:.3g} GB but {str(there)[-150:]} has {free_gb:.3g} GB free; free some space or pass output=DIR"
        )
    console.say(f"plan: {need_gb:.1f} GB of memory to clean and align, {disk_gb:.2f} of {free_gb:.0f} GB on disk for the results")


def _clear(out: Path) -> None:
    """Remove what an earlier run left under our fixed names: results of two runs must not lie side by side as one."""
    names = (
        "aligned.mrc",
        "aligned.tlt",
        "aligned.xf",
        "tomogram.mrc",
        "tomogram.mrc.part",
        "tomogram.tif",
        "truth.mrc",
        "uncertainty.mrc",
        "uncertainty.mrc.part",
        "preview.png",
        "run.json",
        "report.html",
        "report.csv",
    )
    try:
        for name in (CHECKPOINT, STATE, *names, *RESULTS, *FIDUCIAL_FILES):
            (out / name).unlink(missing_ok=True)
        if (out / "tomogram.ome.zarr").exists():
            shutil.rmtree(out / "tomogram.ome.zarr")
    except OSError as error:
        raise write_error(out, error) from error


def _check_writable(out: Path) -> None:
    """Raise ``UserError`` before the work rather than after it, and without making the folder yet."""
    there = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(f"output={str(out)[-150:]} given, but {str(there)[-150:]} may not be written to; pass another output=DIR")


def _fingerprint(config: Mapping[str, object], source: Path | None) -> str:
    """Of all that decides the pixels of the result: the config but for where and how it runs, the input file, the version."""
    relevant = {
        k: v
        for k, v in config.items()
        if k not in ("resume", "output", "also", "memory_gb", "threads", "trust", "analyze", "report")
    }
    if source is not None and source.exists():
        stat = source.stat()
        relevant["input_stat"] = (stat.st_size, stat.st_mtime_ns)
    text = json.dumps([relevant, recon.__version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
