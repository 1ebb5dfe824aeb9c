"""Batch normalisation folded into the convolutions before it: the same numbers up to rounding, two passes over memory fewer."""

from __future__ import annotations

from monai.networks.blocks.convolutions import Convolution
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """Changes every MONAI ``Convolution`` of ``network``, which has to be in evaluation mode, and returns it."""
    for block in network.modules():
        if not isinstance(block, Convolution) or not isinstance(block.conv, nn.Conv2d):
            continue
        after = [name for name, _ in getattr(block, "adn", nn.Sequential()).named_children() if name != "D"]
        if after and isinstance(norm := getattr(block.adn, after[0]), nn.BatchNorm2d):  # not behind the activation
            block.conv = fuse_conv_bn_eval(block.conv, norm)
            setattr(block.adn, after[0], nn.Identity())
    return network
