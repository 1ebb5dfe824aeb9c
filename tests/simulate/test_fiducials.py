"""Beads lie where they should, show where their tracks say, and take what their matter takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recon.errors import UserError
from recon.geometry import Geometry, axis_rotation, centre
from recon.simulate.applied import Applied, recorded_positions
from recon.simulate.fiducials import Beads, bead_chords, bead_voxels, place, track

ANGLES = np.array([-60.0, -13.0, 0.0, 35.0, 70.0])
GEOMETRY = Geometry(ANGLES, 2.0, 85.3, np.random.default_rng(0).normal(0, 3, (5, 2)))
APPLIED = Applied(np.array([0.1, -0.5, 0.0, 2.0, 0.3]), np.array([1.0, 1.01, 0.98, 1.05, 1.002]))
POINTS = np.random.default_rng(1).uniform(-30, 30, (20, 3))


def centre_of_mass(image: np.ndarray) -> np.ndarray:
    return np.array(ndimage.center_of_mass(image))


@pytest.mark.parametrize(
    "diameter", [3.7, 10.0]
)  # a pixel cannot say where in it a bead of its own size lies
def test_a_drawn_beads_centre_of_mass_is_its_position(diameter: float) -> None:
    for at in np.random.default_rng(0).uniform(15, 25, (20, 2)):
        drawn = bead_chords((41, 43), at[None], np.array([diameter]))
        assert np.abs(centre_of_mass(drawn) - at).max() < 0.01


@pytest.mark.parametrize("diameter", [1.0, 3.7, 10.0])
def test_a_bead_has_the_volume_of_a_sphere(diameter: float) -> None:
    drawn = bead_chords((30, 30), np.array([[14.3, 15.8]]), np.array([diameter]))
    assert drawn.sum() == pytest.approx(np.pi / 6 * diameter**3, rel=5e-3)


def test_the_chord_through_the_middle_is_the_diameter() -> None:
    drawn = bead_chords((81, 81), np.array([[40.0, 40.0]]), np.array([60.0]))
    assert drawn[40, 40] == pytest.approx(60.0, rel=1e-3)
    assert drawn[40, 64] == pytest.approx(2 * np.sqrt(30**2 - 24**2), rel=1e-2)
    assert drawn[40, 72] == 0


def test_overlapping_beads_add_up_and_a_border_cuts() -> None:
    both = np.array([[10.0, 10.0], [12.0, 13.0]])
    one, other = (bead_chords((24, 24), p[None], np.array([9.0])) for p in both)
    np.testing.assert_allclose(bead_chords((24, 24), both, np.array([9.0, 9.0])), one + other)
    whole = bead_chords((40, 40), np.array([[20.2, 20.0]]), np.array([9.0]))
    cut = bead_chords((20, 18), np.array([[20.2, 20.0]]), np.array([9.0]))
    np.testing.assert_allclose(cut, whole[:20, :18])
    assert bead_chords((20, 20), np.array([[-50.0, 3.0]]), np.array([9.0])).sum() == 0


def test_voxels_hold_the_spheres_volume_at_its_place() -> None:
    drawn = bead_voxels((30, 32, 28), np.array([[1.3, -2.0, 0.4]]), np.array([9.0]))
    assert drawn.sum() == pytest.approx(np.pi / 6 * 9**3, rel=0.01)
    middle = (np.array([30, 32, 28]) - 1) / 2
    assert np.abs(centre_of_mass(drawn) - middle - [1.3, -2.0, 0.4]).max() < 0.02
    assert drawn.max() == 1


def test_tracks_undo_to_the_aligned_positions() -> None:
    """Equation (3) written out the other way for every point and view."""
    tracks = recorded_positions(POINTS, GEOMETRY, APPLIED, (64, 80))
    for view, angle in enumerate(np.deg2rad(ANGLES)):
        p = tracks[view] - [centre(64), centre(80)]
        turn = axis_rotation(85.3 + APPLIED.rotations_deg[view])
        q = (p @ turn.T) / APPLIED.magnifications[view] + GEOMETRY.shifts_px[view]
        z, y, x = POINTS.T / 2.0
        np.testing.assert_allclose(q[:, 0], y, atol=1e-9)
        np.testing.assert_allclose(q[:, 1], x * np.cos(angle) + z * np.sin(angle), atol=1e-9)


def test_magnification_scales_distances_and_rotation_turns_them() -> None:
    still = Applied.nothing(5)
    plain, changed = (recorded_positions(POINTS, GEOMETRY, a, (64, 64)) for a in (still, APPLIED))
    for view in range(5):
        before, after = plain[view, 1:] - plain[view, :1], changed[view, 1:] - changed[view, :1]
        ratio = np.linalg.norm(after, axis=1) / np.linalg.norm(before, axis=1)
        np.testing.assert_allclose(ratio, APPLIED.magnifications[view])
        a, b = (
            np.rad2deg(np.arctan2(-d[:, 1], d[:, 0])) for d in (before, after)
        )  # from +y towards -x, as axis_deg counts
        np.testing.assert_allclose(
            (b - a + 180) % 360 - 180, APPLIED.rotations_deg[view], atol=1e-9
        )


def test_a_sweep_shows_the_mean_position() -> None:
    swept = Applied(np.zeros(1), np.ones(1), sweep_deg=12.0)
    fine = np.linspace(30 - 6, 30 + 6, 2001)
    many = recorded_positions(POINTS, Geometry(fine, 2.0, 20.0), Applied.nothing(2001), (64, 64))
    one = recorded_positions(POINTS, Geometry(np.array([30.0]), 2.0, 20.0), swept, (64, 64))[0]
    np.testing.assert_allclose(one, (many[:-1] + many[1:]).mean(0) / 2, atol=1e-4)


def test_beads_stand_on_both_faces_and_keep_apart() -> None:
    positions, diameters = place(Beads(40, 10.0), 150.0, (120.0, 160.0), np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(positions[:, 0]), 75 + diameters / 2)
    assert (positions[:, 0] > 0).sum() == 20
    assert np.abs(positions[:, 1]).max() <= 60
    assert 60 < np.abs(positions[:, 2]).max() <= 80
    for side in (positions[:, 0] > 0, positions[:, 0] < 0):
        distance = np.linalg.norm(positions[side, None] - positions[side], axis=2)
        sums = (diameters[side, None] + diameters[side]) / 2
        assert (distance >= 1.59 * sums)[~np.eye(20, dtype=bool)].all()


def test_clustered_beads_touch_one_another_and_never_run_into_each_other() -> None:
    positions, diameters = place(
        Beads(60, 10.0, clustered=1.0), 50.0, (600.0, 600.0), np.random.default_rng(0)
    )
    distance = np.linalg.norm(positions[:, None] - positions, axis=2) / (
        (diameters[:, None] + diameters) / 2
    )
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 1 - 1e-6
    assert (distance.min(1) < 1.001).all()


def test_sizes_spread_as_asked() -> None:
    sizes = place(Beads(400, 8.0, spread=0.1), 50.0, (2000.0, 2000.0), np.random.default_rng(0))[1]
    assert np.log(sizes).mean() == pytest.approx(np.log(8), abs=0.02)
    assert np.log(sizes).std() == pytest.approx(0.1, rel=0.1)


def test_a_bead_off_the_frame_or_over_another_is_said_to_be() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 9], [0, 30, 30], [0, 90, 0]])
    seen = track(
        points, np.full(4, 10.0), 10.0, Geometry(np.array([0.0]), 1.0), Applied.nothing(1), (80, 80)
    )
    assert seen.visible[0].tolist() == [True, True, True, False]
    assert seen.overlapped[0].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "options",
    [
        {"count": -1},
        {"diameter_nm": 0.0},
        {"spread": 2.0},
        {"clustered": 1.5},
        {"layer_nm": -1.0},
        {"density": float("nan")},
    ],
)
def test_impossible_beads_are_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="wanted"):
        Beads(**options)


def test_too_many_beads_are_a_sentence() -> None:
    with pytest.raises(UserError, match="no room"):
        place(Beads(500, 10.0), 50.0, (100.0, 100.0), np.random.default_rng(0))
