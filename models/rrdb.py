"""The generator of the published sinogram inpainting, ``inpaint=ding2019``: residual-in-residual
dense blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALE = 0.2  # of what a block adds
SLOPE = 0.2  # of the leaky ReLU


class RrdbNet(nn.Module):
    """(n, 1, x, angle) sinograms, missing columns filled -> (n, 1, x, angle) in (0, 1).

    Ding et al. 2019, doi:10.1038/s41598-019-49267-x, as their code has it: a convolution,
    ``blocks`` residual-in-residual dense blocks and a convolution around which a shortcut leads,
    two convolutions, a sigmoid; no normalisation. Kernels grow with the dilation (3, 5, 9 for 1, 2,
    4), so that a block sees far. With the defaults it has 5,272,145 parameters.
    """

    def __init__(
        self,
        blocks: int = 16,
        features: int = 16,
        growth: int = 16,
        dilations: Sequence[int] = (1, 2, 4),
    ) -> None:
        super().__init__()
        self.first = _conv(1, features)
        self.blocks = nn.Sequential(*(_Rrdb(features, growth, dilations) for _ in range(blocks)))
        self.trunk = _conv(features, features)
        self.before_last = _conv(features, features)
        self.last = _conv(features, 1)

    def forward(self, sinograms: Tensor) -> Tensor:
        first = self.first(sinograms)
        whole = first + self.trunk(self.blocks(first))
        out: Tensor = self.last(functional.leaky_relu(self.before_last(whole), SLOPE))
        return torch.sigmoid(out)


class _Rrdb(nn.Module):
    """A residual block of one dense block for each dilation."""

    def __init__(self, features: int, growth: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(_Dense(features, growth, d) for d in dilations))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + SCALE * self.dense(x)
        return out


class _Dense(nn.Module):
    """Five convolutions, each of which sees all before it; the last one, 3 x 3, leads back to the
    width of the input."""

    def __init__(self, features: int, growth: int, dilation: int) -> None:
        super().__init__()
        kernel = 3 + 2 * (dilation - 1)
        self.grow = nn.ModuleList(
            _conv(features + k * growth, growth, kernel, dilation) for k in range(4)
        )
        self.back = _conv(features + 4 * growth, features)

    def forward(self, x: Tensor) -> Tensor:
        known = x
        for conv in self.grow:
            known = torch.cat([known, functional.leaky_relu(conv(known), SLOPE)], 1)
        out: Tensor = x + SCALE * self.back(known)
        return out


def _conv(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
