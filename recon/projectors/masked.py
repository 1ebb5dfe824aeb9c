"""A projector of views that were not measured everywhere: borders that were filled, columns that
were cut."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry
from recon.projectors.base import Projector


class MaskedProjector:
    """``P A``: what was not measured projects to 0, and its adjoint ``A' P`` takes nothing from
    there, so that every iterative method solves for the measured pixels alone.

    With P the square root of the precision this is weighted least squares; here pixels are measured
    (1) or not (0). ``seen``: (tilt, rows, x) float32, of the rows that are reconstructed; a volume
    of one row stands for all of them. ``fill``: what stands where nothing was measured, for methods
    that filter whole rows.
    """

    geometry: Geometry
    volume_zx: tuple[int, int]
    sinogram_tx: tuple[int, int]
    device: torch.device

    def __init__(self, plain: Projector, seen: Tensor, fill: Tensor) -> None:
        self.plain, self.seen, self.fill = plain, seen, fill
        self.geometry, self.device = plain.geometry, plain.device
        self.volume_zx, self.sinogram_tx = plain.volume_zx, plain.sinogram_tx

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        views = self.plain(volume, reuse=reuse)
        # In place, unless one row of the volume stands for all.
        return (
            views.mul_(self.seen) if views.shape[-2] == self.seen.shape[-2] else views * self.seen
        )

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        return self.plain.T(sinogram * self.seen, reuse=reuse)

    def smear(self, sinogram: Tensor) -> Tensor:
        return self.plain.smear(sinogram)

    def views(self, index: np.ndarray) -> Projector:
        chosen = index.tolist()
        return MaskedProjector(self.plain.views(index), self.seen[chosen], self.fill[chosen])

    def resized(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> Projector:
        return self.plain.resized(geometry, volume_zx, width)  # what is masked is of these pixels


def masked(A: Projector, y: Tensor, precision: Tensor | None) -> tuple[Projector, Tensor]:
    """``A`` and ``y`` (tilt, rows, x) for the measured pixels alone; as they are where all are."""
    if precision is None or bool((precision > 0).all()):
        return A, y
    seen = (precision > 0).to(y.device, torch.float32)
    return MaskedProjector(A, seen, y * (1 - seen)), y * seen


def of_rows(A: Projector, rows: slice) -> Projector:
    """``A`` for some of its rows: only what is masked tells rows apart."""
    if not isinstance(A, MaskedProjector):
        return A
    return MaskedProjector(A.plain, A.seen[:, rows], A.fill[:, rows])


def unmasked(A: Projector) -> Projector:
    """The projector of whole views, whose norm is no less."""
    return A.plain if isinstance(A, MaskedProjector) else A


def filled(A: Projector, y: Tensor) -> Tensor:
    """``y`` with something where nothing was measured: a filter would take a hole for an edge."""
    return y + A.fill if isinstance(A, MaskedProjector) else y
