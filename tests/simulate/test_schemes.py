"""Tilt schemes equal their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.simulate.schemes import dose_symmetric, equal, saxton, with_gaps


def test_equal_steps_hold_zero_and_both_ends() -> None:
    assert equal(max_tilt_deg=60, step_deg=2) == pytest.approx(np.arange(-60, 61, 2))
    assert equal(max_tilt_deg=5, step_deg=2) == pytest.approx([-4, -2, 0, 2, 4])


@pytest.mark.parametrize(
    ("largest", "step", "views"), [(70, 2, 99), (60, 2, 75), (70, 3, 65), (70, 1.43, 137)]
)
def test_saxton_has_the_published_number_of_views(largest: float, step: float, views: int) -> None:
    angles = saxton(max_tilt_deg=largest, step_deg=step)
    assert angles.size == views


def test_saxton_obeys_its_formula_and_is_symmetric() -> None:
    angles = saxton(max_tilt_deg=70, step_deg=2)
    assert angles == pytest.approx(-angles[::-1])
    up = np.deg2rad(angles[angles >= 0])
    assert np.sin(np.diff(up)) == pytest.approx(np.sin(np.deg2rad(2)) * np.cos(up[:-1]))


def test_dose_symmetric_goes_outwards_on_both_sides() -> None:
    assert dose_symmetric(max_tilt_deg=9, step_deg=3).tolist() == [0, 3, -3, 6, -6, 9, -9]
    assert dose_symmetric(max_tilt_deg=9, step_deg=3, group=2).tolist() == [0, 3, 6, -3, -6, 9, -9]
    angles = dose_symmetric(max_tilt_deg=60, step_deg=3, group=4)
    assert sorted(angles) == pytest.approx(equal(max_tilt_deg=60, step_deg=3))


def test_gaps_keep_the_ends_and_are_the_seeds() -> None:
    angles = equal(max_tilt_deg=60, step_deg=2)
    left = with_gaps(angles, missing=20, seed=3)
    assert left.size == 41
    assert {left.min(), left.max()} == {-60, 60}
    assert left == pytest.approx(with_gaps(angles, missing=20, seed=3))
    assert left.tolist() != with_gaps(angles, missing=20, seed=4).tolist()


@pytest.mark.parametrize(
    "call",
    [
        lambda: equal(max_tilt_deg=0),
        lambda: saxton(max_tilt_deg=95),
        lambda: equal(step_deg=0),
        lambda: dose_symmetric(group=0),
        lambda: with_gaps(np.arange(5.0), missing=4),
    ],
)
def test_impossible_schemes_are_a_sentence(call) -> None:
    with pytest.raises(UserError):
        call()
