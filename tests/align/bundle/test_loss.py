"""Weights are the losses' own slopes."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.loss import SMALLEST_SCALE_PX, Loss, spread_px

LENGTHS = np.array([0.01, 0.4, 1.1, 3.0, 40.0])


@pytest.mark.parametrize("kind", ["squares", "huber", "cauchy"])
def test_weight_is_the_slope_of_the_loss_over_the_length(kind) -> None:
    loss, h = Loss(kind, 0.9), 1e-6
    slope = [
        (loss.value(np.array([r + h])) - loss.value(np.array([r - h]))) / (2 * h) for r in LENGTHS
    ]
    np.testing.assert_allclose(loss.weight(LENGTHS) * LENGTHS, slope, rtol=1e-5)


@pytest.mark.parametrize("kind", ["squares", "huber", "cauchy"])
def test_mean_slope_is_half_the_divergence_of_the_influence(kind) -> None:
    loss, h = Loss(kind, 0.9), 1e-6
    points = np.random.default_rng(0).normal(size=(400, 2))

    def influence(p: np.ndarray) -> np.ndarray:
        return loss.weight(np.hypot(*p.T))[:, None] * p

    divergence = sum(
        (influence(points + h * unit)[:, axis] - influence(points - h * unit)[:, axis]) / (2 * h)
        for axis, unit in enumerate(np.eye(2))
    )
    assert loss.mean_slope(np.hypot(*points.T)) == pytest.approx(divergence.mean() / 2, rel=1e-4)


def test_cauchy_forgets_what_huber_keeps() -> None:
    pull = {
        kind: (Loss(kind, 1.0).weight(LENGTHS) * LENGTHS)[-1]
        for kind in ("squares", "huber", "cauchy")
    }
    assert pull["squares"] == 40
    assert pull["huber"] == pytest.approx(1)
    assert pull["cauchy"] < 0.03


def test_noise_free_tracks_still_have_a_scale() -> None:
    assert spread_px(np.zeros(10), 5) == SMALLEST_SCALE_PX
    assert spread_px(np.ones(10), 10) == pytest.approx(np.sqrt(2) * spread_px(np.ones(10), 0))
