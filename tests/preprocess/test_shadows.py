"""A shadow with a straight edge is masked to a block; a specimen that moves, or ends, is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recon.preprocess.shadows import shadows, with_masked_shadows
from recon.series import TiltSeries

ANGLES = np.linspace(-60, 60, 21)
Make = Callable[[np.ndarray], TiltSeries]


@pytest.fixture
def film(views: np.ndarray) -> np.ndarray:
    """The specimen on a film that fills the views, above a dark level of 20."""
    return views + 150


def shade(views: np.ndarray, at: int, side: int, share: float, slope: float = 0.0) -> np.ndarray:
    """Put view ``at`` into shadow from ``side`` (quarter turns that bring it to row 0); returns
    which pixels."""
    turned = np.rot90(np.zeros(views.shape[1:], bool), side).copy()
    rows, columns = np.indices(turned.shape)
    turned = rows - slope * (columns - turned.shape[1] / 2) < share * len(turned)
    mask = np.rot90(turned, -side)
    noise = np.random.default_rng(at).normal(20, 2, int(mask.sum()))
    views[at][mask] = noise
    return mask


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("slope", [0.0, 0.12])
def test_a_shadow_is_masked_where_it_lies(
    film: np.ndarray, series_of: Make, side: int, slope: float
) -> None:
    clean = film.copy()
    mask = shade(film, 5, side, 0.4, slope)
    found = with_masked_shadows(series_of(film))
    assert found.facts["shadows"]["views"] == [5]
    assert found.precision is not None
    unmeasured = found.precision.numpy() == 0
    assert not unmeasured[np.arange(21) != 5].any()
    assert unmeasured[5][mask].all()
    assert (unmeasured[5] & ~mask).mean() < 0.08
    # Filled as the nearest view is there, and untouched elsewhere.
    assert abs(float(found.data[5].numpy()[mask].mean()) - clean[5][mask].mean()) < 15
    np.testing.assert_array_equal(found.data[5].numpy()[~unmeasured[5]], film[5][~unmeasured[5]])
    assert "exclude=[5]" in found.warnings[0]


def test_bars_that_come_in_from_both_sides_are_followed_to_the_last_view(film: np.ndarray) -> None:
    for step, at in enumerate(range(16, 21)):
        shade(film, at, 1, 0.12 + 0.06 * step)
        shade(film, at, 3, 0.12 + 0.06 * step)
    found = shadows(film, ANGLES)
    assert list(found) == [16, 17, 18, 19, 20]
    assert {s.side for s in found[20]} == {1, 3}


def test_neither_a_specimen_in_vacuum_nor_one_that_jumps_is_in_shadow(views: np.ndarray) -> None:
    assert shadows(views, ANGLES) == {}
    views[8] = np.roll(views[8], 20, axis=1)
    assert shadows(views, ANGLES) == {}


def test_a_film_without_a_shadow_stays_as_it_is(film: np.ndarray, series_of: Make) -> None:
    series = series_of(film)
    assert with_masked_shadows(series) is series
