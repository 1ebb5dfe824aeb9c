"""Trained on by the series itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import take_views
from recon.learned.weights import load_trained
from recon.sinogram.noise2noise import NOISE2NOISE
from recon.sinogram.unet import UNET
from recon.stage import BoundStep

from .conftest import series_of, views_of


def step(weights: Path, **options: object) -> BoundStep:
    return NOISE2NOISE(weights=str(weights), flips=False, **options)  # type: ignore[arg-type]


def test_it_learns_without_a_truth(small_weights: Path) -> None:
    clean = views_of(6.0)
    series = series_of(clean)
    rough = UNET(weights=str(small_weights), flips=False)(series).data
    done = step(small_weights, steps=60, learning_rate=3e-3)(series)
    before, after = (float((v - clean).square().mean()) for v in (rough, done.data))
    assert after < 0.5 * before
    assert done.facts["denoise"]["split"] == "counts"  # type: ignore[index]
    assert done.facts["denoise"]["gain_on_held_views_percent"] > 0  # type: ignore[index]
    assert done.data.sum((1, 2)).numpy() == pytest.approx(series.data.sum((1, 2)).numpy(), rel=1e-4)


def test_a_seed_is_one_result_and_the_weights_on_the_disk_stay(small_weights: Path) -> None:
    series = series_of(views_of(6.0))
    before = {k: v.clone() for k, v in _state(small_weights).items()}
    one, two = (step(small_weights, steps=5, seed=3)(series).data for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, step(small_weights, steps=5, seed=4)(series).data)
    assert all(torch.equal(before[k], v) for k, v in _state(small_weights).items())


def test_pixels_that_are_no_counts_are_split_by_added_noise(small_weights: Path) -> None:
    series = series_of(views_of(6.0))
    done = step(small_weights, steps=3)(replace(series, data=2.5 * series.data + 0.1))
    assert done.facts["denoise"]["split"] == "added noise"  # type: ignore[index]


def test_training_that_makes_it_worse_is_not_taken(small_weights: Path) -> None:
    series = series_of(views_of(6.0))
    done = step(small_weights, steps=4, learning_rate=0.9)(series)
    told = done.facts["denoise"]
    assert told["gain_on_held_views_percent"] >= 0  # type: ignore[index]
    if told["steps_taken"] == 0:  # type: ignore[index]
        plain = UNET(weights=str(small_weights), flips=False)(series)
        assert torch.equal(done.data, plain.data)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"steps": 0}, "steps=0"), ({"share": 1.0}, "share=1"), ({"learning_rate": 2.0}, "rate=2")],
)
def test_options_that_mean_nothing_are_refused(
    small_weights: Path, options: dict[str, float], words: str
) -> None:
    bound = step(small_weights, **options)
    with pytest.raises(UserError, match=words):
        bound.declared.check(bound.options)


def test_one_view_is_refused(small_weights: Path) -> None:
    series = series_of(views_of(4.0))
    one = replace(series, data=series.data[:1], geometry=take_views(series.geometry, np.array([0])))
    with pytest.raises(UserError, match="1 view given"):
        step(small_weights)(one)


def _state(weights: Path) -> dict[str, torch.Tensor]:
    return dict(load_trained(str(weights), task="denoise").network.state_dict())
