"""Two recordings out of one, independent of each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from recon.sinogram.thinning import LAGS, Splitter, correlation

WHOLE = slice(None)


def test_thinned_counts_are_independent_and_unbiased() -> None:
    rng = np.random.default_rng(0)
    counts = torch.from_numpy(rng.poisson(3.0, (20, 100, 100)).astype(np.float32))
    a, b = Splitter(counts, 0.0).split(list(range(20)), WHOLE, WHOLE, 0.7, rng)
    assert torch.allclose(a + 0.3 * b, counts, atol=1e-5)
    assert float(a.mean()) == pytest.approx(2.1, rel=0.01)
    assert float(a.var()) == pytest.approx(2.1, rel=0.02)  # Poisson again
    assert float(b.mean()) == pytest.approx(3.0, rel=0.01)
    assert abs(np.corrcoef(a.flatten(), b.flatten())[0, 1]) < 0.01
    assert abs(np.corrcoef(counts.flatten() - a.flatten(), counts.flatten())[0, 1]) > 0.3


def test_a_view_that_is_named_twice_is_dealt_once() -> None:
    counts = torch.full((3, 8, 8), 5.0)
    a, _ = Splitter(counts, 0.0).split([1, 0, 1], WHOLE, WHOLE, 0.5, np.random.default_rng(0))
    assert torch.equal(a[0], a[2])


def test_interpolated_noise_is_split_at_every_lag() -> None:
    rng = np.random.default_rng(0)
    expected = torch.full((12, 96, 96), 30.0)
    noise = rng.normal(size=expected.shape) * np.sqrt(30)
    smooth = np.stack([ndimage.shift(v, (0.5, 0.3), order=3, mode="grid-wrap") for v in noise])
    counts = expected + torch.from_numpy(smooth.astype(np.float32))
    shape = correlation(counts, expected, 0.0)
    assert shape[LAGS, LAGS] == pytest.approx(smooth.var() / 30, rel=0.01)
    assert shape[LAGS + 1, LAGS] > 0.15
    splitter = Splitter(counts, 0.0, expected, shape)
    a, b = splitter.split(list(range(12)), WHOLE, WHOLE, 0.5, rng)
    one, two = (v - v.mean() for v in (a, b))
    for dy, dx in ((0, 0), (1, 0), (0, 1), (1, 1)):
        moved = torch.roll(two, (dy, dx), (1, 2))
        both = float((one * moved).mean() / (one.std() * two.std()))
        assert abs(both) < 0.03, (dy, dx)
    assert float(b.mean()) == pytest.approx(30, rel=0.01)
    assert float(a.mean()) == pytest.approx(15, rel=0.01)
