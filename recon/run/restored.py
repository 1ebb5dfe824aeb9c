"""The views that are reconstructed, where they are not as measured: made once, kept beside the
measured ones, and taken from there when a run is resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.as_json import to_json
from recon.console import Console
from recon.geometry import Geometry
from recon.io import read_volume, write_tilt_series
from recon.io.atomic import replacing
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.projectors.masked import of_rows
from recon.run.before_after import draw_before_after
from recon.run.folder import RESTORED_STATE
from recon.series import TiltSeries
from recon.sinogram.restoration import Restoration, remaining_noise

FILE, PRECISION, PICTURE = "restored.mrc", "precision.mrc", "restored.png"
ROWS = 64  # of the volume that are projected at once


def restored_series(
    restoration: Restoration,
    measured: TiltSeries,
    noise: float,
    out: Path,
    *,
    key: str,
    resume: bool,
    console: Console,
) -> tuple[TiltSeries, float]:
    """(what is reconstructed, its noise per pixel) of the ``measured`` aligned series.

    Where there is something to do it is written to ``restored.mrc`` with its ``.tlt``, how far its
    pixels can be believed to ``precision.mrc`` where they differ, and a picture of before and after
    to ``restored.png``. A run that goes on (``key``) reads what it had written.
    """
    if not restoration.steps:
        return measured, noise
    found = _load(out, key) if resume else None
    if found is not None:
        console.say("views restored before the run was stopped, kept")
        return found, remaining_noise(found, noise)
    made = restoration(measured)
    console.say(*made.history[len(measured.history) :])
    for doubt in made.warnings[len(measured.warnings) :]:
        console.warn(doubt)
    _write(out, made, key)
    draw_before_after(out / PICTURE, measured, made)
    return made, remaining_noise(made, noise)


def squared_residual(A: Projector, y: Tensor, volume: Callable[[slice], Tensor]) -> list[float]:
    """(tilt,) ||y - A x||^2 of every view of ``y`` (tilt, y, x), as measured. ``volume``: rows ->
    (z, rows, x), in units of the projector."""
    total = np.zeros(len(y))
    for first in track_each("comparing with the views as measured", range(0, y.shape[1], ROWS)):
        rows = slice(first, min(first + ROWS, y.shape[1]))
        error = of_rows(A, rows)(volume(rows).to(A.device)) - y[:, rows].to(A.device)
        total += (error.double() ** 2).sum((1, 2)).numpy(force=True)
    return [float(v) for v in total]


def _write(out: Path, made: TiltSeries, key: str) -> None:
    write_tilt_series(made, out / FILE)
    files = [FILE]
    if made.precision is not None:
        confidence = TiltSeries(made.precision.float(), made.geometry, "precision", made.history)
        write_tilt_series(confidence, out / PRECISION)
        files.append(PRECISION)
    state = {
        "key": key,
        "sha256": {name: _sha256(out / name) for name in files},
        "name": made.name,
        "history": made.history,
        "facts": to_json(made.facts),
        "warnings": made.warnings,
        "angles_deg": made.geometry.angles_deg.tolist(),
        "pixel_nm": made.geometry.pixel_nm,
    }
    with replacing(out / RESTORED_STATE) as temporary:
        temporary.write_text(json.dumps(state), "utf-8")


def _load(out: Path, key: str) -> TiltSeries | None:
    """What was written of the run ``key``; None where it is not there whole."""
    try:
        saved = json.loads((out / RESTORED_STATE).read_text("utf-8"))
        digests = saved["sha256"]
        if saved["key"] != key or any(_sha256(out / n) != d for n, d in digests.items()):
            return None
        precision = read_volume(out / PRECISION).data if PRECISION in digests else None
        return TiltSeries(
            read_volume(out / FILE).data.to(torch.float32),
            Geometry(np.array(saved["angles_deg"]), saved["pixel_nm"]),
            saved["name"],
            tuple(saved["history"]),
            saved["facts"],
            precision,
            tuple(saved["warnings"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
