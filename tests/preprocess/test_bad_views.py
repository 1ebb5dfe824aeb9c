"""Bad views are named with their reason and left out; good ones never are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recon.preprocess.bad_views import bad_views, likeness, without_bad_views
from recon.series import TiltSeries

ANGLES = np.linspace(-60, 60, 21)
Make = Callable[[np.ndarray], TiltSeries]


def test_no_good_view_is_bad(views: np.ndarray) -> None:
    assert bad_views(views, ANGLES) == {}
    few = np.random.default_rng(0).poisson(np.maximum(views - 100, 0) * 1e-3 + 0.02)
    assert bad_views(few.astype(np.float32), ANGLES) == {}


def spoil(views: np.ndarray, how: str, at: int) -> None:
    rng = np.random.default_rng(1)
    if how == "dark":
        views[at] = rng.poisson(3, views[at].shape)
    elif how == "flat":
        views[at] = rng.normal(2000, 2, views[at].shape)
    elif how == "saturated":
        views[at] = np.minimum(views[at] * 4, 500)
        views[at][:, 20:40] = 6000
    elif how == "brighter than its neighbours":
        views[at] = 100 + (views[at] - 100) * 4 + 300
    else:
        x = np.arange(views.shape[2])
        views[at] = 150 + 60 * np.sign(np.sin(x / 2.5)) + rng.normal(0, 2, views[at].shape)


@pytest.mark.parametrize(
    "how", ["dark", "flat", "saturated", "brighter than its neighbours", "unlike its neighbours"]
)
@pytest.mark.parametrize("at", [[7], [7, 13]])
def test_each_kind_is_found_and_named(views: np.ndarray, how: str, at: list[int]) -> None:
    for k in at:
        spoil(views, how, k)
    assert bad_views(views, ANGLES) == dict.fromkeys(at, how)


def test_dark_views_at_the_ends_are_left_out_with_the_option_that_does_it(
    views: np.ndarray, series_of: Make
) -> None:
    for k in (0, 1, 19, 20):
        spoil(views, "dark", k)
    found = without_bad_views(series_of(views))
    np.testing.assert_array_equal(found.data.numpy(), views[2:19])
    np.testing.assert_array_equal(found.geometry.angles_deg, ANGLES[2:19])
    assert "exclude=[0,1,19,20]" in found.warnings[0]


def test_numbers_are_those_of_the_file(views: np.ndarray, series_of: Make) -> None:
    spoil(views, "dark", 3)
    series = replace(series_of(views), facts={"views_in_file": list(range(5, 26))})
    assert "exclude=[8]" in without_bad_views(series).warnings[0]


def test_a_series_that_is_bad_in_all_is_kept_and_questioned(
    views: np.ndarray, series_of: Make
) -> None:
    for k in range(0, 20, 2):
        spoil(views, "dark", k)
    found = without_bad_views(series_of(views))
    assert len(found.data) == 21
    assert "10 of 21 views look bad" in found.warnings[0]


def test_likeness_does_not_care_where_a_picture_lies(views: np.ndarray) -> None:
    assert likeness(views[3], np.roll(views[3], (3, -4), (0, 1))) > 0.93
    assert likeness(views[3], np.random.default_rng(0).normal(size=views[3].shape)) < 0.3
