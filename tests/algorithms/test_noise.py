"""The noise of a series is found within 5 %, whatever smooth signal lies under it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.noise import noise_sigma


def ramp(rows, width):
    """(5, rows, width) smooth views: a plane and a wide hill."""
    y, x = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, width), indexing="ij")
    return np.stack([50 * y + 80 * x + 30 * k * np.exp(-((x - 0.5) ** 2) * 4) for k in range(5)])


@pytest.mark.parametrize("sigma", [0.3, 5.0])
@pytest.mark.parametrize("rows", [1, 2, 3, 40, 61])
def test_white_noise_on_a_ramp(sigma, rows):
    width = 64 if rows > 8 else 1200  # as many pixels, or chance decides
    views = ramp(rows, width) + np.random.default_rng(rows).normal(0, sigma, (5, rows, width))
    assert noise_sigma(torch.from_numpy(views.astype(np.float32))) == pytest.approx(sigma, rel=0.05)


def test_counting_noise_is_its_root_mean_square():
    """Poisson counts have variance = mean, so the rms deviation is the root of the mean count,
    where the level differs too."""
    level = np.repeat(np.repeat(np.random.default_rng(0).uniform(20, 400, (4, 8, 8)), 16, 1), 16, 2)
    counts = np.random.default_rng(1).poisson(level)
    # Block edges of the level are signal, not noise; their share here is small.
    assert noise_sigma(torch.from_numpy(counts.astype(np.float32))) == pytest.approx(
        np.sqrt(level.mean()), rel=0.05
    )


def test_it_scales_and_a_clean_ramp_has_none():
    views = torch.from_numpy(ramp(40, 64).astype(np.float32))
    assert noise_sigma(views) < 0.02
    noisy = views + torch.randn(5, 40, 64, generator=torch.Generator().manual_seed(0))
    assert noise_sigma(7 * noisy) == pytest.approx(7 * noise_sigma(noisy), rel=1e-3)


def test_a_few_hot_pixels_do_not_matter():
    views = np.random.default_rng(0).normal(0, 1, (5, 64, 64))
    views.reshape(-1)[:: 64 * 5] += 1000
    assert noise_sigma(torch.from_numpy(views.astype(np.float32))) == pytest.approx(1.0, rel=0.2)
