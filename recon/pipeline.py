"""The stages in order: all are built before any runs. Writes the tomogram, its picture, and ``run.json``."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import recon
from recon.automatic import settle
from recon.console import Console
from recon.errors import UserError
from recon.io import VolumeWriter, read_volume, write_volume
from recon.io.atomic import replacing, write_error
from recon.io.mrc_slabs import middle_slices
from recon.prepare import CHECKPOINT, Prepared, load_prepared, prepare, write_prepared
from recon.preview import write_preview
from recon.projectors.base import ProjectorFactory
from recon.samples import Sample
from recon.series import TiltSeries
from recon.slabs import Job, Outcome, Plan, make_plan, stream
from recon.trust import verdict

STATE = "unfinished-slabs.json"


@dataclass(frozen=True, eq=False)
class Stages:
    """What a config was built into. ``source`` reads or makes the series; the others are stages with their options."""

    source: Callable[[], TiltSeries | Sample]
    preprocess: Callable[[TiltSeries], TiltSeries]
    align: Callable[..., TiltSeries]
    projector: ProjectorFactory
    algorithm: functools.partial[Tensor]
    trust: Callable[..., dict[str, object]]


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


def run(stages: Stages, settings: Settings, console: Console) -> dict[str, object]:
    """Source to tomogram in ``settings.output``; returns what ``run.json`` holds. Raises ``UserError`` for what the user can mend.

    A run that is stopped leaves ``tomogram.mrc.part`` and two ``unfinished-*.json``; ``resume`` goes on from there, and gives
    the same tomogram bit for bit.
    """
    started, out = time.monotonic(), settings.output
    key = _fingerprint(settings.config)
    if settings.resume:
        prepared = load_prepared(out, key)
        console.say(f"resuming {prepared.aligned.name} in {out}")
    else:
        _check_writable(out)
        # Before the folder is made: a source that cannot be read must leave nothing behind.
        prepared, sample = prepare(stages.source, stages.preprocess, stages.align, threads=settings.threads, console=console)
        _make_folder(out)
        write_prepared(out, prepared, sample, key)

    job, settled = _job(stages, settings, prepared)
    for name, value in settled.items():
        console.say(f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}")
    plan = make_plan(job, memory_gb=settings.memory_gb, held_gb=1.2 * 4e-9 * job.y.numel())
    console.say(plan.sentence(settings.memory_gb))
    outcome = _reconstruct(job, plan, prepared, settings, console)
    scores = _trust(stages, job, prepared, console)

    record = _record(job, plan, prepared, outcome, settled, settings, time.monotonic() - started)
    record["trust"] = scores
    _picture(out, job, prepared, outcome, record)
    _also(out, settings.also)
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
    if not 1 <= thickness <= 4 * width:
        raise UserError(f"thickness_px={thickness} given, 1 to {4 * width} wanted (a few times the width of {width} at most)")
    A = stages.projector(series.geometry, (thickness, width), width)
    algorithm, settled = settle(stages.algorithm, A, series.data, lambda: prepared.noise)
    pixel = series.geometry.pixel_nm
    return Job(A, series.data, algorithm, 1.0 if pixel is None else 1 / pixel), settled


def _reconstruct(job: Job, plan: Plan, prepared: Prepared, settings: Settings, console: Console) -> Outcome:
    out, geometry = settings.output, prepared.aligned.geometry
    options = ", ".join(f"{k}={v}" for k, v in job.options.items())
    history = (*prepared.aligned.history, f"reconstructed by {job.name}({options}) on {type(job.A).__name__}")
    shape = (job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1])
    # The first slab may not have been finished when the run was stopped; then there is no volume to go on with.
    resume = settings.resume and (out / STATE).exists()
    writer = VolumeWriter(out / "tomogram.mrc", shape, voxel_nm=geometry.pixel_nm, history=history, resume=resume)
    if not resume:
        (out / STATE).unlink(missing_ok=True)
    iterations = job.options.get("n_iterations", 1)
    total = shape[1] * (iterations if isinstance(iterations, int) else 1)
    try:
        with console.progress(f"{job.name} {shape[0]} x {shape[1]} x {shape[2]}", total) as advance:
            outcome = stream(job, plan, writer, out / STATE, resume=resume, on_step=advance)
    except KeyboardInterrupt:
        writer.close()
        console.warn(f"stopped; what is done is kept: repeat the command with resume=true output={out}")
        raise
    writer.finish()
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


def _record(
    job: Job, plan: Plan, prepared: Prepared, outcome: Outcome, settled: dict[str, object], settings: Settings, seconds: float
) -> dict[str, object]:
    """Everything that was found, done and used."""
    view_power = np.array([float((view.double() ** 2).sum()) for view in job.y])  # one double-precision view at a time
    power = float(view_power.sum()) or 1.0
    series = prepared.aligned
    return {
        "name": series.name,
        "algorithm": job.name,
        "options": job.options,
        "settled": settled,
        "projector": type(job.A).__name__,
        "residual": float(np.sqrt(sum(outcome.view2) / power)),
        "residual_per_iteration": np.sqrt(np.array(outcome.residual2) / power).tolist(),
        "residual_per_view": np.sqrt(np.array(outcome.view2) / np.maximum(view_power, 1e-30)).tolist(),
        "noise_per_pixel": prepared.noise,
        "shape_zyx": [job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1]],
        "voxel_nm": series.geometry.pixel_nm,
        "grey_unit": _unit(series.geometry.pixel_nm),
        "angles_deg": series.geometry.angles_deg.tolist(),
        "axis_deg": prepared.solution.axis_deg,
        "shifts_px": [] if prepared.solution.shifts_px is None else (prepared.solution.shifts_px * prepared.bin).tolist(),
        "bin": prepared.bin,
        "against_truth": prepared.truth,
        "history": series.history,
        "facts": series.facts,
        "plan": {"slabs": plan.slabs, "overlap": plan.overlap, "peak_gb": plan.peak_gb, "estimated_seconds": plan.seconds},
        "seconds": seconds,
        "peak_memory_gb": peak_memory_gb(),
        "threads": settings.threads,
        "config": settings.config,
        "versions": _versions(),
        "machine": f"{platform.platform()}, {platform.processor() or platform.machine()}",
        "command": sys.argv,
    }


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
        unit=_unit(pixel),
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


def _check_writable(out: Path) -> None:
    """Raise ``UserError`` before the work rather than after it, and without making the folder yet."""
    there = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(f"output={str(out)[-150:]} given, but {str(there)[-150:]} may not be written to; pass another output=DIR")


def _fingerprint(config: Mapping[str, object]) -> str:
    """Of all that decides the pixels of the result: the config but for where and how it runs, the input file, the version."""
    relevant = {k: v for k, v in config.items() if k not in ("resume", "output", "also")}
    source = config.get("input")
    if isinstance(source, str) and Path(source).expanduser().exists():
        stat = Path(source).expanduser().stat()
        relevant["input_stat"] = (stat.st_size, stat.st_mtime_ns)
    text = json.dumps([relevant, recon.__version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _unit(pixel_nm: float | None) -> str:
    return "projection value / voxel" if pixel_nm is None else "projection value / nm"


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6) * (1.0 if sys.platform == "darwin" else 1.024)


def _versions() -> dict[str, str]:
    found = {"tiltwise": recon.__version__, "python": platform.python_version(), "torch": torch.__version__}
    for name in ("numpy", "scipy", "numba", "hydra-core", "astra-toolbox"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
