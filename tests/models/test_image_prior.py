"""The network of the deep image prior: any size, slices by themselves, nothing to begin with."""

from __future__ import annotations

import pytest
import torch

from models.image_prior import ImagePrior


@pytest.mark.parametrize("shape", [(32, 32), (17, 50), (64, 40)])
def test_it_begins_with_nothing_at_any_size(shape) -> None:
    slices = torch.rand(2, 5, *shape, generator=torch.Generator().manual_seed(0))
    out = ImagePrior(5)(slices)
    assert out.shape == (2, *shape)
    assert not out.any()


def test_a_slice_does_not_depend_on_those_beside_it() -> None:
    torch.manual_seed(0)
    network = ImagePrior(3)
    torch.nn.init.normal_(network.body.final_conv.weight, std=0.1)
    slices = torch.rand(3, 3, 32, 32)
    together, alone = network(slices), network(slices[1:2])
    assert together.abs().max() > 0.01
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)
