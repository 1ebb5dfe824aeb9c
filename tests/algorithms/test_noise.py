"""The noise of a series is found within 5 %, whatever smooth signal lies under it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.noise import measure_photon_transfer, noise_sigma


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


def isolated(size, dose, rows=48):
    """(24, rows, size) expected counts of a ball a third as wide as the frame, turning about an axis
    outside of it, in vacuum; ``dose`` in the brightest pixel."""
    y, x = np.mgrid[:rows, :size]
    at = size / 2 + size / 5 * np.sin(np.linspace(-1, 1, 24))
    radius = size / 6
    gaps = radius**2 - (x - at[:, None, None]) ** 2 - (y - rows / 2) ** 2
    return dose * np.sqrt(np.maximum(gaps, 0)) / radius


@pytest.mark.parametrize("unit", [1.0, 0.013])  # of the data: nobody says what a count is
@pytest.mark.parametrize("dose", [10, 100, 1000])
@pytest.mark.parametrize("read_noise", [0.0, 2.0])
def test_photon_transfer_of_a_specimen_in_vacuum(dose, read_noise, unit):
    """Where most of the frame says nothing of the noise: gain, read noise and what follows."""
    expected = isolated(96, dose)
    random = np.random.default_rng(dose)
    counts = random.poisson(expected) + read_noise * random.normal(size=expected.shape) + 30
    found = measure_photon_transfer(torch.from_numpy((unit * counts).astype(np.float32)))
    true = unit * np.sqrt(expected.mean() + read_noise**2)
    assert found.sigma == pytest.approx(true, rel=0.12)
    assert found.floor**0.5 == pytest.approx(unit * read_noise, rel=0.05, abs=0.05 * true)
    assert found.dark == pytest.approx(30 * unit, abs=unit)
    if dose > 10:
        assert found.gain == pytest.approx(unit, rel=0.15)


def test_photon_transfer_of_binned_counts_has_their_sum_as_gain():
    """Four counting pixels added up count as well; their mean has a quarter of the gain."""
    counts = np.random.default_rng(3).poisson(isolated(192, 100, 96)).astype(np.float32)
    binned = counts.reshape(24, 48, 2, 96, 2).mean(axis=(2, 4))
    assert measure_photon_transfer(torch.from_numpy(binned)).gain == pytest.approx(0.25, rel=0.15)


def test_photon_transfer_of_noise_that_is_the_same_everywhere():
    views = ramp(40, 64) + np.random.default_rng(0).normal(0, 3, (5, 40, 64))
    assert measure_photon_transfer(torch.from_numpy(views.astype(np.float32))).sigma == (
        pytest.approx(3, rel=0.1)
    )
    flat = torch.full((4, 8, 12), 7.0)
    assert measure_photon_transfer(flat).sigma == 0.0
