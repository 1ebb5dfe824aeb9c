"""The hot-pixel filter keeps counts and sharp specimens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from recon.preprocess.outliers import is_counting, without_outliers
from recon.series import TiltSeries

Make = Callable[[np.ndarray], TiltSeries]


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_counts_of_an_element_map_are_kept(rate: float, series_of: Make) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    mean = rate * (0.2 + 3 * np.exp(-((y - 48) ** 2 + (x - 40) ** 2) / 300))
    mean[20:23, 60:63] += 10 * rate  # a small particle
    counts = rng.poisson(np.broadcast_to(mean, (12, 96, 96))).astype(np.float32)
    assert is_counting(counts)
    kept = float(without_outliers(series_of(counts), 8.0).data.sum())
    assert kept == pytest.approx(counts.sum(), rel=0.005)
    hot = counts.copy()
    hot[:, 10, 10] = 60
    assert without_outliers(series_of(hot), 8.0).data[:, 10, 10].max() < 5


def test_sharp_atoms_are_the_specimen_and_few_hot_pixels_are_not(series_of: Make) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    body = 20 * ((y - 32) ** 2 + (x - 32) ** 2 < 17**2)
    views = (100 + body + rng.normal(0, 1, (12, 64, 64))).astype(np.float32)
    atoms = views.copy()
    for view in atoms:
        sharp = np.zeros((64, 64), np.float32)
        sharp[tuple(rng.integers(21, 44, (2, 30)))] = 60
        view += ndimage.gaussian_filter(sharp, 0.4)
    found = without_outliers(series_of(atoms), 8.0)
    np.testing.assert_array_equal(found.data.numpy(), atoms)
    assert "so many are the specimen" in found.history[-1]
    rays = views.copy()
    for view in rays:  # heights over decades, two in a view
        view[tuple(rng.integers(0, 64, (2, 2)))] += 10 ** rng.uniform(2, 4, 2)
    assert float(without_outliers(series_of(rays), 8.0).data.max()) < 130
    views[:, 7, 9] += 500  # fixed on the detector
    atoms[:, 7, 9] += 500
    assert float(without_outliers(series_of(atoms), 8.0).data[:, 7, 9].max()) < 130
    assert float(without_outliers(series_of(views), 8.0).data.max()) < 130
