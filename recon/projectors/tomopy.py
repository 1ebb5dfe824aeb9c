"""TomoPy as a projector and as the ``gridrec`` reconstruction. Optional: it has no PyPI release
(conda-forge only).

TomoPy's arrays are (tilt, slice, x), angles in radians, and its t = x cos + y sin with y up, so an
angle t of ours is -t of its. Its ``center`` is i + 0.5 for an axis at pixel i, except in
``gridrec``, where it is i.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry, centre, take_views
from recon.projectors.base import check_geometry, check_operand, column_shifts


def load_tomopy() -> Any:
    """The ``tomopy`` module, or a ``UserError`` with the install line."""
    try:
        import tomopy
    except ImportError:
        raise UserError(
            "TomoPy was asked for (projector=tomopy or algorithm=gridrec) but is not installed; "
            "run: conda install -c conda-forge tomopy, or use projector=native and algorithm=wbp"
        ) from None
    return tomopy


class TomopyProjector:
    """TomoPy's forward projector; it has no public adjoint, so A.T is its unfiltered ``fbp``
    algorithm, an approximate one."""

    device = torch.device("cpu")

    def __init__(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> None:
        check_geometry(geometry)
        if volume_zx != (width, width):
            raise UserError(
                f"a volume of (z, x) = {volume_zx} given for TomoPy, {(width, width)} wanted; use "
                f"projector=native"
            )
        if np.ptp(column_shifts(geometry)) > 1e-9:
            raise UserError(
                "different x shifts per view given, TomoPy takes one axis position; resample the "
                "series first"
            )
        self.geometry, self.volume_zx, self.sinogram_tx = (
            geometry,
            volume_zx,
            (geometry.n_views, width),
        )
        self._tomopy = load_tomopy()
        self._theta = -np.deg2rad(geometry.angles_deg)
        self._axis = centre(width) + float(column_shifts(geometry)[0])

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(volume, self.volume_zx, "volume")
        slices = volume.detach().float().movedim(-2, -3)  # (..., y, z, x)
        flat = slices.reshape(-1, *self.volume_zx).numpy()
        views = self._tomopy.project(
            flat, self._theta, center=self._axis + 0.5, pad=False, sinogram_order=False
        )
        result = torch.from_numpy(np.ascontiguousarray(views))  # (tilt, rows, x)
        return result.reshape(result.shape[0], *slices.shape[:-2], result.shape[2]).movedim(0, -3)

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(sinogram, self.sinogram_tx, "tilt series")
        moved = sinogram.detach().float().movedim(-3, 0)  # (tilt, ..., y, x)
        flat = moved.reshape(moved.shape[0], -1, moved.shape[-1]).numpy()
        slices = self._tomopy.recon(
            flat,
            self._theta,
            center=self._axis + 0.5,
            algorithm="fbp",
            filter_name="none",
            sinogram_order=False,
        )
        return torch.from_numpy(slices).reshape(*moved.shape[1:-1], *self.volume_zx).movedim(-3, -2)

    def smear(self, sinogram: Tensor) -> Tensor:
        return self.T(sinogram)

    def views(self, index: np.ndarray) -> TomopyProjector:
        return self.resized(take_views(self.geometry, index), self.volume_zx, self.sinogram_tx[1])

    def resized(
        self, geometry: Geometry, volume_zx: tuple[int, int], width: int
    ) -> TomopyProjector:
        return TomopyProjector(geometry, volume_zx, width)
