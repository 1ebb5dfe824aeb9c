"""A series that a network was not trained for is said to be one, and a series like its training
ones is not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.learned.card import (
    QUANTILES,
    OutsideCard,
    card_of,
    heard,
    outside_card,
    series_facts,
    warn_outside,
)
from recon.simulate.ellipsoids import catalyst, project_ellipsoids

N, NOISE = 48, 3.0


def series(
    seed: int = 0, *, first: float = -60, step: float = 2, noise: float = NOISE
) -> tuple[torch.Tensor, Geometry, float]:
    geometry = Geometry(np.arange(first, -first + 0.1, step), 1.0)
    views = project_ellipsoids(catalyst(N, np.random.default_rng(seed)), geometry, (N, N))
    views = views + noise * np.random.default_rng(seed + 100).normal(size=views.shape)
    return torch.from_numpy(views.astype(np.float32)), geometry, noise


@pytest.fixture(scope="module")
def card() -> dict[str, object]:
    return card_of([series_facts(*series(seed)) for seed in range(6)])


def test_a_training_series_is_inside(card: dict[str, object]) -> None:
    assert all(outside_card(*series(seed), card) == [] for seed in range(6))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"first": -70}, "tilts reach 70°, but the network was trained on 60° to 60°"),
        ({"step": 5}, "views are a step apart of 5°, but the network was trained on 2° to 2°"),
        ({"noise": 40.0}, "the signal-to-noise ratio (of variances, per pixel) is"),
    ],
)
def test_each_property_has_its_sentence(
    card: dict[str, object], changed: dict[str, float], says: str
) -> None:
    said = [
        s for s in outside_card(*series(**changed), card) if not s.startswith("the grey histogram")
    ]  # noise changes greys, too
    assert len(said) == 1
    assert said[0].startswith(says)


def test_another_specimen_has_another_histogram(card: dict[str, object]) -> None:
    y, geometry, noise = series()
    bright = y.amax() - y  # bright field, not inverted
    said = outside_card(bright, geometry, noise, card)
    assert len(said) == 1
    assert said[0].startswith("the grey histogram is another")


def test_gain_and_offset_do_not_count(card: dict[str, object]) -> None:
    y, geometry, noise = series()
    assert outside_card(7 * y - 300, geometry, 7 * noise, card) == []
    y[3, 4, 5] = 1e6  # a hot pixel moves no quantile (it does raise the variance)
    assert [s for s in outside_card(y, geometry, noise, card) if "grey" in s] == []


def test_snr_is_the_ratio_of_variances() -> None:
    rng = np.random.default_rng(0)
    signal = np.repeat(rng.normal(size=(5, 1, 400)) * 6, 300, axis=1)
    y = torch.from_numpy((signal + 2 * rng.normal(size=signal.shape)).astype(np.float32))
    facts = series_facts(y, Geometry(np.arange(5.0), None), 2.0)
    assert facts["snr"] == pytest.approx(signal.var() / 4, rel=0.02)
    assert series_facts(y, Geometry(np.arange(5.0), None), 0.0)["snr"] == np.inf


def test_what_the_card_leaves_out_is_not_judged() -> None:
    y, geometry, noise = series(first=-70)
    assert outside_card(y, geometry, noise, {}) == []
    assert len(outside_card(y, geometry, noise, {"tilt_max_deg": [0, 10]})) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"tilt_range": [0, 60]},
        {"snr": [5, 1]},
        {"snr": "high"},
        {"step_deg": [1, 2, 3]},
        {"grey_quantiles": [0, 1]},
        {"grey_quantiles": {"q": [0.5], "low": [0.1, 0.2], "high": [0.3]}},
        {"grey_quantiles": {"q": [1.5], "low": [0.1], "high": [0.3]}},
    ],
)
def test_a_card_that_cannot_be_read_is_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"wanted|known"):
        outside_card(*series(), wrong)


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_views_without_structure_are_a_sentence(value: float) -> None:
    with pytest.raises(UserError, match="wanted"):
        series_facts(torch.full((3, 8, 8), value), Geometry(np.arange(3.0), None), 1.0)
    with pytest.raises(UserError, match="training series"):
        card_of([])
    assert len(QUANTILES) == len(series_facts(*series())["grey"])


def test_a_warning_reaches_the_console_once_and_the_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console()
    y, geometry, noise = series(first=-70)
    with heard(console.warn):
        for _ in range(3):  # slabs
            warn_outside(y, geometry, noise, {"tilt_max_deg": [50, 60]}, name="irdm")
        with pytest.warns(DeprecationWarning, match="another"):
            warnings.warn("another", DeprecationWarning, stacklevel=1)
    said = (
        "irdm: tilts reach 70°, but the network was trained on 50° to 60°; what it shows may "
        "be "
        "invented"
    )
    assert console.warnings == [said]
    assert capsys.readouterr().err == f"warning: {said}\n"
    with pytest.warns(OutsideCard):
        warn_outside(y, geometry, noise, {"tilt_max_deg": [50, 60]}, name="irdm")
