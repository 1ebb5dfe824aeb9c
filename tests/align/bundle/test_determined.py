"""What an error bar is compared with, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.determined import (
    AXIS,
    AXIS_RAD,
    LOOSE_AXIS_RAD,
    error_bars,
    need_prior,
    undetermined,
    unnoticed,
)
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.gauge import allowed
from recon.align.bundle.model import nominal
from recon.align.bundle.plausible import PLAUSIBLE


@pytest.mark.parametrize("name", PLAUSIBLE)
def test_half_the_plausible_size_is_enough_and_more_is_not(name: str) -> None:
    size = PLAUSIBLE[name]
    assert undetermined({name: 0.49 * size}, {}) == ""
    assert name.split("_")[0] in undetermined({name: 0.51 * size}, {})
    assert undetermined({name: 0.51 * size}, {name: 0.5 * size}) == ""  # it was so before
    assert unnoticed(name, {name: 0.31 * size})
    assert not unnoticed(name, {name: 0.29 * size})
    assert need_prior({name: 0.21 * size})
    assert not need_prior({name: 0.19 * size})


def test_the_axis_is_said_in_degrees_and_may_be_looser_where_that_is_allowed() -> None:
    bars = {AXIS: np.deg2rad(0.3)}
    assert undetermined(bars, {}) == "axis within 0.3 deg only"
    assert undetermined(bars, {}, LOOSE_AXIS_RAD) == ""
    assert undetermined({AXIS: 0.99 * AXIS_RAD}, {}) == ""
    assert not need_prior(bars)  # it has none


def test_bars_are_of_views_and_of_the_mean_rotation() -> None:
    """Independent rotations of one degree in 25 views: the axis is known to a fifth of one."""
    given = nominal(np.linspace(-60, 60, 25), 85.0)
    space, _ = allowed(
        given, given, Freedom(rotation="free", magnification="free", tilt="fixed"), np.full(25, 9)
    )
    covariance = np.eye(space.n_unknowns) * np.deg2rad(1.0) ** 2
    bars = error_bars(space, covariance, 25)
    assert np.rad2deg(bars[AXIS]) == pytest.approx(0.2)
    assert np.rad2deg(bars["rotation"]) == pytest.approx(np.sqrt(24 / 25))
    assert np.rad2deg(bars["magnification"]) == pytest.approx(np.sqrt(24 / 25))
    assert "tilt" not in bars
