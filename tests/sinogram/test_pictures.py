"""What the network is given."""

from __future__ import annotations

import pytest
import torch

from recon.sinogram.pictures import level_of, neighbours, pictures

from .conftest import series_of, views_of


def test_neighbours_are_mirrored_at_the_ends() -> None:
    assert neighbours(9, 4, 5) == [2, 3, 4, 5, 6]
    assert neighbours(9, 0, 5) == [2, 1, 0, 1, 2]
    assert neighbours(9, 8, 5) == [6, 7, 8, 7, 6]
    assert neighbours(2, 1, 7) == [0, 1, 0, 1, 0, 1, 0]
    assert neighbours(1, 0, 3) == [0, 0, 0]


def test_the_brightest_counts_are_found_in_noise() -> None:
    for counts in (0.5, 5.0, 50.0):
        noisy = series_of(views_of(counts, n_views=12, size=96)).data
        assert level_of(noisy, 0.0).brightest == pytest.approx(counts, rel=0.2)


def test_channels_are_views_in_order_then_the_own_one_then_levels() -> None:
    counts = views_of(8.0)
    level = level_of(counts, 0.0)
    given = pictures(counts, 3, views=5, read=0.0, level=level, step_deg=10.0)
    assert given.shape == (8, 48, 48)
    assert float(given[:5].min()) >= 0
    assert float(given[5].max()) == pytest.approx(1, rel=0.05)
    assert given[7].unique().tolist() == [1.0]
    other = counts.clone()
    other[0] = 99
    again = pictures(other, 3, views=5, read=0.0, level=level, step_deg=10.0)
    assert torch.equal(given, again)  # the view is three tilts away
    other[1] = 99
    again = pictures(other, 3, views=5, read=0.0, level=level, step_deg=10.0)
    assert (given != again).flatten(1).any(1).tolist() == [True] + 7 * [False]
