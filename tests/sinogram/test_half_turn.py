"""Where views are missing in a half-turn, and where those that were measured lie in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.sinogram.half_turn import STEP_DEG, half_turn, laid_out, missing_geometry, without

PUBLISHED = STEP_DEG * (np.arange(96) - 47.5)


def all_of(angles: np.ndarray) -> np.ndarray:
    return np.ones(angles.size, bool)


def projected(angles: np.ndarray) -> torch.Tensor:
    volume = torch.rand(16, 2, 16, generator=torch.Generator().manual_seed(0))
    return NativeProjector(Geometry(angles), (16, 16), 16)(volume)


def test_a_regular_series_goes_on_in_its_own_step() -> None:
    turn = half_turn(PUBLISHED, all_of(PUBLISHED))
    assert len(turn.view) == 128 and int(turn.missing.sum()) == 32
    np.testing.assert_allclose(np.diff(turn.angles_deg), STEP_DEG)
    gap = np.flatnonzero(turn.missing)
    assert (gap == np.arange(gap[0], gap[0] + 32)).all()  # in one piece, far from both ends
    assert min(gap[0], 127 - gap[-1]) >= 47
    assert turn.gap_deg == pytest.approx(33 * STEP_DEG)
    assert turn.distance_deg.max() == pytest.approx(16 * STEP_DEG)


@pytest.mark.parametrize(("own", "grid"), [(1.0, 1.0), (2.0, 2.0), (2.5, 1.25), (5.0, 1.25)])
def test_coarse_steps_are_divided_and_fine_ones_are_not(own: float, grid: float) -> None:
    angles = np.arange(-60, 60.1, own)
    turn = half_turn(angles, all_of(angles))
    assert turn.step_deg == pytest.approx(grid)
    np.testing.assert_allclose(np.diff(turn.angles_deg), grid, rtol=0.05)


@pytest.mark.parametrize("turned", [0.0, 40.0, -75.0])
def test_measured_views_lie_where_a_projection_at_the_same_angle_does(turned: float) -> None:
    angles = np.arange(-60, 60.1, 5.0) + turned
    turn = half_turn(angles, all_of(angles), 5.0)
    views = laid_out(projected(angles), turn)
    there = ~turn.missing
    true = projected(turn.angles_deg)
    torch.testing.assert_close(views[there], true[there], atol=1e-4, rtol=1e-4)
    assert bool((views[turn.missing] == 0).all())


def test_missing_views_come_back_within_90_degrees_seen_from_the_right_side() -> None:
    angles = np.arange(-75, 30.1, 5.0)
    turn = half_turn(angles, all_of(angles), 5.0)
    geometry, behind = missing_geometry(turn, None)
    assert np.abs(geometry.angles_deg).max() <= 90 and behind.any() and not behind.all()
    here = projected(turn.angles_deg)[turn.missing]
    there = torch.where(torch.from_numpy(behind)[:, None, None], here.flip(-1), here)
    torch.testing.assert_close(there, projected(geometry.angles_deg), atol=1e-4, rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-90, 90), min_size=2, max_size=40, unique=True))
def test_any_angles_become_one_half_turn(given_deg: list[float]) -> None:
    angles = np.array(given_deg)
    if np.ptp(angles) < 0.5 or np.abs(np.diff(np.sort(angles))).min() < 0.5:
        return
    apart = 180 - np.ptp(angles)
    if apart < 0.5:
        return
    turn = half_turn(angles, all_of(angles), 45.0)
    assert sorted(turn.view[turn.view >= 0]) == list(range(angles.size))
    assert (np.diff(turn.angles_deg) > 0).all() and np.ptp(turn.angles_deg) < 180
    np.testing.assert_allclose(
        np.mod(turn.angles_deg[~turn.missing] - angles[turn.view[~turn.missing]] + 1, 180), 1
    )


def test_ends_that_meet_are_one_view_and_one_view_is_too_few() -> None:
    angles = np.linspace(-90, 90, 19)
    assert int((half_turn(angles, all_of(angles), 10.0).view >= 0).sum()) == 18
    with pytest.raises(UserError, match="1 measured tilt given to inpaint, at least 2 wanted"):
        half_turn(np.array([3.0]), np.ones(1, bool))
    with pytest.raises(UserError, match="at least 2 wanted"):
        half_turn(angles, np.arange(19) == 4)


def test_views_that_are_withheld_are_missing() -> None:
    turn = half_turn(PUBLISHED, all_of(PUBLISHED))
    less = without(turn, np.array([10, 50]))
    assert int(less.missing.sum()) == 34
    assert less.distance_deg[turn.view == 10] == pytest.approx(STEP_DEG)
    assert (less.angles_deg == turn.angles_deg).all()
