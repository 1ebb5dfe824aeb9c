"""The stages in order: all are built before any runs. Writes the tomogram, its picture, and
``run.json``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recon.automatic import settle
from recon.console import Console
from recon.errors import UserError
from recon.io import VolumeWriter, read_volume, write_volume
from recon.io.atomic import replacing
from recon.io.mrc.slabs import middle_slices
from recon.metrics.against_truth import against_truth
from recon.run.analysis import analyze, wanted, write_known
from recon.run.checkpoint import CHECKPOINT, load_prepared, write_prepared
from recon.run.folder import (
    NAMES,
    STATE,
    check_ours,
    check_writable,
    claim,
    clear,
    fingerprint,
    listed,
    make_folder,
)
from recon.run.lock import held
from recon.run.plan import Job, Plan, make_plan
from recon.run.preflight import check_series
from recon.run.prepare import Prepared, prepare
from recon.run.preview import write_preview
from recon.run.record import grey_unit, make_record
from recon.run.slabs import Outcome, load_state, resumed_plan, stream
from recon.run.stages import Settings, Stages
from recon.trust.verdict import verdict


def run(stages: Stages, settings: Settings, console: Console) -> dict[str, object]:
    """Source to tomogram in ``settings.output``; returns what ``run.json`` holds. Raises
    ``UserError`` for what the user can mend.

    A run that is stopped leaves ``tomogram.mrc.part`` and two ``unfinished-*.json``; ``resume``
    goes on from there, and gives the same tomogram bit for bit.
    """
    started, out = time.monotonic(), settings.output
    key = fingerprint(settings.config, settings.source)
    if settings.resume:
        with held(out):
            prepared = load_prepared(out, key)
            console.say(f"resuming {prepared.aligned.name} in {out}")
            return _to_the_end(stages, settings, prepared, key, started, console)
    check_writable(out)
    check_ours(out, settings.config)
    # Before the folder is made: a source that cannot be read must leave nothing behind.
    prepared, sample = prepare(
        stages.source,
        stages.preprocess,
        stages.align,
        check=lambda series: check_series(stages, settings, series, console),
        threads=settings.threads,
        console=console,
    )
    make_folder(out)
    with held(out):
        clear(out, settings.config)
        claim(out)
        write_prepared(out, prepared, sample, key)
        if sample is not None and wanted(stages.analyze):
            write_known(out, sample, prepared.solution, prepared.bin)
        return _to_the_end(stages, settings, prepared, key, started, console)


def _to_the_end(
    stages: Stages,
    settings: Settings,
    prepared: Prepared,
    key: str,
    started: float,
    console: Console,
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
    record["files"] = [
        name for name in listed(NAMES) if name not in (CHECKPOINT, STATE) and (out / name).exists()
    ]
    with replacing(out / "run.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1, default=str), "utf-8")
    for name in (CHECKPOINT, STATE):
        (out / name).unlink(missing_ok=True)
    console.say(
        f"relative residual {record['residual']:.4f}, {record['seconds']:.1f} s, peak memory "
        f"{record['peak_memory_gb']:.2f} GB",
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


def _reconstruct(
    job: Job, plan: Plan, prepared: Prepared, settings: Settings, key: str, console: Console
) -> Outcome:
    out, geometry = settings.output, prepared.aligned.geometry
    options = ", ".join(f"{k}={v}" for k, v in job.options.items())
    history = (
        *prepared.aligned.history,
        f"reconstructed by {job.name}({options}) on {type(job.A).__name__}",
    )
    shape = (job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1])
    # The first slab may not have been finished when the run was stopped; then there is no volume to
    # go on with.
    before = load_state(out / STATE) if settings.resume else Outcome()
    resume = before.key == key
    if resume:
        plan = resumed_plan(plan, before)
        if (
            len(before.done) == len(plan.slabs)
            and (out / "tomogram.mrc").exists()
            and not (out / "tomogram.mrc.part").exists()
        ):
            return before  # stopped between the volume and the record
    names = ["tomogram", *(["uncertainty"] if job.options.get("uncertainty") else [])]
    writers = {
        name: VolumeWriter(
            out / f"{name}.mrc", shape, voxel_nm=geometry.pixel_nm, history=history, resume=resume
        )
        for name in names
    }
    writer = writers.pop("tomogram")
    try:
        outcome = stream(
            job, plan, writer, out / STATE, resume=resume, key=key, extra_writers=writers
        )
    except KeyboardInterrupt:
        for each in (writer, *writers.values()):
            each.close()
        console.warn(
            f"stopped; what is done is kept: repeat the command with resume=true output={out}"
        )
        raise
    except UserError:
        for each in (writer, *writers.values()):
            each.discard()
        (out / STATE).unlink(missing_ok=True)
        raise
    for each in (*writers.values(), writer):  # the tomogram last: where it is whole, all is
        each.finish()
    return outcome


def _trust(stages: Stages, job: Job, prepared: Prepared, console: Console) -> dict[str, object]:
    """Scores without a truth, on a sample of rows; a series too short for them is said, and is no
    failure."""
    try:
        # A weight that the user gave may be anything: what a method is judged beside is TV at its
        # own.
        own = stages.algorithm.keywords.get("weight") == "auto"
        weight = job.algorithm.keywords["weight"] if own else None
        scores = stages.trust(job.A, job.y, job.algorithm, noise=prepared.noise, tv_weight=weight)
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
            f"against the truth: PSNR {numbers['psnr_db']:.2f} dB (peak: its range), SSIM "
            f"{numbers['ssim']:.3f}, NRMSE {numbers['nrmse']:.3f}"
        )
    record: dict[str, object] = {"scores": numbers, "score_notes": found.notes}
    if found.fsc is not None:
        frequency, correlation = (np.round(values, 4).tolist() for values in found.fsc)
        record["fsc_with_truth"] = {"frequency": frequency, "correlation": correlation}
    return record


def _picture(
    out: Path, job: Job, prepared: Prepared, outcome: Outcome, record: Mapping[str, object]
) -> None:
    series = prepared.aligned
    pixel = series.geometry.pixel_nm
    size = "unknown voxel size" if pixel is None else f"voxel {pixel:.4g} nm"
    curve, per_view = record["residual_per_iteration"], record["residual_per_view"]
    assert isinstance(curve, list)
    assert isinstance(per_view, list)
    write_preview(
        out / "preview.png",
        title=f"{series.name}: {job.name}, {len(series.geometry.angles_deg)} views, {size}, "
        f"residual {record['residual']:.4f}",
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
        write_volume(
            read_volume(out / "tomogram.mrc"),
            out / {"tiff": "tomogram.tif", "zarr": "tomogram.ome.zarr"}[name],
        )
