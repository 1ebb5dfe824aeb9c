"""The discriminator of sinogram inpainting: real or invented, judged patch by patch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

GROUPS = 4  # of the group normalisation


class PatchDiscriminator(nn.Module):
    """(n, 1, h, w) candidate and condition -> (n, 1, h / 4, w / 4) logits, any h and w.

    Four convolutions of 3 x 3 with spectral norm, three of them dilated by 2, group normalisation
    and leaky ReLU, two halvings, and one convolution more, as Ding et al. 2019
    (doi:10.1038/s41598-019-49267-x) have it with ``depth`` 64.
    """

    def __init__(self, depth: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(2, depth, 1, halved=True),
            *_layer(depth, 2 * depth, 2, halved=False),
            *_layer(2 * depth, 2 * depth, 2, halved=True),
            *_layer(2 * depth, 4 * depth, 2, halved=False),
            _conv(4 * depth, 1, 1),
        )

    def forward(self, candidate: Tensor, condition: Tensor) -> Tensor:
        out: Tensor = self.body(torch.cat([candidate, condition], 1))
        return out


def _layer(inputs: int, outputs: int, dilation: int, *, halved: bool) -> list[nn.Module]:
    pool: list[nn.Module] = [nn.MaxPool2d(2)] if halved else []
    return [_conv(inputs, outputs, dilation), *pool, nn.GroupNorm(GROUPS, outputs), nn.LeakyReLU()]


def _conv(inputs: int, outputs: int, dilation: int) -> nn.Module:
    conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    return spectral_norm(conv, n_power_iterations=3)
