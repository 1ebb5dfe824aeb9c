"""From tracks to placed views: exact on exact tracks, and no parameter that the tracks do not pay
for."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle import Cameras, project
from recon.align.bundle.model import MAGNIFICATION, ROTATION, X, Y, nominal
from recon.align.patches.follow import Followed, paths
from recon.align.patches.placement import Placement, chosen, placed, solved, tracks_of
from recon.geometry import axis_rotation, view_freedom

ANGLES = np.arange(-60.0, 61.0, 5.0)
POINTS = np.random.default_rng(3).uniform(-60, 60, (14, 3)) * [0.3, 1, 1]


def made(turned: bool) -> Cameras:
    rng = np.random.default_rng(0)
    n = ANGLES.size
    cameras = (
        nominal(ANGLES, 86.0)
        .with_column(X, rng.normal(0, 2, n))
        .with_column(Y, rng.normal(0, 2, n))
    )
    if not turned:
        return cameras
    cameras = cameras.with_column(ROTATION, np.deg2rad(86 + rng.normal(0, 0.5, n)))
    magnification = rng.normal(0, 0.004, n)
    return cameras.with_column(MAGNIFICATION, magnification - magnification.mean())


def followed(cameras: Cameras, start: Placement, noise_px: float) -> Followed:
    raw = project(cameras, POINTS) + np.random.default_rng(1).normal(
        0, noise_px, (ANGLES.size, len(POINTS), 2)
    )
    aligned = np.einsum("vij,vpj->vpi", start.matrices, raw) + start.shifts_px[:, None]
    return Followed(aligned, np.ones(aligned.shape[:2]))


def test_raw_is_the_inverse_of_the_placement() -> None:
    start = Placement.of(ANGLES, 20.0, np.random.default_rng(0).normal(0, 3, (ANGLES.size, 2)))
    q = paths(POINTS, ANGLES)
    back = np.einsum("vij,vpj->vpi", start.matrices, start.raw(q)) + start.shifts_px[:, None]
    np.testing.assert_allclose(back, q, atol=1e-9)


@pytest.mark.parametrize("turned", [False, True])
def test_exact_tracks_give_the_exact_placement(turned: bool) -> None:
    """In the placed frame every patch moves as a point does: equation (1), to a thousandth of a
    pixel."""
    start, truth = (
        Placement.of(ANGLES, 85.0, np.random.default_rng(2).normal(0, 1, (ANGLES.size, 2))),
        made(turned),
    )
    tracks = tracks_of(followed(truth, start, 0.0), start)
    place = placed(chosen(tracks, ANGLES, 85.0), start)
    assert place.one_axis != turned
    q = np.einsum("vij,vpj->vpi", place.matrices, project(truth, POINTS)) + place.shifts_px[:, None]
    t = np.deg2rad(place.angles_deg)
    motion = np.stack([np.cos(t), np.sin(t)], axis=1)
    x = q[:, :, 1]
    assert np.abs(x - motion @ np.linalg.lstsq(motion, x, rcond=None)[0]).max() < 1e-3
    assert np.abs(q[:, :, 0] - q[:, :, 0].mean(0)).max() < 1e-3
    assert abs(place.axis_deg - truth.rotation_deg.mean()) < 1e-3


def test_the_specimen_stays_where_the_start_had_it() -> None:
    start = Placement.of(ANGLES, 86.0, np.tile([5.0, -7.0], (ANGLES.size, 1)))
    place = placed(solved(tracks_of(followed(made(False), start, 0.0), start), ANGLES, 86.0), start)
    np.testing.assert_allclose(
        view_freedom(place.shifts_px - start.shifts_px, ANGLES), 0, atol=1e-9
    )
    np.testing.assert_allclose(place.matrices[3], axis_rotation(place.axis_deg))


def test_noise_buys_no_parameter() -> None:
    start = Placement.of(ANGLES, 86.0, np.zeros((ANGLES.size, 2)))
    bundle = chosen(tracks_of(followed(made(False), start, 0.3), start), ANGLES, 86.0)
    assert bundle.freedom.said() == "rotation global"


def test_turned_views_are_found_in_noise() -> None:
    start, truth = Placement.of(ANGLES, 86.0, np.zeros((ANGLES.size, 2))), made(True)
    bundle = chosen(tracks_of(followed(truth, start, 0.2), start), ANGLES, 86.0)
    assert bundle.freedom.rotation == "free"
    assert np.std(bundle.cameras.rotation_deg - truth.rotation_deg) < 0.15


def test_what_the_patches_do_not_tell_is_held_and_named() -> None:
    """Few patches in one layer and noise of two pixels: tilts stay as read, and it is said."""
    start = Placement.of(ANGLES, 86.0, np.zeros((ANGLES.size, 2)))
    flat = POINTS[:8] * [0.0, 1, 1]
    noise = np.random.default_rng(5).normal(0, 2.0, (ANGLES.size, len(flat), 2))
    seen = np.einsum("vij,vpj->vpi", start.matrices, project(made(False), flat) + noise)
    bundle = chosen(
        tracks_of(Followed(seen, np.ones(seen.shape[:2])), start), ANGLES, start.axis_deg
    )
    np.testing.assert_allclose(bundle.cameras.tilt_deg, ANGLES, atol=1e-9)
    assert "tilt" in bundle.undetermined
    assert "not determined by these tracks, held as given" in bundle.said()
