"""The same reconstruction on larger pixels: what withheld views say hardly depends on them, and it
costs the third power less."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.algorithms.noise import noise_sigma
from recon.geometry import Geometry
from recon.preprocess.binning import bin_precision, fourier_bin
from recon.projectors.base import Projector
from recon.projectors.masked import MaskedProjector, filled, masked

COLUMNS = 128  # that are left at least
FEWEST_ROWS = 4  # that are left at least, of a series that has them
SMOOTHED = 0.6  # of white noise is what interpolation leaves at least (``noise_gain``)


def factor_of(columns: int, rows: int) -> int:
    """How far views of ``rows`` x ``columns`` may be binned."""
    return max(1, min(columns // COLUMNS, rows // FEWEST_ROWS))


def coarse(A: Projector, y: Tensor, factor: int) -> tuple[Projector, Tensor]:
    """``A`` and the views ``y`` (tilt, rows, x), binned; a projection value stays what it is, so
    that a voxel's grows by ``factor``. Shifts of the rotation axis shrink with the pixels."""
    if factor == 1:
        return A, y
    old = A.geometry
    pixel = None if old.pixel_nm is None else old.pixel_nm * factor
    shifts = None if old.shifts_px is None else old.shifts_px / factor
    binned = torch.from_numpy(fourier_bin(filled(A, y).numpy(force=True), factor)).to(y.device)
    n_z, n_x = (-(-n // factor) for n in A.volume_zx)
    smaller = A.resized(Geometry(old.angles_deg, pixel, 0.0, shifts), (n_z, n_x), binned.shape[2])
    precision = bin_precision(A.root.cpu() ** 2, factor) if isinstance(A, MaskedProjector) else None
    return masked(smaller, binned, precision)


def noise_of_coarse(y: Tensor, noise: float, factor: int) -> float:
    """Standard deviation per pixel of the binned views ``y``, from that before, ``noise``.

    White noise falls by ``factor``; what interpolation had smoothed away at high frequencies does
    not come into it, so that it falls by less. How much less the views themselves say.
    """
    least = noise / factor
    return least if factor == 1 else min(max(noise_sigma(y), least), least / SMOOTHED)
