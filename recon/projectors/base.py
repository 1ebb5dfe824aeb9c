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

    ``reuse``: an earlier result of the same direction that is no longer wanted. Its memory may hold
    the new one, and need not: use what is returned. An iteration that passes its last result asks
    the system for no memory.
    """

    geometry: Geometry
    volume_zx: tuple[int, int]
    sinogram_tx: tuple[int, int]
    device: torch.device

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        """(..., z, y, x) -> (..., tilt, y, x): line integrals in units of (voxel value * pixel)."""

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        """(..., tilt, y, x) -> (..., z, y, x): the adjoint, an unfiltered back-projection."""

    def smear(self, sinogram: Tensor) -> Tensor:
        """(..., tilt, y, x) -> (..., z, y, x): every voxel takes each view's linearly interpolated
        value, summed.

        Not the adjoint: it is what a filtered back-projection wants, because its weights add up to
        1 at every angle.
        """

    def views(self, index: np.ndarray) -> Projector:
        """The same projector for some of the views, for ordered subsets and withheld views."""

    def resized(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> Projector:
        """The same kind of projector, for other views and another volume, as on binned pixels."""


ProjectorFactory = Callable[[Geometry, tuple[int, int], int], Projector]
"""(geometry, (z, x) of the volume, detector width) -> Projector"""


def check_operand(operand: Tensor, wanted: tuple[int, int], what: str) -> None:
    """Raise ``UserError`` unless ``operand`` is (..., wanted[0], rows, wanted[1])."""
    if not isinstance(operand, Tensor):
        raise UserError(
            f"{type(operand).__name__} given to a projector, a torch float32 tensor wanted: .data "
            "of a Volume or a TiltSeries, torch.from_numpy of an array"
        )
    if operand.ndim < 3 or (operand.shape[-3], operand.shape[-1]) != wanted:
        raise UserError(
            f"a {what} of shape {tuple(operand.shape)} given, (..., {wanted[0]}, rows, "
            f"{wanted[1]}) wanted; "
            "build the projector for this shape"
        )


def check_geometry(geometry: Geometry) -> None:
    """Raise ``UserError`` for a geometry whose pixels still have to be turned or moved: a projector
    knows tilts and shifts across the axis, and would take the rest for nothing."""
    if not isinstance(geometry, Geometry):
        raise UserError(
            f"{type(geometry).__name__} given to a projector, a Geometry wanted; "
            "tiltwise.projector(series) makes one for an aligned series"
        )
    shifts = geometry.shifts_px
    left = {
        f"its axis at {geometry.axis_deg:.2f} deg": geometry.axis_deg != 0,
        "shifts along the axis": shifts is not None and bool(shifts[:, 0].any()),
        "a matrix for each view": geometry.matrices is not None,
    }
    if found := [what for what, there in left.items() if there]:
        raise UserError(
            f"a geometry with {' and '.join(found)} given to a projector, that of an aligned and "
            "resampled series wanted; tiltwise.align(series) does both"
        )


def column_shifts(geometry: Geometry) -> np.ndarray:
    """(tilt,) where the rotation axis lands, in columns from the detector's centre: a shift *to
    add* of +1 means it lies at -1."""
    if geometry.shifts_px is None:
        return np.zeros(geometry.n_views)
    return np.array(-geometry.shifts_px[:, 1])
