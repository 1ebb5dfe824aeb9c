"""The generator of ``inpaint=gan``: a U-Net on a closed half-turn of views, which corrects what was
reprojected and says how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 16  # of pixels, for the four halvings
CHANGE, ERROR = 0.1, 0.05  # units of the two outputs, so that both are of order 1 in training


class SinogramNet(nn.Module):
    """(slice, channel, angle, x), the angles of a half-turn in equal steps -> (slice, 2, angle, x):
    a change of the sinogram, and the logarithm of the variance of what is then still wrong.

    U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28), whose four halvings let it
    see some 140 pixels to each side: a wedge and the views on both of its shores. A half-turn goes
    on as its own mirror image, p(x, t + 180) = p(-x, t), and ``margin`` views of that are put
    before and behind, so that no view lies at an edge. Both outputs start constant: an untrained
    network changes nothing.
    """

    def __init__(
        self,
        in_channels: int = 6,
        features: Sequence[int] = (16, 32, 64, 96, 128, 16),
        margin: int = 16,
    ) -> None:
        super().__init__()
        self.margin = margin
        self.body = BasicUNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=2,
            features=tuple(features),
            norm=("batch", {"momentum": 0.05}),
            act=("relu", {"inplace": True}),
            upsample="nontrainable",
        )
        nn.init.zeros_(self.body.final_conv.weight)
        nn.init.zeros_(self.body.final_conv.bias)

    def forward(self, sinograms: Tensor) -> Tensor:
        n_angles, n_x = sinograms.shape[-2:]
        margin = min(self.margin, n_angles)
        given = go_on(sinograms, margin)
        pad = (0, -n_x % MULTIPLE, 0, -given.shape[-2] % MULTIPLE)
        out: Tensor = self.body(functional.pad(given, pad, mode="replicate") if any(pad) else given)
        out = out[..., margin : margin + n_angles, :n_x].float()
        # Errors below a thousandth of the views' grey scale are nobody's concern.
        log_error = 2 * torch.log(out.new_tensor(ERROR)) + out[:, 1:].clamp(-8.0, 8.0)
        return torch.cat([CHANGE * out[:, :1], log_error], 1)

    def expect(self, factor: float) -> None:
        """Errors of ``factor`` times the variance from now on."""
        bias = self.body.final_conv.bias
        assert isinstance(bias, nn.Parameter)
        with torch.no_grad():
            bias[1] += math.log(factor)


def go_on(sinograms: Tensor, margin: int) -> Tensor:
    """(..., angle, x) of a half-turn -> the same with ``margin`` views more at both ends: a
    half-turn on, a view is seen from behind."""
    before = sinograms[..., sinograms.shape[-2] - margin :, :].flip(-1)
    behind = sinograms[..., :margin, :].flip(-1)
    return torch.cat([before, sinograms, behind], -2)
