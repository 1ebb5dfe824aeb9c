"""The network of ``algorithm=dip``: what it can say quickly is what a reconstruction may look
like."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 16  # of pixels: one halving by folding 2 x 2 pixels into channels, three inside


class ImagePrior(nn.Module):
    """(slice, channel, z, x) -> (slice, z, x), any z and x, not bounded.

    U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) on blocks of 2 x 2 pixels
    folded into channels, a quarter of the work. Group normalisation: a slice is what it is
    whichever others are computed beside it.
    """

    def __init__(self, in_channels: int, features: Sequence[int] = (32, 32, 64, 64, 32)) -> None:
        super().__init__()
        first, second, third, fourth, last = features
        self.body = BasicUNet(
            spatial_dims=2,
            in_channels=4 * in_channels,
            out_channels=4,
            # The U-Net of MONAI halves four times; the deepest is as wide as the one above.
            features=(first, second, third, fourth, fourth, last),
            norm=("group", {"num_groups": 8}),
            act=("leakyrelu", {"negative_slope": 0.1, "inplace": True}),
            upsample="nontrainable",
        )
        # It begins with nothing: what no view sees then stays as smooth as the fit makes it.
        nn.init.zeros_(self.body.final_conv.weight)
        nn.init.zeros_(self.body.final_conv.bias)

    def forward(self, slices: Tensor) -> Tensor:
        n_z, n_x = slices.shape[-2:]
        multiple = 2 * MULTIPLE
        pad = (0, -n_x % multiple, 0, -n_z % multiple)
        given = functional.pad(slices, pad, mode="replicate") if any(pad) else slices
        folded = functional.pixel_unshuffle(given, 2).contiguous(memory_format=torch.channels_last)
        out: Tensor = functional.pixel_shuffle(self.body(folded), 2)
        return out[:, 0, :n_z, :n_x]
