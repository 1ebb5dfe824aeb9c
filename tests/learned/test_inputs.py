"""What a network is given: the same pictures in training and in use, whatever the units of the
series."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.tv import tv
from recon.algorithms.wbp import wbp
from recon.geometry import Geometry
from recon.learned.inputs import (
    CHANNELS,
    conditions,
    conditions_mirrored,
    grey_scale,
    make_inputs,
    pictures,
    snr,
)
from recon.projectors.native import NativeProjector


def test_the_grey_scale_of_one_material_is_its_density_however_small_it_is() -> None:
    volume = torch.zeros(16, 4, 16)
    volume[3:5, 1, 7] = 2.5
    assert grey_scale(volume) == pytest.approx(2.5)
    assert grey_scale(torch.zeros(4, 4, 4)) == 1


def test_inputs_do_not_depend_on_the_unit_of_the_views() -> None:
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 6), None), (16, 16), 16)
    volume = torch.zeros(16, 3, 16)
    volume[5:10, :, 6:11] = 1
    y = A(volume)
    one = make_inputs(A, y, weight=0.05, noise=0.1)
    seven = make_inputs(A, 7 * y, weight=0.35, noise=0.7)
    assert seven.scale == pytest.approx(7 * one.scale, rel=1e-4)
    assert torch.allclose(one.tv, seven.tv, atol=1e-4)
    assert torch.allclose(one.wbp, seven.wbp, atol=1e-4)
    assert torch.equal(one.conditions, seven.conditions)


def test_going_on_with_tv_is_tv_itself() -> None:
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 6), None), (16, 16), 16)
    y = A(torch.rand((16, 3, 16), generator=torch.Generator().manual_seed(0)))
    made = make_inputs(A, y, weight=0.1, noise=0.1)
    given = made.tv.clone()
    assert torch.equal(made.converged(), tv(A, y, weight=0.1))
    assert torch.equal(made.tv, given)


def test_pictures_are_the_slices_and_their_neighbours() -> None:
    tv = torch.arange(4.0)[None, :, None].expand(5, 4, 6).contiguous()  # the value is the row
    given = pictures(tv, 10 * tv, torch.arange(4.0))
    assert given.shape == (4, CHANNELS, 5, 6)
    assert given[:, :, 2, 3].tolist()[1] == [0, 1, 2, 0, 10, 20, 0, 1, 2, 3]
    assert given[0, :3, 0, 0].tolist() == [0, 0, 1]
    assert given[3, :3, 0, 0].tolist() == [2, 3, 3]


def test_without_neighbours_every_slice_stands_for_them() -> None:
    tv = torch.rand(5, 4, 6)
    given = pictures(tv, tv, torch.zeros(4), neighbours=False)
    assert torch.equal(given[:, 0], given[:, 1])
    assert torch.equal(given[:, 2], given[:, 1])


def test_a_mirrored_specimen_has_the_opposite_tilts() -> None:
    angles = np.arange(-50.0, 66, 3)
    assert torch.equal(conditions_mirrored(conditions(angles, 10.0)), conditions(-angles, 10.0))


def test_the_snr_has_an_end() -> None:
    y = torch.full((3, 2, 2), 4.0)
    assert snr(y, 2.0) == pytest.approx(2.0)
    assert snr(y, 0.0) == 1e4


def test_networks_are_given_the_wbp_they_were_trained_on_whatever_the_specimens_shape() -> None:
    """Not the scale that suits an upright ellipse."""
    z, x = torch.meshgrid(*[torch.arange(48.0) - 23.5] * 2, indexing="ij")
    truth = (((z / 20) ** 2 + (x / 11) ** 2) < 1).float()[:, None]
    A = NativeProjector(Geometry(np.arange(-60, 61, 4.0), 1.0), (48, 48), 48)
    y = A(truth)
    given = make_inputs(A, y, weight=0.1, noise=0.01, scale=1.0, dimensions=2).wbp
    assert torch.equal(given, wbp(A, y, filter="hamming", scale="full"))
    assert float(given.mean()) > 1.05 * float(wbp(A, y, filter="hamming").mean())
