"""What every projector is: a linear operator A from a volume to its tilt series, with its
adjoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry


class Projector(Protocol):
    """A(x) and A.T(y), with unit pixels, for one single-axis geometry.

    Rows (y, along the tilt axis) are independent 2-D problems, so any number of them may be passed;
    only the other axes are fixed: ``volume_zx`` is (z, x) and ``sinogram_tx`` is (tilt, x). Leading
    batch axes are kept. Operands live on ``device``.
    """

    geometry: Geometry
    volume_zx: tuple[int, int]
    sinogram_tx: tuple[int, int]
    device: torch.device

    def __call__(self, volume: Tensor) -> Tensor:
        """(..., z, y, x) -> (..., tilt, y, x): line integrals in units of (voxel value * pixel)."""

    def T(self, sinogram: Tensor) -> Tensor:
        """(..., tilt, y, x) -> (..., z, y, x): the adjoint, an unfiltered back-projection."""

    def smear(self, sinogram: Tensor) -> Tensor:
        """(..., tilt, y, x) -> (..., z, y, x): every voxel takes each view's linearly interpolated
        value, summed.

        Not the adjoint: it is what a filtered back-projection wants, because its weights add up to
        1 at every angle.
        """

    def views(self, index: np.ndarray) -> Projector:
        """The same projector for some of the views, for ordered subsets and withheld views."""


ProjectorFactory = Callable[[Geometry, tuple[int, int], int], Projector]
"""(geometry, (z, x) of the volume, detector width) -> Projector"""


def check_operand(operand: Tensor, wanted: tuple[int, int], what: str) -> None:
    """Raise ``UserError`` unless ``operand`` is (..., wanted[0], rows, wanted[1])."""
    if operand.ndim < 3 or (operand.shape[-3], operand.shape[-1]) != wanted:
        raise UserError(
            f"a {what} of shape {tuple(operand.shape)} given, (..., {wanted[0]}, rows, "
            f"{wanted[1]}) wanted; "
            "build the projector for this shape"
        )


def take_views(geometry: Geometry, index: np.ndarray) -> Geometry:
    """The geometry of some views, in the order of ``index``."""
    shifts = None if geometry.shifts_px is None else geometry.shifts_px[index]
    return Geometry(geometry.angles_deg[index], geometry.pixel_nm, geometry.axis_deg, shifts)


def column_shifts(geometry: Geometry) -> np.ndarray:
    """(tilt,) where the rotation axis lands, in columns from the detector's centre: a shift *to
    add* of +1 means it lies at -1."""
    if geometry.shifts_px is None:
        return np.zeros(geometry.n_views)
    return np.array(-geometry.shifts_px[:, 1])
