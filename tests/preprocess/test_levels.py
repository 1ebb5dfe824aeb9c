"""The vacuum level is the middle of the dark part, at any dose; bright field is noticed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recon.preprocess import preprocess, vacuum_levels
from recon.preprocess.bright import looks_bright_field
from recon.series import TiltSeries

Make = Callable[[np.ndarray], TiltSeries]


@pytest.mark.parametrize("level", [0.3, 1.0, 10.0, 300.0])
@pytest.mark.parametrize("peak", [3.0, 9.0])
def test_the_level_of_counting_images_is_not_biased(level: float, peak: float) -> None:
    y, x = np.mgrid[:128, :128]
    body = peak * max(level, 1) * np.exp(-((((y - 64) ** 2 + (x - 64) ** 2) / 30.0**2) ** 3))
    counts = np.random.default_rng(0).poisson(np.broadcast_to(level + body, (12, 128, 128)))
    found, vacuum = vacuum_levels(counts.astype(np.float32))
    assert vacuum
    assert found.mean() == pytest.approx(level, rel=0.03, abs=0.01)


def bright(views: np.ndarray) -> np.ndarray:
    return (1000 * np.exp(-(views - 100) / 400)).astype(np.float32)


def test_bright_field_taken_as_dark_field_is_questioned(views: np.ndarray, series_of: Make) -> None:
    found = preprocess(series_of(bright(views)))
    assert any("preprocess=brightfield" in w for w in found.warnings)
    assert preprocess(series_of(views)).warnings == ()


def test_a_porous_film_is_not_bright_field() -> None:
    angles = np.linspace(-60, 60, 21)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    pores = ((y - 20) ** 2 + (x - 40) ** 2 < 30) | ((y - 45) ** 2 + (x - 20) ** 2 < 30)
    film = np.stack([(500 - 300 * pores) / np.cos(np.deg2rad(a)) for a in angles])
    assert not looks_bright_field((film + rng.normal(0, 5, film.shape)).astype(np.float32), angles)


def test_a_leaning_background_is_a_plane(views: np.ndarray, series_of: Make) -> None:
    y, x = np.mgrid[: views.shape[1], : views.shape[2]]
    plane = 0.8 * (y - 20) - 0.5 * x
    flat = preprocess(series_of(views)).data.numpy()
    leaning = preprocess(series_of(views + plane), background="plane").data.numpy()
    assert np.abs(leaning - flat)[:, :8, :8].mean() < 4
    assert np.abs((leaning - flat).mean()) < 4
