"""The built-in sample is what it claims: exact projections of a known volume, the same for the same
seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry, axis_rotation, centre, column_of
from recon.projectors.native import NativeProjector
from recon.simulate.ellipsoids import Ellipsoids, catalyst, phantom, project_ellipsoids, rasterise

SMALL = {"size": 48, "max_tilt_deg": 60.0, "step_deg": 20.0}
ANGLES = np.array([-60.0, -25.0, 0.0, 40.0, 70.0])


def test_the_same_seed_gives_the_same_bits():
    a, b, other = phantom(**SMALL, seed=3), phantom(**SMALL, seed=3), phantom(**SMALL, seed=4)
    assert torch.equal(a.series.data, b.series.data)
    assert torch.equal(a.truth.data, b.truth.data)
    assert np.array_equal(a.geometry.shifts_px, b.geometry.shifts_px)
    assert not torch.equal(a.series.data, other.series.data)


def test_the_series_does_not_tell_the_answer():
    """Axis and drift are in ``geometry``; the recorded series knows its angles and pixel only."""
    sample = phantom(**SMALL)
    assert sample.series.geometry.shifts_px is None
    assert sample.series.geometry.axis_deg == 0.0
    assert sample.geometry.axis_deg == 86.5
    assert sample.geometry.shifts_px.std(0) == pytest.approx([4.0, 4.0])
    np.testing.assert_array_equal(sample.series.geometry.angles_deg, np.arange(-60, 61, 20.0))
    assert tuple(sample.series.data.shape) == (7, 48, 48)
    assert tuple(sample.truth.data.shape) == (48, 48, 48)


def test_the_dose_is_the_brightest_pixel_and_noise_is_counting_noise():
    still = {"drift_px": 0.0, "axis_deg": 0.0, **SMALL}
    bodies = catalyst(48, np.random.default_rng(0))
    clean = project_ellipsoids(bodies, Geometry(np.arange(-60, 61, 20.0), 1.0), (48, 48))
    expected = 400 * clean / clean.max() + 20
    error = phantom(**still).series.data.numpy() - expected
    usual = np.abs(error) < 1000  # without the cosmic rays
    assert usual.mean() > 0.999
    z = (error / np.sqrt(expected - 20 + 1))[usual]
    assert z.mean() == pytest.approx(0, abs=0.05)
    assert z.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("axis_deg", [0.0, 86.5])
def test_a_sphere_projects_to_its_chords(axis_deg):
    at, radius, density = np.array([3.0, -5.5, 4.2]), 9.3, 1.7
    shifts = np.random.default_rng(0).normal(0, 2, (ANGLES.size, 2))
    geometry = Geometry(ANGLES, 1.0, axis_deg, shifts)
    sphere = Ellipsoids(at[None], radius * np.eye(3)[None], np.array([density]))
    views = project_ellipsoids(sphere, geometry, (50, 47), oversample=1)
    y, x = np.arange(50) - centre(50), np.arange(47) - centre(47)
    for view, angle, shift in zip(views, ANGLES, shifts, strict=True):
        aligned = np.array([at[1], column_of(at[0], at[2], angle)])
        raw = axis_rotation(axis_deg).T @ (aligned - shift)  # equation (2), backwards
        distance2 = (y[:, None] - raw[0]) ** 2 + (x[None] - raw[1]) ** 2
        np.testing.assert_allclose(
            view, density * 2 * np.sqrt(np.maximum(radius**2 - distance2, 0)), atol=1e-6
        )


def test_a_turned_ellipsoid_projects_to_its_own_mass_everywhere():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    body = Ellipsoids(
        np.array([[1.0, 2.0, -3.0]]), (turn @ np.diag([12.0, 5.0, 3.0]))[None], np.array([0.8])
    )
    views = project_ellipsoids(body, Geometry(ANGLES, 1.0), (48, 48))
    np.testing.assert_allclose(views.sum((1, 2)), 0.8 * 4 / 3 * np.pi * 12 * 5 * 3, rtol=5e-3)


def test_truth_and_projections_have_one_mass_and_one_projection():
    bodies = catalyst(72, np.random.default_rng(2))
    geometry = Geometry(ANGLES, 1.0)
    views, volume = project_ellipsoids(bodies, geometry, (72, 72)), rasterise(bodies, 72)
    np.testing.assert_allclose(views.sum((1, 2)), volume.sum(dtype=np.float64), rtol=0.01)
    projected = NativeProjector(geometry, (72, 72), 72)(torch.from_numpy(volume)).numpy()
    assert np.linalg.norm(projected - views) / np.linalg.norm(views) < 0.02


def test_the_truth_has_the_unit_of_the_series():
    sample = phantom(**{**SMALL, "drift_px": 0.0, "axis_deg": 0.0, "dose": 1e5, "size": 72})
    A = NativeProjector(sample.series.geometry, (72, 72), 72)
    projected = A(sample.truth.data)
    recorded = sample.series.data - 20
    usual = recorded < 1.5e5
    assert float((projected - recorded)[usual].norm() / recorded[usual].norm()) < 0.02


def test_the_specimen_stays_in_the_field_of_view():
    for seed in range(5):
        volume = rasterise(catalyst(32, np.random.default_rng(seed)), 32, oversample=1)
        z, y, x = np.nonzero(volume)
        assert np.hypot(z - 15.5, x - 15.5).max() < 16
        assert y.min() > 0
        assert y.max() < 31
        assert volume.max() > 3
