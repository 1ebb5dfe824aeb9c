"""The conventions of geometry.py: axis, freedom, and the range each view stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.errors import UserError
from recon.geometry import (
    Geometry,
    axis_in_view,
    axis_rotation,
    centre,
    column_of,
    nearest_to_zero,
    view_freedom,
    view_weights_deg,
)


@given(st.floats(-360, 360))
def test_axis_rotation_turns_the_axis_onto_y(axis_deg):
    a = np.deg2rad(axis_deg)
    R = axis_rotation(axis_deg)
    np.testing.assert_allclose(
        R @ np.array([np.cos(a), -np.sin(a)]), [1, 0], atol=1e-12
    )  # (dy, dx) of the raw axis -> +y
    np.testing.assert_allclose(R @ R.T, np.eye(2), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    # On (x, y) it is the matrix of an IMOD .xf line.
    swap = np.array([[0, 1], [1, 0]])
    np.testing.assert_allclose(
        swap @ R @ swap, [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], atol=1e-12
    )


def test_centre_and_column():
    assert (centre(5), centre(4), centre(1)) == (2.0, 1.5, 0.0)
    assert column_of(0.0, 3.0, 0.0) == pytest.approx(3)
    assert column_of(2.0, 3.0, 90.0) == pytest.approx(2)  # z comes to the front of x at +90 degrees
    assert column_of(2.0, 3.0, -90.0) == pytest.approx(-2)
    np.testing.assert_allclose(
        column_of(1.0, 1.0, np.array([45.0, -45.0])), [np.sqrt(2), 0], atol=1e-12
    )


@pytest.mark.parametrize(
    ("angles", "total"),
    [
        (np.arange(0, 180, 2.0), 180),  # 0 .. 178
        (np.arange(-90, 90, 1.5), 180),
        (np.arange(-90, 91, 2.0), 180),  # -90 and +90 are one view
        (np.arange(-60, 61, 2.0), 122),
        (np.arange(-70, 71, 5.0) + 0.3, 145),
        (np.array([-10.0, 10.0]), 40),
        (np.array([0.0, 60.0, 120.0]), 180),
    ],
)
def test_equal_steps_weigh_alike(angles, total):
    weights = view_weights_deg(angles)
    assert weights.sum() == pytest.approx(total)
    turned, count = np.unique(np.round(angles % 180, 6), return_counts=True)
    shared = dict(zip(turned, count, strict=True))
    share = np.array([shared[a] for a in np.round(angles % 180, 6)])
    np.testing.assert_allclose(weights * share, total / turned.size)


def test_a_single_view_stands_for_all():
    assert view_weights_deg(np.array([13.0])).tolist() == [180.0]
    assert view_weights_deg(np.array([13.0, 13.0, -167.0])).tolist() == [60.0] * 3


def test_a_view_stands_for_half_the_gaps_beside_it():
    angles = np.array([-50.0, -40.0, -10.0, 0.0, 2.0])
    np.testing.assert_allclose(view_weights_deg(angles), [10, 20, 20, 6, 2])


def test_saxton_views_weigh_what_their_gaps_are():
    angles = np.rad2deg(np.arcsin(np.linspace(-0.9, 0.9, 41)))
    weights = view_weights_deg(angles)
    np.testing.assert_allclose(weights[1:-1], (angles[2:] - angles[:-2]) / 2)
    np.testing.assert_allclose(weights[[0, -1]], np.diff(angles)[[0, -1]])


@given(
    st.lists(st.floats(-180, 180).map(lambda a: round(a, 3)), min_size=1, max_size=30), st.randoms()
)
def test_any_angles_have_positive_weights_that_follow_them(angles, random):
    angles = np.array(angles)
    weights = view_weights_deg(angles)
    assert (weights > 0).all()
    order = np.array(random.sample(range(angles.size), angles.size))
    np.testing.assert_allclose(view_weights_deg(angles[order]), weights[order])  # in any order
    np.testing.assert_allclose(
        view_weights_deg(angles + 180), weights, atol=1e-6
    )  # half a turn shows the same rays
    np.testing.assert_allclose(view_weights_deg(-angles).sum(), weights.sum(), rtol=1e-6)
    # A view taken twice shares its part.
    doubled = view_weights_deg(np.r_[angles, angles[:1]])
    assert doubled.sum() == pytest.approx(weights.sum())
    assert doubled[0] == pytest.approx(doubled[-1])


ANGLES = np.arange(-60, 61, 5.0)


def test_freedom_is_a_projection():
    shifts = np.random.default_rng(0).normal(size=(ANGLES.size, 2))
    once = view_freedom(shifts, ANGLES)
    np.testing.assert_allclose(view_freedom(once, ANGLES), once, atol=1e-12)
    np.testing.assert_allclose(view_freedom(shifts - once, ANGLES), 0, atol=1e-12)
    assert np.abs(once - shifts).max() > 0.5


def test_a_moved_specimen_is_pure_freedom():
    """The whole specimen moved by (dz, dy, dx) shifts every view by what column_of says: nothing of
    it is left."""
    dz, dy, dx = 4.0, -7.0, 2.5
    drift = np.stack([np.full(ANGLES.size, dy), column_of(dz, dx, ANGLES)], 1)
    np.testing.assert_allclose(view_freedom(drift, ANGLES), drift, atol=1e-12)
    jitter = np.random.default_rng(1).normal(size=drift.shape)
    jitter -= view_freedom(jitter, ANGLES)
    np.testing.assert_allclose(
        (drift + jitter) - view_freedom(drift + jitter, ANGLES), jitter, atol=1e-12
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"angles_deg": np.array([])}, r"tilt angles of shape \(0,\) given"),
        ({"angles_deg": np.zeros((2, 2))}, r"shape \(2, 2\) given, one angle per view"),
        ({"angles_deg": np.array([0.0, np.nan])}, r"tilt angle 1 is nan, finite degrees wanted"),
        ({"pixel_nm": 0.0}, r"pixel size 0.0 nm given, a positive number wanted"),
        ({"pixel_nm": float("inf")}, r"pixel size inf nm given"),
        ({"shifts_px": np.zeros((3, 2))}, r"shifts of shape \(3, 2\) given, \(2, 2\) finite"),
        ({"shifts_px": np.full((2, 2), np.nan)}, r"finite \(dy, dx\) wanted"),
    ],
)
def test_an_impossible_geometry_cannot_exist(values, message):
    with pytest.raises(UserError, match=message):
        Geometry(**{"angles_deg": np.array([0.0, 1.0]), "pixel_nm": 1.0, **values})


def test_a_geometry_is_frozen_and_keeps_no_reference():
    angles = np.array([0.0, 1.0])
    geometry = Geometry(angles, None, 0.0, np.zeros((2, 2)))
    angles[0] = 5
    assert geometry.angles_deg[0] == 0
    assert geometry.n_views == 2
    with pytest.raises(ValueError, match="read-only"):
        geometry.angles_deg[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        geometry.shifts_px[0, 0] = 1


@pytest.mark.parametrize("own", [False, True])
def test_the_axis_in_a_view_ends_on_the_middle_column(own):
    shifts = np.array([[3.0, -7.0], [1.0, 4.0]])
    matrices = 1.02 * np.stack([axis_rotation(31.0), axis_rotation(29.0)]) if own else None
    geometry = Geometry(np.array([-20.0, 10.0]), 1.0, 30.0, shifts, matrices)
    point, along = axis_in_view(geometry, 1)
    for step in (-50.0, 0.0, 20.0):
        turn = axis_rotation(30.0) if matrices is None else matrices[1]
        aligned = turn @ (point + step * along) + shifts[1]
        assert aligned[1] == pytest.approx(0)
    assert nearest_to_zero(geometry) == 1
