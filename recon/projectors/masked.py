"""A projector of views that were not measured everywhere, or not all as well: borders that were
filled, columns that were cut, views that were invented."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry
from recon.projectors.base import Projector


class MaskedProjector:
    """``P A``, with P the square root of the precision: least squares become weighted. What was not
    measured (0) projects to 0, and the adjoint ``A' P`` takes nothing from there, so that every
    iterative method solves for the measured pixels alone.

    ``root``: P, (tilt, rows, x) float32, of the rows that are reconstructed; a volume of one row
    stands for all of them. ``fill``: what P takes away, for methods that filter whole rows.
    """

    geometry: Geometry
    volume_zx: tuple[int, int]
    sinogram_tx: tuple[int, int]
    device: torch.device

    def __init__(self, plain: Projector, root: Tensor, fill: Tensor) -> None:
        self.plain, self.root, self.fill = plain, root, fill
        self.geometry, self.device = plain.geometry, plain.device
        self.volume_zx, self.sinogram_tx = plain.volume_zx, plain.sinogram_tx

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        views = self.plain(volume, reuse=reuse)
        # In place, unless one row of the volume stands for all, or a gradient is wanted.
        alone = views.shape[-2] == self.root.shape[-2] and not views.requires_grad
        return views.mul_(self.root) if alone else views * self.root

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        return self.plain.T(sinogram * self.root, reuse=reuse)

    def smear(self, sinogram: Tensor) -> Tensor:
        return self.plain.smear(sinogram)

    def views(self, index: np.ndarray) -> Projector:
        chosen = index.tolist()
        return MaskedProjector(self.plain.views(index), self.root[chosen], self.fill[chosen])

    def resized(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> Projector:
        return self.plain.resized(geometry, volume_zx, width)  # what is masked is of these pixels


def masked(A: Projector, y: Tensor, precision: Tensor | None) -> tuple[Projector, Tensor]:
    """``A`` and ``y`` (tilt, rows, x), weighted by ``precision`` (0 to 1, in this shape); as they
    are where all of it is 1."""
    if precision is None or bool((precision == 1).all()):
        return A, y
    root = precision.to(y.device, torch.float32).clamp(0, 1).sqrt()
    return MaskedProjector(A, root, y * (1 - root)), y * root


def view_confidence(A: Projector) -> np.ndarray:
    """(tilt,) 1 for measured views, the mean precision of those that were invented: masked pixels
    do not count."""
    if not isinstance(A, MaskedProjector):
        return np.ones(A.sinogram_tx[0])
    precision = A.root.double() ** 2
    known = (precision > 0).sum((1, 2)).clamp(min=1)
    mean = (precision.sum((1, 2)) / known).numpy(force=True)
    return np.where(mean > 0, mean, 1.0)  # wholly masked: its fill is all that there is


def of_rows(A: Projector, rows: slice) -> Projector:
    """``A`` for some of its rows: only what is masked tells rows apart."""
    if not isinstance(A, MaskedProjector):
        return A
    return MaskedProjector(A.plain, A.root[:, rows], A.fill[:, rows])


def unmasked(A: Projector) -> Projector:
    """The projector of whole views, whose norm is no less."""
    return A.plain if isinstance(A, MaskedProjector) else A


def filled(A: Projector, y: Tensor) -> Tensor:
    """``y`` with something where nothing was measured: a filter would take a hole for an edge."""
    return y + A.fill if isinstance(A, MaskedProjector) else y
