"""Spots at known places: found to a hundredth of a voxel, once each, and none in a slope."""

from __future__ import annotations

import numpy as np
import pytest

from recon.analyze.peaks import band_pass, local_maxima, refine


def spots(
    shape: tuple[int, int, int], at: np.ndarray, sigma: float, heights: np.ndarray | float = 1.0
) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    heights = np.broadcast_to(heights, len(at))
    return sum(
        h * np.exp(-((grid - p) ** 2).sum(-1) / (2 * sigma**2))
        for p, h in zip(at, heights, strict=True)
    ).astype(np.float32)


PLACES = np.array([[8.3, 9.1, 10.4], [8.0, 20.5, 9.75], [19.9, 14.2, 20.0]])


def test_a_gaussian_is_found_where_it_is() -> None:
    volume = spots((28, 30, 32), PLACES, 1.7)
    at = local_maxima(volume, distance_px=5, margin=4)
    found = refine(volume, at, radius_px=2.5)
    np.testing.assert_allclose(
        found[np.lexsort(found.T[::-1])], PLACES[np.lexsort(PLACES.T[::-1])], atol=0.01
    )


def test_an_ellipsoid_askew_is_found_too() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    form = turn @ np.diag(1 / np.array([1.4, 1.9, 2.6]) ** 2) @ turn.T
    away = np.stack(np.meshgrid(*[np.arange(25)] * 3, indexing="ij"), -1) - [12.3, 11.8, 12.1]
    volume = np.exp(-0.5 * np.einsum("...i,ij,...j", away, form, away)).astype(np.float32)
    np.testing.assert_allclose(
        refine(volume, np.array([[12, 12, 12]]), radius_px=3), [[12.3, 11.8, 12.1]], atol=0.01
    )


def test_maxima_come_highest_first_and_keep_their_distance() -> None:
    at = np.array([[10, 10, 10], [10, 10, 15], [10, 10, 20], [10, 10, 28]])
    volume = spots((20, 20, 40), at, 1.0, np.array([0.5, 1.0, 0.9, 0.7]))
    # 15 is highest and silences 10 and 20, five voxels off; 20 is silent and so leaves 28 alone.
    np.testing.assert_array_equal(local_maxima(volume, distance_px=9, margin=3), at[[1, 3]])
    np.testing.assert_array_equal(local_maxima(volume, distance_px=5, margin=3), at[[1, 2, 3, 0]])


def test_a_plateau_counts_once_and_the_margin_not_at_all() -> None:
    volume = np.zeros((20, 20, 20), np.float32)
    volume[9:11, 9:11, 9:11] = 1
    volume[1, 10, 10] = 2
    assert len(local_maxima(volume, distance_px=3, margin=3)) == 1
    assert len(local_maxima(np.zeros((9, 9, 9), np.float32), distance_px=3, margin=1)) == 0


def test_a_ramp_has_no_spots_after_the_band_pass() -> None:
    z, y, x = np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij")
    filtered = band_pass((3 * z + y - 2 * x + 7).astype(np.float32), 1.5)
    inner = filtered[14:-14, 14:-14, 14:-14]
    assert np.abs(inner).max() < 1e-3 * 120  # a slope of 3 over 40 voxels leaves nothing


def test_where_there_is_no_peak_the_maximum_stays() -> None:
    away = np.stack(np.meshgrid(*[np.arange(11.0)] * 3, indexing="ij"), -1) - 5
    valley = np.exp(
        0.1 * (away**2).sum(-1) + 0.2 * away[..., 0]
    )  # upwards in all directions but one
    np.testing.assert_array_equal(
        refine(valley.astype(np.float32), np.array([[5, 5, 5]]), radius_px=2), [[5, 5, 5]]
    )


@pytest.mark.parametrize("count", [1, 5000])
def test_many_maxima_are_refined_in_parts(count: int) -> None:
    volume = spots((17, 17, 17), np.array([[8.2, 8.0, 7.9]]), 1.5)
    found = refine(volume, np.repeat([[8, 8, 8]], count, 0), radius_px=2)
    np.testing.assert_allclose(found, np.repeat([[8.2, 8.0, 7.9]], count, 0), atol=0.01)
