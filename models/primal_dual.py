"""The unrolled network of ``+model=primal_dual``: learned primal-dual, which sees the measured
views in every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Operator = Callable[[Tensor], Tensor]


class PrimalDual(nn.Module):
    """Learned primal-dual reconstruction (Adler and Oktem 2018, doi:10.1109/TMI.2018.2799231),
    started from a given volume.

    Per iteration d <- d + D_i(d, A p, y) on (slice, channel, tilt, x) and p <- p + P_i(p, A'd,
    side) on (slice, channel, z, x), with ``memory`` channels each and the first of p as the volume;
    both corrections start at 0. ``side``: further pictures of each slice, such as its neighbours. A
    and A' come as functions of (slice, z, x) and (slice, tilt, x), scaled to ||A|| = 1 by the
    caller, so that one set of weights serves any geometry.
    """

    def __init__(
        self, n_iterations: int = 6, channels: int = 24, memory: int = 5, side_channels: int = 9
    ) -> None:
        super().__init__()
        self.memory = memory
        self.dual = nn.ModuleList(_step(memory + 2, channels, memory) for _ in range(n_iterations))
        self.primal = nn.ModuleList(
            _step(memory + 1 + side_channels, channels, memory) for _ in range(n_iterations)
        )

    def forward(
        self, start: Tensor, y: Tensor, side: Tensor, project: Operator, back_project: Operator
    ) -> Tensor:
        """``start``: (slice, z, x); ``y``: (slice, tilt, x); ``side``: (slice, side_channels, z,
        x). Returns (slice, z, x)."""
        p = torch.cat(
            [start[:, None], torch.zeros_like(start)[:, None].expand(-1, self.memory - 1, -1, -1)],
            1,
        )
        d = torch.zeros_like(y)[:, None].repeat(1, self.memory, 1, 1)
        for dual, primal in zip(self.dual, self.primal, strict=True):
            d = d + dual(torch.cat([d, project(p[:, 0])[:, None], y[:, None]], 1))
            p = p + primal(torch.cat([p, back_project(d[:, 0])[:, None], side], 1))
        return p[:, 0]


def _step(inputs: int, channels: int, outputs: int) -> nn.Sequential:
    last = nn.Conv2d(channels, outputs, 3, padding=1)
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 3, padding=1),
        nn.PReLU(channels),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.PReLU(channels),
        last,
    )
