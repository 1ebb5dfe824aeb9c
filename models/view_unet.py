"""The U-Net of ``denoise=unet``: a view with its neighbours in tilt in, the view without noise
out."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 32  # of pixels: one halving by folding 2 x 2 pixels into channels, four inside


class ViewUNet(nn.Module):
    """(n, channel, y, x) -> (n, 1, y, x), any y and x.

    The first ``views`` channels are views in order of tilt, variance-stabilised, the wanted one in
    the middle; the next is the wanted one in linear units; the last ``levels`` are constant over a
    picture (noise level, tilt step). Blocks of 2 x 2 pixels are folded into channels first (as
    FFDNet does, Zhang et al. 2018, doi:10.1109/TIP.2018.2839891): a quarter of the work, and twice
    the field of view. The U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) gives
    two numbers for each pixel: how far the measured value is believed, and what is added to it.
    """

    def __init__(
        self,
        views: int = 7,
        levels: int = 2,
        features: Sequence[int] = (40, 48, 64, 80, 96, 40),
    ) -> None:
        super().__init__()
        self.views = views
        self.body = BasicUNet(
            spatial_dims=2,
            in_channels=4 * (views + 1) + levels,
            out_channels=8,
            features=tuple(features),
            norm=("batch", {"momentum": 0.05}),
            act=("relu", {"inplace": True}),
            upsample="nontrainable",
        )

    def forward(self, pictures: Tensor) -> Tensor:
        n_y, n_x = pictures.shape[-2:]
        pad = (0, -n_x % MULTIPLE, 0, -n_y % MULTIPLE)
        given = functional.pad(pictures, pad, mode="replicate") if any(pad) else pictures
        own = self.views + 1
        blocks = functional.pixel_unshuffle(given[:, :own], 2)
        levels = given[:, own:, ::2, ::2]
        out = functional.pixel_shuffle(self.body(_cat(blocks, levels)).float(), 2)
        belief, more = out[:, :1].sigmoid(), out[:, 1:]
        whole: Tensor = belief * given[:, self.views : own] + more
        return whole[..., :n_y, :n_x]


def _cat(blocks: Tensor, levels: Tensor) -> Tensor:
    from torch import cat, channels_last

    return cat([blocks, levels], 1).contiguous(memory_format=channels_last)
