"""A border that a program filled is found and masked; vacuum is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from recon.preprocess.borders import unmeasured_border, with_masked_borders
from recon.series import TiltSeries


def filled(views: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """(views shifted and turned, what is not measured of each)."""
    rng = np.random.default_rng(2)
    moved, masks = views.copy(), np.zeros(views.shape, bool)
    for k, view in enumerate(views):
        turn, shift = rng.uniform(-4, 4), rng.uniform(-5, 5, 2)
        inside = ndimage.shift(
            ndimage.rotate(np.ones_like(view), turn, reshape=False, order=0), shift, order=0
        )
        masks[k] = inside < 0.5
        moved[k][masks[k]] = value
    return moved, masks


@pytest.mark.parametrize("value", [0.0, 5000.0])
def test_the_filled_border_is_masked_to_the_pixel(views: np.ndarray, value: float) -> None:
    moved, masks = filled(views, value)
    for view, mask in zip(moved, masks, strict=True):
        if mask.mean() > 0.02:
            assert np.mean(unmeasured_border(view) != mask) < 0.003


def test_what_is_masked_is_filled_with_the_level_beside_it(
    views: np.ndarray, series_of: Callable[[np.ndarray], TiltSeries]
) -> None:
    moved, masks = filled(views, 0.0)
    found = with_masked_borders(series_of(moved))
    assert found.precision is not None
    unmeasured = found.precision.numpy() == 0
    assert np.mean(unmeasured != masks) < 0.003
    assert found.data.numpy()[unmeasured].min() > 85  # the vacuum is 100
    np.testing.assert_array_equal(found.data.numpy()[~unmeasured], moved[~unmeasured])


def test_vacuum_is_no_border(views: np.ndarray) -> None:
    clean = np.maximum(ndimage.gaussian_filter(views, (0, 2, 2)) - 130, 0)  # exact zeros around
    few = np.random.default_rng(0).poisson(np.maximum(views - 100, 0) * 1e-2)
    y, x = np.mgrid[:48, :56]
    disk = np.sqrt(np.maximum(20.0**2 - (y - 24) ** 2 - (x - 28) ** 2, 0))
    box = np.zeros((48, 56))
    box[10:40, 12:44] = 7.0
    for view in (*views, *clean, *few, disk, box):
        assert not unmeasured_border(view.astype(np.float32)).any()
