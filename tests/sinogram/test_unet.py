"""The network in use: totals, order of the file, mirror images, tiles, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.view_unet import ViewUNet
from recon.errors import UserError
from recon.geometry import take_views
from recon.series import TiltSeries
from recon.sinogram.unet import UNET, in_tiles

from .conftest import FEATURES, series_of, views_of


def shuffled(series: TiltSeries, order: np.ndarray) -> TiltSeries:
    data = series.data[order.tolist()]
    return replace(series, data=data, geometry=take_views(series.geometry, order))


def test_totals_are_as_counted(small_weights: Path) -> None:
    series = series_of(views_of(4.0))
    done = UNET(weights=str(small_weights))(series)
    assert done.data.sum((1, 2)).numpy() == pytest.approx(series.data.sum((1, 2)).numpy(), rel=1e-4)
    assert not torch.equal(done.data, series.data)


def test_the_order_of_the_file_does_not_matter(small_weights: Path) -> None:
    series, order = series_of(views_of(4.0)), np.array([3, 0, 6, 2, 5, 1, 4])
    step = UNET(weights=str(small_weights), flips=False)
    assert torch.equal(step(shuffled(series, order)).data, step(series).data[order.tolist()])


@pytest.mark.parametrize("axis", [1, 2])
def test_mirrored_views_are_mirrored(small_weights: Path, axis: int) -> None:
    series = series_of(views_of(4.0))
    step = UNET(weights=str(small_weights))
    back = step(replace(series, data=series.data.flip(axis))).data.flip(axis)
    assert torch.allclose(back, step(series).data, atol=1e-4)
    # Without the mean over mirror images the network is free to tell left from right.
    step = UNET(weights=str(small_weights), flips=False)
    back = step(replace(series, data=series.data.flip(axis))).data.flip(axis)
    assert not torch.allclose(back, step(series).data, atol=1e-4)


def test_tiles_are_the_whole() -> None:
    torch.manual_seed(1)
    network = ViewUNet(views=1, features=FEATURES).eval()
    given = torch.rand(4, 256, 320)
    whole = in_tiles(network, given, tile=512)
    tiled = in_tiles(network, given, tile=128, margin=128)
    assert (whole - tiled).abs().max() < 0.02 * whole.abs().max()


def test_any_size_of_views_will_do(small_weights: Path) -> None:
    for size in (15, 33):
        done = UNET(weights=str(small_weights), flips=False)(series_of(views_of(4.0, size=size)))
        assert done.data.shape[1:] == (size, size)


def test_a_part_of_the_strength_is_a_mixture(small_weights: Path) -> None:
    series = series_of(views_of(40.0))
    whole, part = (UNET(weights=str(small_weights), strength=s)(series) for s in (1.0, 1e-6))
    assert torch.allclose(part.data, series.data, atol=1e-2)
    assert not torch.allclose(whole.data, series.data, atol=1e-2)
    step = UNET(weights=str(small_weights), strength=0.0)
    with pytest.raises(UserError, match=r"strength=0\.0"):
        step.declared.check(step.options)


def test_one_view_is_refused(small_weights: Path) -> None:
    series = shuffled(series_of(views_of(4.0)), np.array([3]))
    with pytest.raises(UserError, match="1 view given, 2 or more wanted"):
        UNET(weights=str(small_weights))(series)


def test_weights_of_another_task_are_refused_before_the_work() -> None:
    step = UNET(weights="irdm")
    with pytest.raises(UserError, match="task=irdm, weights of task=denoise wanted"):
        step.declared.check(step.options)


def test_what_it_was_not_trained_on_is_said(small_weights: Path) -> None:
    bright = series_of(views_of(5000.0))
    assert any(
        "5e+03 counts" in w or "counts in the brightest" in w
        for w in UNET(weights=str(small_weights), flips=False)(bright).warnings
    )
    assert not UNET(weights=str(small_weights), flips=False)(series_of(views_of(5.0))).warnings
