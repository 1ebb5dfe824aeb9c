"""The engine's own CPU projector: exact adjoint, no stored matrix, rows innermost.

Rows (y) are the contiguous axis of both arrays in memory, ``(z, x, row)`` and ``(tilt, x, row)``,
so that a ray's weights are worked out once and used for a whole row vector. To the caller the
tensors are ``(z, y, x)`` and ``(tilt, y, x)`` as everywhere: results are permuted *views*.
Element-wise torch operations keep that memory order, so an iteration never transposes; an operand
in another order is copied once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry, centre, take_views
from recon.projectors import kernels
from recon.projectors.base import check_geometry, check_operand, column_shifts


class NativeProjector:
    """Joseph's linear-interpolation projector (doi:10.1109/TMI.1982.4307572), differentiable, on
    all numba threads.

    Both directions cost ``4 * tilts * z * x * rows`` operations and no memory beyond the result.
    """

    device = torch.device("cpu")

    def __init__(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> None:
        check_geometry(geometry)
        self.geometry = geometry
        self.volume_zx = volume_zx
        self.sinogram_tx = (geometry.n_views, width)
        angles = np.deg2rad(geometry.angles_deg)
        self._cosine, self._sine = np.cos(angles), np.sin(angles)
        joseph = 1 / np.maximum(np.abs(self._cosine), np.abs(self._sine))
        self._inverse_width = joseph.astype(np.float32)
        self._axis_column = centre(width) + column_shifts(geometry)

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(volume, self.volume_zx, "volume")
        if volume.requires_grad:
            return _Project.apply(volume, self)  # type: ignore[no-untyped-call,no-any-return]
        return self._project(volume, reuse)

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(sinogram, self.sinogram_tx, "tilt series")
        if sinogram.requires_grad:
            return _BackProject.apply(sinogram, self)  # type: ignore[no-untyped-call,no-any-return]
        return self._back_project(sinogram, self._inverse_width, reuse)

    def smear(self, sinogram: Tensor) -> Tensor:
        check_operand(sinogram, self.sinogram_tx, "tilt series")
        return self._back_project(sinogram, np.ones_like(self._inverse_width))

    def views(self, index: np.ndarray) -> NativeProjector:
        return self.resized(take_views(self.geometry, index), self.volume_zx, self.sinogram_tx[1])

    def resized(
        self, geometry: Geometry, volume_zx: tuple[int, int], width: int
    ) -> NativeProjector:
        return NativeProjector(geometry, volume_zx, width)

    def _project(self, volume: Tensor, reuse: Tensor | None = None) -> Tensor:
        flat, lead = _rows_last(volume)
        out = _rows_innermost((*self.sinogram_tx, flat.shape[1]), reuse)
        threads = numba.get_num_threads()
        flat_out = out.numpy().reshape(-1, flat.shape[1])
        kernels.project(
            flat,
            self._cosine,
            self._sine,
            self._axis_column,
            self.sinogram_tx[1],
            flat_out,
            *self.volume_zx,
            threads,
        )
        return _rows_middle(out, lead)

    def _back_project(
        self, sinogram: Tensor, inverse_width: np.ndarray, reuse: Tensor | None = None
    ) -> Tensor:
        flat, lead = _rows_last(sinogram)
        out = _rows_innermost((*self.volume_zx, flat.shape[1]), reuse)
        flat_out = out.numpy().reshape(-1, flat.shape[1])
        kernels.back_project(
            flat,
            self._cosine,
            self._sine,
            inverse_width,
            self._axis_column,
            self.sinogram_tx[1],
            flat_out,
            *self.volume_zx,
        )
        return _rows_middle(out, lead)


def _rows_last(tensor: Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
    """(..., a, y, b) -> ((a * b, batch * y) C-ordered array, (..., y)); a view when the memory is
    already in that order."""
    a, y, b = tensor.shape[-3:]
    lead = (*tensor.shape[:-3], y)
    moved = (
        tensor.detach().to(torch.float32).reshape(-1, a, y, b).permute(1, 3, 0, 2)
    )  # (a, b, batch, y)
    return moved.reshape(a * b, -1).contiguous().numpy(), lead


def _rows_innermost(shape: tuple[int, int, int], reuse: Tensor | None) -> Tensor:
    """(a, b, rows) memory: that of ``reuse`` (a, rows, b) where it is in this order."""
    if reuse is not None and reuse.ndim == 3:
        given = reuse.permute(0, 2, 1)
        if given.shape == shape and given.is_contiguous() and given.dtype == torch.float32:
            return given.detach()
    return torch.empty(shape, dtype=torch.float32)


def _rows_middle(tensor: Tensor, lead: tuple[int, ...]) -> Tensor:
    """(a, b, rows) -> (..., a, y, b) without copying."""
    a, b, _ = tensor.shape
    n = len(lead)
    return tensor.reshape(a, b, *lead).permute(*range(2, 1 + n), 0, 1 + n, 1)


class _Project(torch.autograd.Function):
    """A as a differentiable function: its derivative is A.T, and so on to any order."""

    @staticmethod
    def forward(ctx: Any, volume: Tensor, projector: NativeProjector) -> Tensor:
        ctx.projector = projector
        return projector._project(volume)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.projector.T(gradients[0]), None


class _BackProject(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sinogram: Tensor, projector: NativeProjector) -> Tensor:
        ctx.projector = projector
        return projector._back_project(sinogram, projector._inverse_width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.projector(gradients[0]), None
