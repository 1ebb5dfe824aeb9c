"""From a source to an aligned stack on the disk: read, preprocess, align, resample once; and back from the disk to resume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from recon.algorithms.noise import noise_sigma
from recon.align.resample import noise_gain, resample
from recon.console import Console
from recon.errors import UserError
from recon.fiducial_files import write_fiducials
from recon.geometry import Geometry, axis_rotation, view_freedom
from recon.io import read_volume, write_tilt_series, write_tlt, write_volume, write_xf
from recon.io.atomic import replacing
from recon.samples import Sample
from recon.series import TiltSeries, Volume

CHECKPOINT = "unfinished-alignment.json"


@dataclass(frozen=True, eq=False)
class Prepared:
    """``aligned``: the stack to reconstruct. ``solution``: axis and shifts found, in (binned) raw pixels; ``bin``: by how much.

    ``noise``: standard deviation per aligned pixel. ``before``: (tilt, x) one row of the stack, turned but not aligned, for the
    picture; ``row`` is its index. ``truth``: errors against a sample's known geometry. ``fiducials``: beads and tracks, if there are.
    """

    aligned: TiltSeries
    solution: Geometry
    bin: int
    noise: float
    before: np.ndarray
    row: int
    truth: dict[str, float]
    fiducials: Mapping[str, object] | None = None


def prepare(
    source: Callable[[], TiltSeries | Sample],
    preprocess: Callable[[TiltSeries], TiltSeries],
    align: Callable[..., TiltSeries],
    *,
    check: Callable[[TiltSeries], None],
    threads: int,
    console: Console,
) -> tuple[Prepared, Sample | None]:
    """Run the stages up to the aligned stack, saying what each did. The sample is returned when the source was one.

    ``check`` sees the series as it was read, and raises what must be known before the work.
    """
    made = source()
    sample = made if isinstance(made, Sample) else None
    raw = made.series if isinstance(made, Sample) else made
    del made  # the raw stack is freed as soon as it is cleaned
    console.say(*raw.history)
    low, high = float(raw.geometry.angles_deg.min()), float(raw.geometry.angles_deg.max())
    if max(-low, high) > 90:
        console.warn(
            f"tilt angles from {low:g} to {high:g} degrees, beyond +-90 as only needles allow; check them, or pass angles=..."
        )
    check(raw)
    clean = preprocess(raw)
    console.say(*clean.history[len(raw.history) :])
    del raw
    solved = align(clean, threads=threads)
    console.say(*solved.history[len(clean.history) :])
    found = solved.facts.get("align")
    if isinstance(found, dict) and "warning" in found:
        console.warn(str(found["warning"]))
    beads = solved.facts.get("fiducials")
    if beads is not None:  # they become files of their own
        solved = replace(solved, facts={k: v for k, v in solved.facts.items() if k != "fiducials"})
    aligned = resample(solved, threads=threads)
    factor = int(str(clean.facts.get("bin", 1)))
    truth = {} if sample is None else _against(sample.geometry, solved.geometry, factor)

    # What alignment has to work with, for the picture: the same rows turned by the nearest quarter, shifts not undone.
    unshifted = Geometry(solved.geometry.angles_deg, None, 90 * round(solved.geometry.axis_deg / 90))
    turned = resample(TiltSeries(clean.data, unshifted)).data
    row = int(torch.argmax(aligned.data.var(dim=(0, 2))))
    before = turned[:, min(row, turned.shape[1] - 1)].numpy().copy()
    noise = noise_sigma(clean.data) * noise_gain(solved.geometry)
    fiducials = beads if isinstance(beads, dict) else None
    return Prepared(aligned, solved.geometry, factor, noise, before, row, truth, fiducials), sample


def write_prepared(out: Path, prepared: Prepared, sample: Sample | None, key: str) -> None:
    """``aligned.mrc``, ``.tlt``, ``.xf`` (IMOD: raw pixels, binning 1), the fiducials, ``truth.mrc`` of a sample, and the checkpoint."""
    found = prepared.solution
    write_tilt_series(prepared.aligned, out / "aligned.mrc")
    write_tlt(out / "aligned.tlt", found.angles_deg)
    # IMOD's matrices act on (x, y), ours on (y, x): both axes reversed.
    matrices = np.repeat(axis_rotation(found.axis_deg)[None], found.n_views, 0) if found.matrices is None else found.matrices
    shifts = np.zeros((found.n_views, 2)) if found.shifts_px is None else found.shifts_px
    write_xf(out / "aligned.xf", matrices[:, ::-1, ::-1], shifts[:, ::-1] * prepared.bin)
    if prepared.fiducials is not None:
        write_fiducials(out, prepared.fiducials, found.pixel_nm, prepared.bin)
    if sample is not None:
        write_volume(overlay(sample.truth, sample.geometry, found, prepared.bin), out / "truth.mrc")
    series = prepared.aligned
    claimed = json.loads((out / CHECKPOINT).read_text("utf-8")) if (out / CHECKPOINT).exists() else {}
    checkpoint = claimed | {
        "key": key,
        "aligned_sha256": _sha256(out / "aligned.mrc"),
        "name": series.name,
        "history": series.history,
        "facts": series.facts,
        "angles_deg": found.angles_deg.tolist(),
        "pixel_nm": found.pixel_nm,
        "axis_deg": found.axis_deg,
        "shifts_px": shifts.tolist(),
        "matrices": None if found.matrices is None else found.matrices.tolist(),
        "bin": prepared.bin,
        "noise": prepared.noise,
        "before": prepared.before.tolist(),
        "row": prepared.row,
        "truth": prepared.truth,
    }
    with replacing(out / CHECKPOINT) as temporary:
        temporary.write_text(json.dumps(checkpoint), "utf-8")


def load_prepared(out: Path, key: str) -> Prepared:
    """What an interrupted run left in ``out``. Raises ``UserError`` when there is nothing, or it is of another configuration."""
    path = out / CHECKPOINT
    if not path.exists():
        done = " (it holds a finished tomogram)" if (out / "tomogram.mrc").exists() else ""
        raise UserError(f"resume=true given, but {str(out)[-150:]} holds no unfinished run{done}; run without resume=true")
    try:
        saved = json.loads(path.read_text("utf-8"))
        if set(saved) == {"files"}:
            raise UserError(
                f"resume=true given, but the run in {str(out)[-150:]} was stopped before its alignment was written; run without resume=true"
            )
        same_stack = saved["aligned_sha256"] == _sha256(out / "aligned.mrc")
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"{path.name} in {str(out)[-150:]} is damaged and cannot be resumed; run without resume=true") from error
    if not same_stack:
        raise UserError(f"resume=true given, but aligned.mrc in {str(out)[-150:]} was changed since; run without resume=true")
    if saved["key"] != key:
        raise UserError(
            f"resume=true given, but the unfinished run in {str(out)[-150:]} had other settings or another input; repeat its exact command "
            "with resume=true, or run without it to start again"
        )
    volume = read_volume(out / "aligned.mrc")
    angles, pixel = np.array(saved["angles_deg"]), saved["pixel_nm"]
    aligned = TiltSeries(volume.data, Geometry(angles, pixel), saved["name"], tuple(saved["history"]), saved["facts"])
    solution = Geometry(angles, pixel, saved["axis_deg"], np.array(saved["shifts_px"]), saved["matrices"])
    before = np.array(saved["before"], np.float32)
    return Prepared(aligned, solution, saved["bin"], saved["noise"], before, saved["row"], saved["truth"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def overlay(truth: Volume, made: Geometry, found: Geometry, factor: int) -> Volume:
    """The true volume where the found geometry puts it, binned by ``factor``: so that it lies on the tomogram voxel by voxel.

    Alignment is free to move the specimen as a whole (``view_freedom``), and to run through the axis the other way, which inverts it.
    """
    data = truth.data.numpy()
    error, inverted = _shift_error(made, found, factor)
    if inverted:
        data = data[::-1, ::-1, ::-1]
    t = np.deg2rad(found.angles_deg)
    motion = np.stack([np.sin(t), np.cos(t)], axis=1)
    z, x = np.linalg.lstsq(motion, error[:, 1], rcond=None)[0]
    moved = ndimage.shift(data, (z, error[:, 0].mean(), x), order=3, mode="constant")
    if factor > 1:
        n_z, n_y, n_x = (n // factor for n in moved.shape)
        moved = moved[: n_z * factor, : n_y * factor, : n_x * factor]
        moved = moved.reshape(n_z, factor, n_y, factor, n_x, factor).mean((1, 3, 5))
    voxel = None if truth.voxel_nm is None else truth.voxel_nm * factor
    step = f"moved by ({z:.2f}, {error[:, 0].mean():.2f}, {x:.2f}) voxels onto the tomogram" + (", inverted" if inverted else "")
    return Volume(torch.from_numpy(np.maximum(moved, 0).astype(np.float32)), voxel, truth.name, (*truth.history, step))


def _shift_error(made: Geometry, found: Geometry, factor: int) -> tuple[np.ndarray, bool]:
    """((tilt, 2) found minus true shifts in raw pixels, whether the axis runs the other way)."""
    shifts = np.zeros((found.n_views, 2)) if found.shifts_px is None else found.shifts_px * factor
    true = np.zeros_like(shifts) if made.shifts_px is None else made.shifts_px
    inverted = abs((found.axis_deg - made.axis_deg + 180) % 360 - 180) > 90
    return shifts - (-true if inverted else true), inverted


def _against(made: Geometry, found: Geometry, factor: int) -> dict[str, float]:
    """Errors of the found geometry in raw pixels; motions of the whole specimen (``view_freedom``) are no errors."""
    axis = (found.axis_deg - made.axis_deg + 90) % 180 - 90
    error, _ = _shift_error(made, found, factor)
    error = error - view_freedom(error, found.angles_deg)
    return {"axis_error_deg": round(float(axis), 4), "shift_error_px_rms": round(float(np.sqrt((error**2).sum(1).mean())), 4)}
