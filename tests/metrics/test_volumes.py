"""Scores, by hand and by law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.metrics.volumes import (
    crossing,
    crowther_frequency,
    elongation,
    fsc,
    nrmse,
    psnr,
    ssim,
    wedge_elongation,
)


def volume(seed: int = 0, shape: tuple[int, int, int] = (20, 12, 24)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_psnr_by_hand() -> None:
    truth = torch.tensor([[[0.0, 2.0], [0.0, 2.0]]])
    shown = torch.tensor([[[1.0, 2.0], [0.0, 1.0]]])
    # range 2, mean squared error 2 / 4
    assert psnr(shown, truth) == pytest.approx(10 * math.log10(4 / 0.5))
    assert psnr(truth, truth) == math.inf


@pytest.mark.parametrize("score", [psnr, ssim, nrmse])
def test_scores_do_not_depend_on_the_unit(score) -> None:
    truth, shown = volume(0), volume(0) + 0.1 * volume(1)
    assert score(1000 * shown, 1000 * truth) == pytest.approx(score(shown, truth), rel=1e-6)


def test_ssim_is_one_for_the_truth_and_falls_with_noise() -> None:
    truth = volume(0)
    scores = [ssim(truth + noise * volume(1), truth) for noise in (0.0, 0.1, 0.5)]
    assert scores[0] == pytest.approx(1)
    assert scores[0] > scores[1] > scores[2]


def test_nrmse_of_nothing_is_one() -> None:
    assert nrmse(torch.zeros(20, 12, 24), volume()) == pytest.approx(1)


def test_fsc_of_identical_volumes_is_one_and_of_noise_is_zero() -> None:
    frequency, same = fsc(volume(0, (32, 32, 32)), volume(0, (32, 32, 32)))
    assert same == pytest.approx(np.ones_like(same))
    assert frequency[-1] == pytest.approx(0.5)
    _, independent = fsc(volume(0, (32, 32, 32)), volume(1, (32, 32, 32)))
    assert np.abs(independent[5:]).max() < 0.15


@pytest.mark.parametrize("n", [24, 25])
def test_fsc_equals_the_full_transform(n: int) -> None:
    """The half spectrum is counted as both halves."""
    a, b = volume(2, (n, n, n)).numpy(), volume(3, (n, n, n)).numpy() + volume(2, (n, n, n)).numpy()
    spectra = [np.fft.fftn(v - v.mean()) for v in (a, b)]
    f = np.fft.fftfreq(n)
    shell = np.rint(np.sqrt(f[:, None, None] ** 2 + f[:, None] ** 2 + f**2) * n).astype(int)
    wanted = [
        (spectra[0] * spectra[1].conj())[shell == s].real.sum()
        / np.sqrt(
            (np.abs(spectra[0][shell == s]) ** 2).sum()
            * (np.abs(spectra[1][shell == s]) ** 2).sum()
        )
        for s in range(1, n // 2 + 1)
    ]
    assert fsc(torch.from_numpy(a), torch.from_numpy(b))[1] == pytest.approx(wanted, abs=1e-9)


def test_the_crossing_is_interpolated() -> None:
    assert crossing(np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.6, 0.4]), 0.5) == pytest.approx(
        0.25
    )
    assert crossing(np.array([0.1, 0.2]), np.array([1.0, 0.9]), 0.5) == 0.2


def test_formulas_of_the_field() -> None:
    assert crowther_frequency(np.arange(-60, 61, 2.0), 100) == pytest.approx(90 / (math.pi * 100))
    assert [wedge_elongation(a) for a in (60, 70, 75)] == pytest.approx(
        [1.55, 1.31, 1.21], abs=0.006
    )
    assert wedge_elongation(90) == pytest.approx(1)


def test_elongation_of_an_ellipsoid_is_its_axis_ratio() -> None:
    z, y, x = np.mgrid[-20:21, -20:21, -20:21]
    blob = torch.from_numpy(((z / 15.0) ** 2 + (y / 8.0) ** 2 + (x / 10.0) ** 2 < 1).astype(float))
    assert elongation(blob) == pytest.approx(1.5, rel=0.02)


@pytest.mark.parametrize(
    ("shown", "truth", "says"),
    [
        (torch.ones(4, 4, 4), torch.ones(4, 4, 5), "one shape"),
        (torch.ones(4, 4, 4), torch.ones(4, 4, 4), "everywhere"),
        (torch.full((4, 4, 4), math.nan), volume(0, (4, 4, 4)), "not finite"),
        (torch.ones(4, 4), torch.ones(4, 4), "(z, y, x)"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(
    shown: torch.Tensor, truth: torch.Tensor, says: str
) -> None:
    with pytest.raises(UserError) as error:
        psnr(shown, truth)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "call", [lambda: wedge_elongation(0), lambda: elongation(torch.zeros(3, 3, 3))]
)
def test_impossible_arguments(call) -> None:
    with pytest.raises(UserError):
        call()
