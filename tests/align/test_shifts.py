"""Rough shifts: each method recovers a drift that was put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recon.align.axis import edge_window
from recon.align.shifts import (
    band_pass,
    correlation_shifts,
    from_surroundings,
    isolated,
    mass_shifts,
    profile_shifts,
    shift_between,
)
from recon.geometry import Geometry, column_of, view_freedom
from recon.simulate.ellipsoids import catalyst, project_ellipsoids

ANGLES = np.arange(-60.0, 61.0, 3.0)


@pytest.fixture(scope="module")
def drifted() -> tuple[np.ndarray, np.ndarray]:
    """(views as recorded, shifts that undo the drift)."""
    shifts = np.random.default_rng(0).normal(0, 4, (ANGLES.size, 2))
    views = project_ellipsoids(
        catalyst(80, np.random.default_rng(5)), Geometry(ANGLES, 1.0, 0.0, shifts), (80, 80), 2
    )
    return views.astype(np.float32), shifts


@pytest.mark.parametrize("move", [(0.0, 0.0), (3.0, -5.0), (-2.35, 7.6)])
def test_a_known_shift_is_measured_and_exact_when_repeated(move: tuple[float, float]) -> None:
    """The window, which does not move, pulls a single measurement towards zero by some percent."""
    reference = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(96, 80)), 2.5)
    image = ndimage.shift(reference, (-move[0], -move[1]), order=5)
    tools = band_pass((96, 80)), edge_window((96, 80), 8)
    first = shift_between(reference, image, *tools)
    assert first == pytest.approx(move, abs=0.3)
    again = first + shift_between(reference, ndimage.shift(image, first, order=5), *tools)
    assert again == pytest.approx(move, abs=0.1)


def test_a_flat_film_is_followed_through_its_foreshortening() -> None:
    """Points in the plane z = 0 land at x cos t: only the stretched neighbours agree."""
    rng = np.random.default_rng(2)
    n, points = 128, rng.uniform(-110, 110, (400, 2))
    drift = np.cumsum(rng.normal(0, 1.5, (ANGLES.size, 2)), axis=0)
    drift -= drift[ANGLES.size // 2]
    yy, xx = np.mgrid[:n, :n] - (n - 1) / 2
    views = []
    for angle, shift in zip(ANGLES, drift, strict=True):
        columns = column_of(0.0, points[:, 1], angle) - shift[1]
        views.append(
            sum(
                np.exp(-((yy - y + shift[0]) ** 2 + (xx - x) ** 2) / 8)
                for y, x in zip(points[:, 0], columns, strict=True)
            )
        )
    found = correlation_shifts(np.array(views, np.float32), ANGLES)
    error = found - drift
    error -= view_freedom(error, ANGLES)
    assert np.sqrt((error**2).mean(0)) == pytest.approx([0, 0], abs=0.8)


def test_the_common_profile_gives_the_drift_along_the_axis(drifted) -> None:
    views, shifts = drifted
    found = profile_shifts(views, np.zeros(ANGLES.size))
    assert found - found.mean() == pytest.approx(shifts[:, 0] - shifts[:, 0].mean(), abs=0.15)


def test_the_centre_of_mass_gives_the_drift_across_the_axis(drifted) -> None:
    views, shifts = drifted
    error = np.stack(
        [np.zeros(ANGLES.size), mass_shifts(views, shifts[:, 0]) - shifts[:, 1]], axis=1
    )
    error -= view_freedom(error, ANGLES)
    assert np.abs(error[:, 1]).max() < 0.1


def test_a_particle_is_isolated_and_a_film_is_not(drifted) -> None:
    views, _ = drifted
    assert isolated(views)
    assert not isolated(views + 0.3 * views.max())


@pytest.mark.parametrize(("gain", "level"), [(1.0, 0.0), (3.0, 250.0), (-2.0, 900.0)])
def test_contrast_and_level_do_not_matter(drifted, gain: float, level: float) -> None:
    views, _ = drifted
    plain, changed = from_surroundings(views), from_surroundings(gain * views + level)
    assert changed == pytest.approx(abs(gain) * plain, abs=1e-3 * float(views.max()))
