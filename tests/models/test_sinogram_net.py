"""The networks of sinogram inpainting: what they see, and what they cannot help doing."""

from __future__ import annotations

import torch

from models.patch_discriminator import PatchDiscriminator
from models.rrdb import RrdbNet
from models.sinogram_net import SinogramNet, go_on
from models.slice_unet import parameter_count

SMALL = (4, 4, 4, 4, 4, 4)


def test_a_half_turn_goes_on_as_its_own_mirror_image() -> None:
    t = torch.linspace(0, torch.pi, 13)[:-1]
    x = torch.linspace(-1, 1, 9)
    # A point at (z, x) = (0.3, 0.5), as any function of the distance from its sine.
    whole = torch.exp(-((x - 0.5 * torch.cos(t)[:, None] - 0.3 * torch.sin(t)[:, None]) ** 2))
    longer = torch.linspace(-3 * torch.pi / 12, torch.pi + 2 * torch.pi / 12, 18)
    true = torch.exp(
        -((x - 0.5 * torch.cos(longer)[:, None] - 0.3 * torch.sin(longer)[:, None]) ** 2)
    )
    torch.testing.assert_close(go_on(whole, 3), true)


def test_an_untrained_network_changes_nothing_and_is_of_one_mind_about_its_errors() -> None:
    net = SinogramNet(features=SMALL, margin=4).eval()
    out = net(torch.rand(2, 6, 37, 25)).detach()
    assert out.shape == (2, 2, 37, 25)
    assert bool((out[:, 0] == 0).all())
    torch.testing.assert_close(out[:, 1], out[0, 1, 0, 0].expand(2, 37, 25))
    assert float(out[0, 1, 0, 0]) < 0


def test_the_first_view_is_a_neighbour_of_the_last_seen_from_behind() -> None:
    torch.manual_seed(0)
    net = SinogramNet(features=SMALL, margin=16).eval()
    torch.nn.init.normal_(net.body.final_conv.weight)
    given = torch.rand(1, 6, 64, 32)
    other = given.clone()
    other[..., -1, 3] += 1
    moved = (net(other) - net(given))[0, 0, 0].detach().abs()
    assert float(moved.max()) > 0
    assert int(moved.argmax()) > 16  # the mirrored column, 28, not 3


def test_the_published_generator_has_its_parameters_and_sees_far() -> None:
    assert parameter_count(RrdbNet()) == 5_272_145
    kernels = [conv.kernel_size[0] for conv in RrdbNet(blocks=1).blocks[0].dense[2].grow]
    assert kernels == [9, 9, 9, 9]
    torch.manual_seed(0)
    net = RrdbNet(blocks=1)
    given = torch.rand(1, 1, 24, 96, requires_grad=True)
    out = net(given)
    assert out.shape == given.shape and bool((out > 0).all() and (out < 1).all())
    out[0, 0, 12, 48].backward()
    assert given.grad is not None
    reached = torch.nonzero(given.grad[0, 0].abs().sum(0)).flatten()
    assert int(reached.min()) == 0 and int(reached.max()) == 95  # 48 columns to each side


def test_a_patch_is_judged_by_what_is_near_it() -> None:
    judge = PatchDiscriminator(4).eval()
    assert parameter_count(PatchDiscriminator(64)) == 521_281  # 64, 128, 128 and 256 channels
    candidate, condition = torch.rand(1, 1, 96, 64), torch.rand(1, 1, 96, 64)
    logits = judge(candidate, condition)
    assert logits.shape == (1, 1, 24, 16)
    swapped = judge(condition, candidate)
    assert not torch.allclose(logits, swapped)
