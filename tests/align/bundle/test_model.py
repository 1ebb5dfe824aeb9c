"""Equation (1) and its slopes."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.model import (
    COUNT,
    MAGNIFICATION,
    ROTATION,
    SCAN_SKEW,
    SKEW,
    STRETCH,
    THINNING,
    TILT,
    X_TILT,
    Cameras,
    X,
    Y,
    jacobian,
    matrices,
    nominal,
    project,
)
from recon.geometry import axis_rotation, column_of

SIZES = np.array([5.0, 5.0, 0.5, 0.02, 0.7, 0.3, 0.02, 0.02, 0.05, 0.02])


def random_cameras(n: int, seed: int) -> Cameras:
    return Cameras(np.random.default_rng(seed).normal(size=(n, COUNT)) * SIZES)


def test_without_drift_a_bead_lands_where_the_geometry_says() -> None:
    """Rotate the raw position by equation (2) of geometry.py: row y, column x cos t + z sin t."""
    tilts, axis = np.array([-60.0, 10.0, 45.0]), 85.3
    bead = np.array([[7.0, -20.0, 31.0]])
    aligned = project(nominal(tilts, axis), bead)[:, 0] @ axis_rotation(axis).T
    np.testing.assert_allclose(aligned[:, 0], -20.0, atol=1e-12)
    np.testing.assert_allclose(aligned[:, 1], column_of(7.0, 31.0, tilts), atol=1e-12)


def test_the_matrix_is_imods() -> None:
    """tiltalign's a to f, with every factor at work that its short form knows: tilt, rotation,
    magnification, thinning."""
    t, p, m, k = 0.6, -0.2, 1.01, 0.9
    q = np.zeros((1, COUNT))
    q[0, [TILT, ROTATION, MAGNIFICATION, THINNING]] = t, p, np.log(m), np.log(k)
    a_to_f = [
        [m * np.cos(t) * np.cos(p), -m * np.sin(p), m * k * np.sin(t) * np.cos(p)],
        [m * np.cos(t) * np.sin(p), m * np.cos(p), m * k * np.sin(t) * np.sin(p)],
    ]
    np.testing.assert_allclose(matrices(Cameras(q))[0], a_to_f, atol=1e-14)


@pytest.mark.parametrize(
    ("column", "value", "point", "lands"),
    [
        (X_TILT, 0.1, (0.0, 10.0, 0.0), (10 * np.cos(0.1), 0.0)),  # y leans out of the plane
        (X_TILT, 0.1, (10.0, 0.0, 0.0), (-10 * np.sin(0.1), 0.0)),
        (STRETCH, 0.1, (0.0, 10.0, 10.0), (10.0, 11.0)),
        (SKEW, 0.1, (0.0, 0.0, 10.0), (1.0, 10.0)),
        (SKEW, 0.1, (0.0, 10.0, 0.0), (10.0, 0.0)),  # the axis stays where it is
        (SCAN_SKEW, 0.1, (0.0, 0.0, 10.0), (1.0, 10.0)),
        (SCAN_SKEW, 0.1, (0.0, 10.0, 0.0), (10.0, 0.0)),
    ],
)
def test_each_strain_does_what_its_name_says_at_no_tilt(
    column: int, value: float, point: tuple[float, float, float], lands: tuple[float, float]
) -> None:
    q = np.zeros((1, COUNT))
    q[0, column] = value
    np.testing.assert_allclose(project(Cameras(q), np.array([point]))[0, 0], lands, atol=1e-12)


def test_jacobian_equals_finite_differences() -> None:
    rng = np.random.default_rng(3)
    cameras, points = random_cameras(4, 1), rng.normal(size=(5, 3)) * 100
    bead, view = np.array([0, 1, 2, 3, 4, 0]), np.array([0, 1, 2, 3, 0, 2])
    _, to_view, to_bead = jacobian(cameras, points, bead, view)
    h = 1e-6
    for column in range(COUNT):
        ends = []
        for sign in (-1, 1):
            moved = cameras.parameters.copy()
            moved[:, column] += sign * h
            ends.append(jacobian(Cameras(moved), points, bead, view)[0])
        np.testing.assert_allclose(
            to_view[:, :, column], (ends[1] - ends[0]) / (2 * h), rtol=1e-6, atol=1e-5
        )
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = h
        low, high = (jacobian(cameras, points + s * step, bead, view)[0] for s in (-1, 1))
        np.testing.assert_allclose(
            to_bead[:, :, axis], (high - low) / (2 * h), rtol=1e-6, atol=1e-7
        )


def test_properties_are_the_parameters_in_their_units() -> None:
    q = np.zeros((1, COUNT))
    q[0] = [
        1.0,
        2.0,
        np.deg2rad(3),
        np.log(1.04),
        np.deg2rad(5),
        np.deg2rad(6),
        0.07,
        np.deg2rad(0.8),
        np.log(0.9),
        np.deg2rad(0.1),
    ]
    c = Cameras(q)
    assert c.shift_px[0].tolist() == [2.0, 1.0]  # (dy, dx)
    found = [
        c.rotation_deg,
        c.magnification,
        c.tilt_deg,
        c.x_tilt_deg,
        c.stretch,
        c.skew_deg,
        c.thinning,
        c.scan_skew_deg,
    ]
    np.testing.assert_allclose(np.concatenate(found), [3, 1.04, 5, 6, 0.07, 0.8, 0.9, 0.1])
    assert (X, Y) == (0, 1)
