"""Batch normalisation folded into the convolutions before it: the same numbers up to rounding, two
passes over memory fewer."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """Changes every block of MONAI's kind (``conv``, then ``adn``) of ``network``, which has to be
    in evaluation mode, and returns it.

    Known by its parts: MONAI takes seconds to import, and the network of ``align=fiducial`` has
    none of it.
    """
    for block in network.modules():
        conv, adn = getattr(block, "conv", None), getattr(block, "adn", None)
        if not isinstance(conv, nn.Conv2d) or not isinstance(adn, nn.Sequential):
            continue
        after = [
            name for name, _ in adn.named_children() if name != "D"
        ]  # dropout does nothing in use
        if after and isinstance(
            norm := getattr(adn, after[0]), nn.BatchNorm2d
        ):  # not behind the activation
            block.conv = fuse_conv_bn_eval(conv, norm)
            setattr(adn, after[0], nn.Identity())
    return network
