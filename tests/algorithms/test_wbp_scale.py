"""The scale of WBP: the mean inside a specimen is its density, whatever wedge is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.wbp import wbp
from recon.algorithms.wbp_scale import full_scale, specimen_scale
from recon.geometry import Geometry, centre
from recon.projectors.native import NativeProjector

N = 128
WEDGES_DEG = (0, 40, 60, 80)


def angles(wedge_deg, step=2.0):
    return np.arange(-90 + wedge_deg / 2, 90 - wedge_deg / 2 + (wedge_deg > 0), step)


def ellipses(angles_deg, *shapes):
    """(A, (tilt, 1, x) views, (z, x) inside) of ellipses (half axis z, half axis x, z, x), density
    1: chords averaged over each pixel."""
    fine = (np.arange(8) + 0.5) / 8 - 0.5
    u = (np.arange(N)[:, None] - centre(N) + fine).ravel()
    t = np.deg2rad(angles_deg)[:, None]
    z, x = np.meshgrid(*[np.arange(N) - centre(N)] * 2, indexing="ij")
    views, inside = np.zeros((t.size, N)), np.zeros((N, N), bool)
    for a, b, at_z, at_x in shapes:
        half = np.hypot(a * np.sin(t), b * np.cos(t))
        s = (u[None] - at_x * np.cos(t) - at_z * np.sin(t)) / half
        views += (2 * a * b / half * np.sqrt(np.maximum(1 - s**2, 0))).reshape(-1, N, 8).mean(2)
        inside |= ((z - at_z) / a) ** 2 + ((x - at_x) / b) ** 2 <= 1
    A = NativeProjector(Geometry(angles_deg, 1.0), (N, N), N)
    return A, torch.from_numpy(views.astype(np.float32))[:, None], inside


def mean_inside(shapes, angles_deg, **options):
    A, y, inside = ellipses(angles_deg, *shapes)
    return float(wbp(A, y, **options)[:, 0].numpy()[inside].mean())


@pytest.mark.parametrize("wedge_deg", WEDGES_DEG)
@pytest.mark.parametrize(
    "shapes",
    [
        [(40, 40, 0, 0)],
        [(25, 25, 24, -20)],
        [(48, 36, 0, 0)],
        [(36, 28, 12, -14)],
    ],
    ids=["disc", "off-centre", "ellipse", "ellipse-off-centre"],
)
def test_the_mean_inside_is_right_within_2_percent(shapes, wedge_deg):
    assert mean_inside(shapes, angles(wedge_deg)) == pytest.approx(1, abs=0.02)


def test_without_the_shape_an_ellipse_is_too_bright():
    assert mean_inside([(48, 36, 0, 0)], angles(80), scale="full") > 1.12


def test_a_lying_ellipse_is_made_brighter_and_a_standing_one_darker():
    def ratio(*shape):
        tilts = angles(60)
        return specimen_scale(*ellipses(tilts, (*shape, 0, 0))[:2]) / full_scale(tilts)

    assert ratio(20, 30) > 1.1
    assert ratio(30, 20) < 0.9
    assert ratio(25, 25) == pytest.approx(1, abs=1e-3)
    assert 0.5 <= ratio(5, 50) <= 2  # what the wedge hides is not guessed beyond bounds


def test_several_particles_keep_the_scale_of_a_round_one():
    """Their energies interfere: what they do in the wedge cannot be told from the views."""
    places = [(-40, -10), (-20, 30), (0, -45), (10, 5), (30, -25), (35, 28), (-15, -20)]
    shapes = [(7, 7, *place) for place in places]
    A, y, _ = ellipses(angles(80), *shapes)
    assert specimen_scale(A, y) == full_scale(angles(80))
    whole, wedge = (mean_inside(shapes, angles(w)) for w in (0, 80))  # discs of 14 pixels blur
    assert wedge == pytest.approx(whole, abs=0.06)


@pytest.mark.parametrize(
    "tilts",
    [np.arange(-90, 90, 2.0), np.arange(0, 180, 3.0), np.array([0.0]), np.array([0.0, 1.0])],
)
def test_where_nothing_is_missing_or_nothing_can_be_told_it_is_the_full_scale(tilts):
    A, y, _ = ellipses(tilts, (36, 20, 0, 0))
    assert specimen_scale(A, y) == full_scale(tilts)


def test_of_nothing_and_of_noise_it_is_the_full_scale():
    A, y, _ = ellipses(angles(60), (36, 20, 0, 0))
    assert specimen_scale(A, 0 * y) == full_scale(angles(60))
    noise = torch.randn(y.shape[0], 64, N, generator=torch.Generator().manual_seed(0))
    assert specimen_scale(A, noise) == pytest.approx(full_scale(angles(60)), rel=0.02)


def test_noise_of_counting_hardly_moves_it():
    A, y, _ = ellipses(angles(60), (36, 27, 0, 0))
    many = y.repeat(1, 24, 1) / y.max() * 50
    counted = torch.poisson(many, generator=torch.Generator().manual_seed(0))
    assert specimen_scale(A, counted) == pytest.approx(specimen_scale(A, y), rel=0.02)


def test_it_belongs_to_the_specimen_and_not_to_its_brightness_or_direction():
    A, y, _ = ellipses(angles(60), (36, 27, 0, 0))
    assert specimen_scale(A, 9 * y) == pytest.approx(specimen_scale(A, y), rel=1e-6)
    turned = NativeProjector(Geometry(angles(60) + 180.0, 1.0), (N, N), N)
    assert specimen_scale(turned, y.flip(2)) == pytest.approx(specimen_scale(A, y), rel=1e-6)
