"""The 2.5-D residual U-Net of ``+model=irdm``: neighbouring slices in, a correction of the middle
slice out."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.nn import functional


class SliceUNet(nn.Module):
    """U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) on (slice, channel, z, x)
    -> (slice, 1, z, x), any z and x.

    The output is a correction and starts at 0: an untrained network changes nothing. Batch
    normalisation rather than instance normalisation, because its statistics are fixed once trained,
    so that a tile gives what the whole slice would.
    """

    def __init__(
        self, in_channels: int = 10, features: Sequence[int] = (32, 48, 96, 192, 256, 32)
    ) -> None:
        super().__init__()
        self.body = BasicUNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=1,
            features=tuple(features),
            norm=("batch", {"momentum": 0.05}),
            act=("relu", {"inplace": True}),
            upsample="nontrainable",
        )
        nn.init.zeros_(self.body.final_conv.weight)
        nn.init.zeros_(self.body.final_conv.bias)

    def forward(self, slices: Tensor) -> Tensor:
        n_z, n_x = slices.shape[-2:]
        pad = (0, -n_x % MULTIPLE, 0, -n_z % MULTIPLE)
        out: Tensor = self.body(
            functional.pad(slices, pad, mode="replicate") if any(pad) else slices
        )
        return out[..., :n_z, :n_x]


MULTIPLE = 16  # of pixels, for the four halvings


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
