"""The tilt axis from common lines."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.axis import axis_from_spectra, edge_window, refine_axis
from recon.align.resample import warp
from recon.align.shifts import from_surroundings
from recon.geometry import Geometry
from recon.simulate.ellipsoids import catalyst, project_ellipsoids


@pytest.fixture(scope="module")
def bodies():
    return catalyst(80, np.random.default_rng(3))


@pytest.mark.parametrize("axis_deg", [-63.0, 0.0, 27.0, 88.0])
def test_the_axis_of_a_drifting_series_is_found_to_a_degree_or_two(bodies, axis_deg: float) -> None:
    angles = np.arange(-60.0, 61.0, 4.0)
    drift = np.random.default_rng(0).normal(0, 4, (angles.size, 2))
    found, contrast = axis_from_spectra(
        project_ellipsoids(bodies, Geometry(angles, 1.0, axis_deg, drift), (80, 80), 1)
    )
    assert abs((found - axis_deg + 90) % 180 - 90) <= 2
    assert contrast < 0.8


def test_noise_alone_gives_no_axis() -> None:
    _, contrast = axis_from_spectra(
        from_surroundings(np.random.default_rng(0).normal(100, 10, (31, 64, 64)))
    )
    assert contrast > 0.9


@pytest.mark.parametrize("rest_deg", [-2.3, 0.0, 0.4, 1.9])
def test_what_is_left_of_the_angle_is_found(bodies, rest_deg: float) -> None:
    angles = np.arange(-60.0, 61.0, 3.0)
    views = project_ellipsoids(bodies, Geometry(angles, 1.0, rest_deg), (80, 80), 2)
    assert refine_axis(warp(views, 0.0, np.zeros((angles.size, 2)))) == pytest.approx(
        rest_deg, abs=0.15
    )


def test_the_window_is_one_inside_and_falls_to_zero_at_the_border() -> None:
    window = edge_window((40, 64), 8)
    assert window[20, 32] == 1
    assert window[0].max() < 0.1
    assert np.allclose(window, window[::-1, ::-1])
