"""A folded network gives what it gave before."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.blocks.convolutions import Convolution
from torch import nn

from models.folding import folded
from models.slice_unet import SliceUNet


def test_folding_changes_nothing_but_the_work() -> None:
    torch.manual_seed(0)
    network = SliceUNet(in_channels=3, features=(4, 4, 4, 4, 4, 4))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    nn.init.normal_(network.body.final_conv.weight)
    network.eval()
    quick = folded(copy.deepcopy(network))
    slices = torch.randn(2, 3, 40, 33)
    with torch.no_grad():
        torch.testing.assert_close(quick(slices), network(slices), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in quick.modules())


@pytest.mark.parametrize(
    "options", [{"adn_ordering": "AN"}, {"adn_ordering": "NDA", "is_transposed": True}]
)
def test_what_cannot_be_folded_stays(options: dict[str, object]) -> None:
    block = Convolution(2, 2, 3, norm="batch", act="relu", **options).eval()
    assert any(isinstance(m, nn.BatchNorm2d) for m in folded(block).modules())


def test_what_has_no_such_blocks_stays() -> None:
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    assert any(isinstance(m, nn.BatchNorm2d) for m in folded(plain).modules())
