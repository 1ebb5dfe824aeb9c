"""The aligned stack on the disk, from which a run that was stopped goes on."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.as_json import from_json, to_json
from recon.errors import UserError
from recon.geometry import Geometry, axis_rotation
from recon.io import read_volume, write_tilt_series, write_tlt, write_volume, write_xf
from recon.io.atomic import replacing
from recon.metrics.overlay import overlay
from recon.run.fiducials import write_fiducials
from recon.run.folder import CHECKPOINT
from recon.run.prepare import Prepared
from recon.run.record import Facts
from recon.run.recorded import Recorded
from recon.series import TiltSeries
from recon.simulate.sample import Sample


def write_prepared(out: Path, prepared: Prepared, sample: Sample | None, key: str) -> None:
    """``aligned.mrc``, ``.tlt``, ``.xf`` (IMOD: raw pixels, binning 1), the fiducials,
    ``truth.mrc`` of a sample, and the checkpoint."""
    found = prepared.solution
    write_tilt_series(prepared.aligned, out / "aligned.mrc")
    write_tlt(out / "aligned.tlt", found.angles_deg)
    # IMOD's matrices act on (x, y), ours on (y, x): both axes reversed.
    matrices = (
        np.repeat(axis_rotation(found.axis_deg)[None], found.n_views, 0)
        if found.matrices is None
        else found.matrices
    )
    shifts = np.zeros((found.n_views, 2)) if found.shifts_px is None else found.shifts_px
    write_xf(out / "aligned.xf", matrices[:, ::-1, ::-1], shifts[:, ::-1] * prepared.bin)
    if prepared.fiducials is not None:
        write_fiducials(out, prepared.fiducials, found.pixel_nm, prepared.bin)
    if sample is not None:
        write_volume(overlay(sample.truth, sample.geometry, found, prepared.bin), out / "truth.mrc")
    series = prepared.aligned
    claimed = (
        json.loads((out / CHECKPOINT).read_text("utf-8")) if (out / CHECKPOINT).exists() else {}
    )
    checkpoint = claimed | {
        "key": key,
        "aligned_sha256": _sha256(out / "aligned.mrc"),
        "name": series.name,
        "history": series.history,
        "facts": to_json(Facts(series.facts, prepared.found, prepared.section)),
        "angles_deg": found.angles_deg.tolist(),
        "pixel_nm": found.pixel_nm,
        "axis_deg": found.axis_deg,
        "shifts_px": None if found.shifts_px is None else found.shifts_px.tolist(),
        "matrices": None if found.matrices is None else found.matrices.tolist(),
        "bin": prepared.bin,
        "noise": prepared.noise,
        "before": prepared.before.tolist(),
        "row": prepared.row,
        "view": prepared.view.to_json(),
        "truth": prepared.truth,
        "warnings": list(prepared.warnings),
        "measured": _packed(series.precision),
    }
    with replacing(out / CHECKPOINT) as temporary:
        temporary.write_text(json.dumps(checkpoint), "utf-8")


def is_begun(out: Path) -> bool:
    """Whether ``out`` holds more of an unfinished run than the claim that it was to begin."""
    try:
        saved = json.loads((out / CHECKPOINT).read_text("utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True  # damaged, which ``load_prepared`` says
    return not (isinstance(saved, dict) and set(saved) == {"files"})


def load_prepared(out: Path, key: str) -> Prepared:
    """What an interrupted run left in ``out``. Raises ``UserError`` when there is nothing, or it is
    of another configuration."""
    path = out / CHECKPOINT
    if not path.exists():
        done = " (it holds a finished tomogram)" if (out / "tomogram.mrc").exists() else ""
        raise UserError(
            f"resume=true given, but {str(out)[-150:]} holds no unfinished run{done}; run without "
            f"resume=true"
        )
    try:
        saved = json.loads(path.read_text("utf-8"))
        if set(saved) == {"files"}:
            raise UserError(
                f"resume=true given, but the run in {str(out)[-150:]} was stopped before its "
                f"alignment was written; run without resume=true"
            )
        same_stack = saved["aligned_sha256"] == _sha256(out / "aligned.mrc")
    except (ValueError, KeyError, OSError) as error:
        raise UserError(
            f"{path.name} in {str(out)[-150:]} is damaged and cannot be resumed; run without "
            f"resume=true"
        ) from error
    if not same_stack:
        raise UserError(
            f"resume=true given, but aligned.mrc in {str(out)[-150:]} was changed since; run "
            f"without resume=true"
        )
    if saved["key"] != key:
        raise UserError(
            f"resume=true given, but the unfinished run in {str(out)[-150:]} had other settings or "
            f"another input; repeat its exact command "
            "with resume=true, or run without it to start again"
        )
    volume = read_volume(out / "aligned.mrc")
    facts = from_json(Facts, saved["facts"])
    angles, pixel = np.array(saved["angles_deg"]), saved["pixel_nm"]
    aligned = TiltSeries(
        volume.data,
        Geometry(angles, pixel),
        saved["name"],
        tuple(saved["history"]),
        facts.further,
        _unpacked(saved.get("measured"), tuple(volume.data.shape)),
    )
    solution = Geometry(angles, pixel, saved["axis_deg"], saved["shifts_px"], saved["matrices"])
    before = np.array(saved["before"], np.float32)
    return Prepared(
        aligned,
        solution,
        saved["bin"],
        saved["noise"],
        before,
        saved["row"],
        Recorded.from_json(saved["view"]),
        saved["truth"],
        facts.align,
        warnings=tuple(saved.get("warnings", ())),
        section=facts.section,
    )


def _packed(precision: Tensor | None) -> str | None:
    """Which pixels were measured, a bit each, compressed."""
    if precision is None:
        return None
    bits = np.packbits(precision.numpy() > 0)
    return base64.b64encode(zlib.compress(bits.tobytes())).decode("ascii")


def _unpacked(text: str | None, shape: tuple[int, ...]) -> Tensor | None:
    if text is None:
        return None
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    measured = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape)
    return torch.from_numpy(measured.astype(np.float32))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
