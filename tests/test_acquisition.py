"""What tilt angles say of the recording: every scheme is named, whatever the goniometer adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.acquisition import describe_acquisition, name_order
from recon.simulate.schemes import dose_symmetric, equal, saxton, with_gaps

BIDIRECTIONAL = np.concatenate([np.arange(0, 61, 3), np.arange(-3, -61, -3)])
SCHEMES = [
    (equal(), "sequential"),
    (saxton(), "sequential"),
    (dose_symmetric(), "dose-symmetric"),
    (dose_symmetric(group=3), "dose-symmetric"),
    (dose_symmetric(group=1000), "bidirectional"),  # one group a side
    (BIDIRECTIONAL, "bidirectional"),
    (np.insert(BIDIRECTIONAL, 21, 0.0), "bidirectional"),  # the first view taken twice
]


@pytest.mark.parametrize(("angles", "order"), SCHEMES)
@given(
    seed=st.integers(0, 1000),
    offset=st.floats(-20, 20),
    mirrored=st.booleans(),
    missing=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_a_scheme_is_named_with_errors_a_pretilt_and_gaps(
    angles: np.ndarray, order: str, seed: int, offset: float, mirrored: bool, missing: int
) -> None:
    angles = np.concatenate([angles[:1], with_gaps(angles[1:], missing=missing, seed=seed)])
    error = np.random.default_rng(seed).uniform(-0.05, 0.05, angles.size)
    read_back = angles + offset + error
    assert name_order(-read_back if mirrored else read_back) == order


def test_coming_back_to_a_side_is_what_makes_it_dose_symmetric() -> None:
    assert name_order(np.array([0.0, 3, 6, -3, -6])) == "bidirectional"
    assert name_order(np.array([0.0, 3, 6, -3, -6, 9, 12])) == "dose-symmetric"
    assert name_order(np.array([0.0, 3, 6, -3, -6, 4.5, 12])) == "unsorted"


@pytest.mark.parametrize(("angles", "order"), SCHEMES)
def test_sorting_makes_it_sequential_and_shuffling_unsorted(angles: np.ndarray, order: str) -> None:
    assert name_order(np.sort(angles)[::-1]) == "sequential"
    assert name_order(np.random.default_rng(0).permutation(angles)) == "unsorted"


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_range_step_and_wedge_do_not_depend_on_the_order(seed: int) -> None:
    angles = saxton(max_tilt_deg=60, step_deg=3)
    found = describe_acquisition(np.random.default_rng(seed).permutation(angles))
    assert found.wedge_deg == pytest.approx(180 - np.ptp(angles))
    assert (found.low_deg, found.high_deg) == pytest.approx((angles.min(), angles.max()))
    assert found.least_deg < found.step_deg < found.largest_deg <= 3 + 1e-9


def test_a_view_that_was_taken_twice_is_no_step() -> None:
    found = describe_acquisition(np.array([-4.0, -2, 0, 0, 2, 4]))
    assert (found.least_deg, found.step_deg, found.largest_deg) == (2, 2, 2)


def test_a_needle_turned_all_around_misses_nothing() -> None:
    assert describe_acquisition(np.arange(-90.0, 90.1, 2)).wedge_deg == 0
