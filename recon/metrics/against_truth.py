"""A finished folder's tomogram against its truth, where the specimen is known: numbers, and the
Fourier shell correlation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from recon.errors import UserError
from recon.io.mrc.planes import read_header, read_rows, size
from recon.metrics.curve import Curve
from recon.metrics.volumes import crossing, fsc, nrmse, psnr, ssim

SCORED_VOXELS = 20_000_000  # of a larger volume the middle rows are scored
FSC_VOXELS = 1 << 22  # fewer for the transforms, which hold a dozen double-precision copies


@dataclass(frozen=True)
class Scores:
    """``numbers`` by name, ``fsc`` if there is one, and in ``notes`` what could not be scored and
    why."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    fsc: Curve | None = None
    notes: tuple[str, ...] = ()


def against_truth(folder: Path) -> Scores:
    """PSNR (peak: the range of the truth), SSIM, NRMSE and FSC of ``tomogram.mrc`` against
    ``truth.mrc``; empty without a truth."""
    paths = folder / "tomogram.mrc", folder / "truth.mrc"
    if not all(path.exists() for path in paths):
        return Scores()
    try:
        shapes = [read_header(path).shape for path in paths]
        if shapes[0] != shapes[1]:
            return Scores(
                notes=(
                    f"not scored: the tomogram has {size(shapes[0])} voxels, the truth "
                    f"{size(shapes[1])}",
                )
            )
        nz, ny, nx = shapes[0]
        rows = min(ny, max(1, SCORED_VOXELS // (nz * nx)))
        volume, truth = (
            torch.from_numpy(read_rows(path, (ny - rows) // 2, rows)) for path in paths
        )
    except (OSError, UserError) as error:
        return Scores(notes=(f"not scored: {error}",))
    found: dict[str, float] = {}
    notes = [] if rows == ny else [f"scored on the middle {rows} of {ny} rows"]
    for name, score in (("psnr_db", psnr), ("ssim", ssim), ("nrmse", nrmse)):
        try:
            found[name] = score(volume, truth)
        except UserError as error:
            notes.append(f"no {name}: {error}")
    curve = None
    fewer = min(rows, max(1, FSC_VOXELS // (nz * nx)))
    middle = slice((rows - fewer) // 2, (rows - fewer) // 2 + fewer)
    try:
        frequency, correlation = fsc(volume[:, middle], truth[:, middle])
        curve = Curve(tuple(frequency.tolist()), tuple(correlation.tolist()))
        found |= {f"fsc_{level}": crossing(frequency, correlation, level) for level in (0.5, 0.143)}
        notes += (
            []
            if fewer == rows
            else [f"Fourier shell correlation of the middle {fewer} of {ny} rows"]
        )
    except UserError as error:
        notes.append(f"no FSC: {error}")
    return Scores(found, curve, tuple(notes))
