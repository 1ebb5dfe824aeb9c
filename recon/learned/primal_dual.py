"""``+model=primal_dual``: the unrolled network on our projector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recon.projectors.base import Projector

TV, SIDE = (
    1,
    (0, 2, 3, 4, 5, 6, 7, 8, 9),
)  # channels of ``pictures``: the start, and what the network may look at besides


def unrolled(
    network: nn.Module, A: Projector, y: Tensor, pictures: Tensor, *, size: float
) -> Tensor:
    """``y``: (tilt, row, x); ``pictures``: (row, CHANNELS, z, x), both in the same units; ``size``:
    ||A||. Returns (row, z, x); differentiable."""

    def project(slices: Tensor) -> Tensor:
        return A(slices.permute(1, 0, 2)).permute(1, 0, 2) / size

    def back_project(views: Tensor) -> Tensor:
        return A.T(views.permute(1, 0, 2)).permute(1, 0, 2) / size

    with torch.autocast(
        y.device.type, enabled=False
    ):  # projections need every bit that float32 has
        views = y.float().permute(1, 0, 2) / size
    out: Tensor = network(pictures[:, TV], views, pictures[:, SIDE], project, back_project)
    return out
