"""The stages in order: all are built before any runs. Writes the tomogram, its picture, and
``run.json``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import VolumeWriter, read_volume, write_volume
from recon.io.mrc.slabs import middle_slices
from recon.metrics.against_truth import Scores, against_truth
from recon.plausible import doubt_result
from recon.projectors.base import Projector
from recon.projectors.masked import masked
from recon.run.analysis import analyze, is_wanted, write_known
from recon.run.checkpoint import is_begun, load_prepared, write_prepared
from recon.run.fingerprint import fingerprint
from recon.run.folder import (
    CHECKPOINT,
    NAMES,
    RESTORED_STATE,
    STATE,
    check_ours,
    check_writable,
    claim,
    clear,
    listed,
    make_folder,
    of_extras,
)
from recon.run.latest import Latest, prepare_once
from recon.run.lock import locked
from recon.run.plan import Plan, Reconstruction, make_plan, set_up
from recon.run.prepare import Prepared
from recon.run.preview import write_preview
from recon.run.record import Record, grey_unit, make_record
from recon.run.restored import restored_series, squared_residual
from recon.run.slabs import Outcome, load_state, reconstruct_slabs, resumed_plan
from recon.run.stages import Settings, Stages
from recon.run.tomogram_rows import rows_of
from recon.section.found import Window
from recon.section.words import say_window
from recon.series import Slices, TiltSeries
from recon.sinogram.restoration import parts_of
from recon.stage import Settled, needs_of
from recon.trust.comparison import compare_predictions
from recon.trust.scores import TrustScores
from recon.trust.standard import RowsOf

UNFINISHED = (CHECKPOINT, STATE, RESTORED_STATE)  # what only an unfinished run leaves


def run(
    stages: Stages, settings: Settings, console: Console, latest: Latest | None = None
) -> Record:
    """Source to tomogram in ``settings.output``; returns what ``run.json`` holds. Raises
    ``UserError`` for what the user can mend.

    A run that is stopped leaves ``tomogram.mrc.part`` and two ``unfinished-*.json``; ``resume``
    goes on from there, and gives the same tomogram bit for bit. ``latest``: what the
    run before it in this process prepared.
    """
    started, out = time.monotonic(), settings.output
    key = fingerprint(settings.config, settings.files)
    # Of several, some had not begun.
    anew = settings.resume and settings.several and not is_begun(out)
    if anew and (finished := _finished(out / "run.json", settings, key)) is not None:
        console.say(f"{out.name}: finished before, kept")
        return finished
    if settings.resume and not anew:
        with locked(out):
            prepared = load_prepared(out, key)
            for warning in prepared.warnings:
                console.warn(warning)
            console.say(f"resuming {prepared.aligned.name} in {out}")
            return _to_the_end(stages, settings, prepared, key, started, console)
    check_writable(out)
    extras = needs_of(stages.algorithm).extras
    check_ours(out, settings.config, extras)
    # Before the folder is made: a source that cannot be read must leave nothing behind.
    prepared, sample = prepare_once(stages, settings, console, latest)
    prepared = replace(prepared, warnings=tuple(console.warnings))
    if settings.strict and console.warnings:
        raise UserError(f"strict=true given, and the series is in doubt: {console.warnings[0]}")
    make_folder(out)
    with locked(out):
        clear(out, settings.config, extras)
        claim(out, extras)
        write_prepared(out, prepared, sample, key)
        comparable = not _window(settings, prepared).moved
        if sample is not None and comparable and is_wanted(stages.analyze):
            write_known(out, sample, prepared.solution, prepared.bin)
        return _to_the_end(stages, settings, prepared, key, started, console)


def _to_the_end(
    stages: Stages,
    settings: Settings,
    prepared: Prepared,
    key: str,
    started: float,
    console: Console,
) -> Record:
    """From the aligned stack on the disk to the finished folder."""
    out = settings.output
    window = _window(settings, prepared)
    if settings.thickness_px == "auto":
        said = say_window(prepared.section, prepared.aligned.data.shape[2])
        console.say(said)
        prepared = replace(prepared, aligned=prepared.aligned.after(said))
    views, noise = restored_series(
        stages.restore,
        prepared.aligned,
        prepared.noise,
        out,
        key=key,
        resume=settings.resume,
        console=console,
    )
    job, settled = _job(stages, views, noise, window)
    measured = job if views is prepared.aligned else _as_measured(stages, prepared, job, window)
    for name, value in settled.found.items():
        console.say(f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}")
    plan = make_plan(job, memory_gb=settings.memory_gb, held_gb=_held_gb(prepared.aligned, views))
    console.say(plan.sentence(settings.memory_gb))
    outcome = _reconstruct(job, plan, views, settings, key, console)
    console.say(f"tomogram written: {out / 'tomogram.mrc'}")
    volume = rows_of(out / "tomogram.mrc", prepared.aligned.geometry.pixel_nm)
    if measured is not job:  # what a tomogram leaves is of the views as they were measured
        outcome = replace(outcome, view2=squared_residual(measured.A, measured.y, volume))
    trust = _trust(stages, measured, settled, prepared, window, volume, console)
    truth = _scores(out, window, console)
    analysis = analyze(stages.analyze, out, memory_gb=settings.memory_gb, console=console)
    record = make_record(
        job,
        plan,
        prepared,
        outcome,
        measured=measured,
        views=views,
        window=window,
        settled=settled.found,
        trust=trust,
        truth=truth,
        analysis=analysis,
        config=settings.config,
        threads=settings.threads,
        seconds=time.monotonic() - started,
    )
    slices = middle_slices(out / "tomogram.mrc")
    for doubt in _doubts(measured, record, slices):
        console.warn(doubt)
    _picture(out, prepared, slices, record, tuple(console.warnings))
    _also(out, settings.also)
    left = [
        name
        for name in listed((*NAMES, *of_extras(job.needs.extras)))
        if name not in UNFINISHED and (out / name).exists()
    ]
    record = replace(record, warnings=tuple(console.warnings), files=tuple(left))
    record.write(out / "run.json")
    for name in UNFINISHED:
        (out / name).unlink(missing_ok=True)
    if settings.strict and console.warnings:
        raise UserError(
            f"strict=true given, and the result in {out} is in doubt: {console.warnings[0]}"
        )
    console.say(
        f"relative residual {record.residual:.4f}, {record.seconds:.1f} s, peak memory "
        f"{record.peak_memory_gb:.2f} GB",
        f"tomogram: {out / 'tomogram.mrc'}",
        f"picture:  {out / 'preview.png'}",
    )
    return record


def _window(settings: Settings, prepared: Prepared) -> Window:
    """The part of z that is reconstructed."""
    if settings.thickness_px == "auto":
        return prepared.section.window
    return Window(
        thickness_px=settings.thickness_px,
        centre_z_px=settings.centre_z_px,
        pretilt_deg=settings.pretilt_deg,
        extend_px=settings.extend_px,
    )


def _held_gb(measured: TiltSeries, views: TiltSeries) -> float:
    """What is kept while slabs are computed: views, with what is masked and its fill."""
    kept = 1.2 if views.precision is None else 4.2
    more = 0 if views is measured else measured.data.numel()
    return 4e-9 * (kept * views.data.numel() + 1.2 * more)


def _projector(stages: Stages, width: int, window: Window) -> Callable[[Geometry], Projector]:
    thickness = width if window.thickness_px is None else window.thickness_px
    shape = (thickness, width + 2 * window.extend_px)
    return lambda of: stages.projector(window.geometry(of), shape, width)


def _job(
    stages: Stages, views: TiltSeries, noise: float, window: Window
) -> tuple[Reconstruction, Settled]:
    make = _projector(stages, views.data.shape[2], window)
    return set_up(make(views.geometry), views, stages.algorithm, noise)


def _as_measured(
    stages: Stages, prepared: Prepared, job: Reconstruction, window: Window
) -> Reconstruction:
    """``job`` of the views as they were measured: what the tomogram has to explain."""
    series = prepared.aligned
    make = _projector(stages, series.data.shape[2], window)
    A, y = masked(make(series.geometry), series.data, series.precision)
    return replace(job, A=A, y=y)


def _finished(path: Path, settings: Settings, key: str) -> Record | None:
    """The record at ``path`` where it is of this very command and of files as they are now."""
    if not path.is_file():
        return None
    record, age = Record.from_json(json.loads(path.read_text("utf-8"))), path.stat().st_mtime
    old = all(not file.exists() or file.stat().st_mtime < age for file in settings.files)
    return record if old and fingerprint(record.config, settings.files) == key else None


def _reconstruct(
    job: Reconstruction,
    plan: Plan,
    views: TiltSeries,
    settings: Settings,
    key: str,
    console: Console,
) -> Outcome:
    out, geometry = settings.output, views.geometry
    history = (*views.history, job.sentence)
    shape = (job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1])
    # The first slab may not have been finished when the run was stopped; then there is no volume to
    # go on with.
    before = load_state(out / STATE) if settings.resume else Outcome()
    resume = before.key == key
    if resume:
        plan = resumed_plan(plan, before)
    names = ["tomogram", *job.needs.extras]
    if resume and len(before.done) == len(plan.slabs):
        # Stopped while the volumes got their names, the tomogram last, or after that.
        names = [n for n in names if (out / f"{n}.mrc.part").exists()]
    writers = {
        name: VolumeWriter(
            out / f"{name}.mrc", shape, voxel_nm=geometry.pixel_nm, history=history, resume=resume
        )
        for name in names
    }
    if resume and len(before.done) == len(plan.slabs):
        for name in reversed(names):
            writers[name].finish()
        if not (out / "tomogram.mrc").exists():
            raise UserError(
                f"resume=true given, but the tomogram in {str(out)[-150:]} is gone; run without "
                "resume=true"
            )
        return before
    writer = writers.pop("tomogram")
    try:
        outcome = reconstruct_slabs(
            job, plan, writer, out / STATE, resume=resume, key=key, extra_writers=writers
        )
    except KeyboardInterrupt:
        for each in (writer, *writers.values()):
            each.close()
        if not settings.several:  # of several, the command knows the folder of all
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


def _trust(
    stages: Stages,
    measured: Reconstruction,
    settled: Settled,
    prepared: Prepared,
    window: Window,
    volume: RowsOf,
    console: Console,
) -> TrustScores:
    """Scores without a truth, on a sample of rows of the views as measured; a series too short for
    them is said, and is no failure."""
    parts, weight = None, settled.tv_weight
    if stages.restore.steps:
        make = _projector(stages, prepared.aligned.data.shape[2], window)
        # TV's own weight was chosen on other views.
        parts, weight = parts_of(prepared.aligned, stages.restore, make), None
    try:
        # A weight that the user gave may be anything: what a method is judged beside is TV at its
        # own.
        scores = stages.trust(
            measured.A,
            measured.y,
            measured.method,
            noise=prepared.noise,
            tv_weight=weight,
            volume=volume,
            parts=parts,
        )
    except UserError as error:
        console.warn(f"no trust scores: {error}")
        return TrustScores()
    if scores.withheld:
        console.say(compare_predictions(scores, measured.method.name))
    return scores


def _scores(out: Path, window: Window, console: Console) -> Scores:
    """Against ``truth.mrc``, where the series was simulated."""
    if window.moved and (out / "truth.mrc").exists():
        return Scores(notes=("not scored: the tomogram is another part of space than the truth",))
    found = against_truth(out)
    numbers = found.numbers
    if "psnr_db" in numbers and "ssim" in numbers:
        console.say(
            f"against the truth: PSNR {numbers['psnr_db']:.2f} dB (peak: its range), SSIM "
            f"{numbers['ssim']:.3f}, NRMSE {numbers['nrmse']:.3f}"
        )
    return found


def _doubts(job: Reconstruction, record: Record, slices: Slices) -> list[str]:
    """What the result itself says against it."""
    values = np.concatenate(
        [ndimage.uniform_filter(s, 7).ravel() for s in (slices.xy, slices.xz, slices.zy)]
    )
    lowest, highest = (float(q) for q in np.quantile(values, (0.005, 0.995)))
    rms = float((job.y.double() ** 2).mean()) ** 0.5
    noisy = rms == 0 or (record.noise_per_pixel or 0.0) > 0.5 * rms
    return doubt_result(
        residual=None if noisy else record.residual,
        lowest=max(lowest, 0.0) if noisy else lowest,
        highest=highest,
        wedge_energy=record.trust.invented_fraction,
        angles_deg=np.array(record.angles_deg),
    )


def _picture(
    out: Path, prepared: Prepared, slices: Slices, record: Record, warnings: tuple[str, ...]
) -> None:
    series = prepared.aligned
    pixel = series.geometry.pixel_nm
    size = "unknown voxel size" if pixel is None else f"voxel {pixel:.4g} nm"
    write_preview(
        out / "preview.png",
        title=f"{series.name}: {record.algorithm}, {len(series.geometry.angles_deg)} views, {size}, "
        f"residual {record.residual:.4f}",
        slices=slices,
        view=prepared.view,
        solution=prepared.solution,
        before=prepared.before,
        after=series.data[:, prepared.row].numpy(),
        angles_deg=series.geometry.angles_deg,
        curve=list(record.residual_per_iteration),
        view_residual=list(record.residual_per_view),
        unit=grey_unit(pixel),
        warnings=warnings,
    )


def _also(out: Path, formats: tuple[str, ...]) -> None:
    """The finished tomogram once more in other formats."""
    for name in formats:
        write_volume(
            read_volume(out / "tomogram.mrc"),
            out / {"tiff": "tomogram.tif", "zarr": "tomogram.ome.zarr"}[name],
        )
