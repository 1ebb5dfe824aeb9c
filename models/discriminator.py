"""The discriminator of IRDM: dilated convolutions that judge a slice together with what it was made
from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """(n, 1, size, size) candidate and condition -> (n, 1) logit. Wang et al. 2020,
    doi:10.1002/aisy.202000152, with ``depth`` 32.

    A 7 x 7 convolution, three dilated ones and one more, each with batch normalisation and pooling,
    then one convolution over all that is left.
    """

    def __init__(self, size: int = 256, depth: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_layer(2, depth, 7, 1, nn.MaxPool2d(2))]
        for k in range(3):
            layers += _layer(depth << k, depth << (k + 1), 3, 2, nn.MaxPool2d(2))
        layers += _layer(8 * depth, 8 * depth, 3, 2, nn.AvgPool2d(2))
        self.body = nn.Sequential(*layers, nn.Conv2d(8 * depth, 1, size // 32))

    def forward(self, candidate: Tensor, condition: Tensor) -> Tensor:
        out: Tensor = self.body(torch.cat([candidate, condition], 1))
        return out.flatten(1)


def _layer(
    inputs: int, outputs: int, kernel: int, dilation: int, pool: nn.Module
) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
        pool,
    ]
