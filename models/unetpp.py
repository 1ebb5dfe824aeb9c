"""The generator of the published IRDM, ``+model=irdm2020``: U-Net++ with SELU and alpha dropout, as
its authors coded it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

DROPOUT = (0.0, 0.2, 0.2, 0.5, 0.5)  # by depth; node (2, 2) has 0.5 too


class UNetPlusPlus(nn.Module):
    """U-Net++ (Zhou et al. 2018, doi:10.1007/978-3-030-00889-5_1) without deep supervision: (n, 1,
    z, x) -> (n, 1, z, x) in (0, 1).

    Node (i, j) takes all earlier nodes of its depth and the one below, up-sampled: Wang et al.
    2020, doi:10.1002/aisy.202000152. With ``features`` 32 ... 512 it has 9,162,753 parameters. z
    and x are padded to multiples of 16.
    """

    def __init__(
        self, in_channels: int = 1, features: Sequence[int] = (32, 64, 128, 256, 512)
    ) -> None:
        super().__init__()
        self.depth = len(features)
        self.nodes = nn.ModuleDict()
        for j in range(self.depth):
            for i in range(self.depth - j):
                inputs = (
                    (in_channels if i == 0 else features[i - 1])
                    if j == 0
                    else j * features[i] + features[i + 1]
                )
                drop = 0.5 if (i, j) == (2, 2) else DROPOUT[i]
                self.nodes[f"{i}{j}"] = _block(inputs, features[i], drop)
        self.final = nn.Conv2d(features[0], 1, 1)

    def forward(self, slices: Tensor) -> Tensor:
        n_z, n_x = slices.shape[-2:]
        step = 2 ** (self.depth - 1)
        pad = (0, -n_x % step, 0, -n_z % step)
        value: dict[tuple[int, int], Tensor] = {}
        for j in range(self.depth):
            for i in range(self.depth - j):
                if (i, j) == (0, 0):
                    given = functional.pad(slices, pad, mode="replicate") if any(pad) else slices
                elif j == 0:
                    given = functional.max_pool2d(value[i - 1, 0], 2)
                else:
                    below = functional.interpolate(
                        value[i + 1, j - 1], scale_factor=2.0, mode="nearest"
                    )
                    given = torch.cat([*(value[i, k] for k in range(j)), below], 1)
                value[i, j] = self.nodes[f"{i}{j}"](given)
        out: Tensor = torch.sigmoid(self.final(value[0, self.depth - 1]))
        return out[..., :n_z, :n_x]


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Two 3 x 3 convolutions, each followed by alpha dropout, batch normalisation and SELU."""
    layers: list[nn.Module] = []
    for n in (inputs, outputs):
        layers += [
            nn.Conv2d(n, outputs, 3, padding=1),
            nn.AlphaDropout(dropout),
            nn.BatchNorm2d(outputs),
            nn.SELU(),
        ]
    return nn.Sequential(*layers)
