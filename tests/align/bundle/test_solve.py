"""Laws of the bundle adjustment."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.freedom import Freedom
from recon.align.bundle.loss import spread_px
from recon.align.bundle.model import ROTATION, project
from recon.align.bundle.solve import solve
from recon.align.bundle.tracks import Tracks
from recon.errors import UserError
from tests.align.bundle.conftest import Truth, misplacement, rms

ALL_FREE = Freedom(tilt="free")


def test_noise_free_tracks_are_reproduced_exactly(truth) -> None:
    """Ragged tracks, drift, rotations, magnifications and tilts of every view unknown; the axis
    too."""
    true = truth(tilt_error_deg=0.3)
    found = solve(true.tracks(seen=0.7), true.tilts, freedom=ALL_FREE)
    assert found.length_px.max() < 1e-6
    assert misplacement(found.cameras, found.beads_px, true) < 1e-6
    assert rms(found.cameras.tilt_deg - true.cameras.tilt_deg) < 1e-6
    assert rms(found.cameras.rotation_deg - true.cameras.rotation_deg) < 1e-6
    assert rms(found.cameras.magnification - true.cameras.magnification) < 1e-8


@pytest.mark.parametrize("axis_deg", [-88.0, -52.5, 0.0, 30.0, 89.5])
def test_the_axis_is_found_wherever_it_points(truth, axis_deg: float) -> None:
    true = truth(n_beads=6, axis_deg=axis_deg, rotation_deg=0)
    found = solve(true.tracks(noise_px=0.2), true.tilts)
    assert (found.axis_deg - axis_deg + 90) % 180 - 90 == pytest.approx(0, abs=0.1)
    assert -90 <= found.axis_deg < 90
    assert found.mean_residual_px < 0.3


def test_the_error_falls_as_the_root_of_the_number_of_beads(truth) -> None:
    """The same eight places with one bead each, or four."""
    error = {}
    for copies in (1, 4):
        of_seeds = []
        for seed in range(5):
            true = truth(n_beads=8, n_views=21, tilt_error_deg=0)
            true = Truth(true.cameras, np.repeat(true.beads_px, copies, axis=0), true.tilts)
            found = solve(
                true.tracks(noise_px=0.4, seed=seed),
                true.tilts,
                freedom=Freedom(tilt="fixed"),
                axis_deg=85.3,
            )
            of_seeds.append(rms(found.cameras.rotation_deg - true.cameras.rotation_deg))
        error[copies] = rms(of_seeds)
    assert error[1] / error[4] == pytest.approx(2.0, abs=0.3)


def test_the_order_of_the_views_does_not_matter(truth) -> None:
    """A dose-symmetric series is the sorted one in another order."""
    true = truth(n_beads=10)
    tracks = true.tracks(noise_px=0.3)
    order = np.random.default_rng(5).permutation(true.tilts.size)
    sorted_, shuffled = (
        solve(tracks, true.tilts),
        solve(
            Tracks(
                tracks.bead, np.argsort(order)[tracks.view], tracks.position_px, true.tilts.size
            ),
            true.tilts[order],
        ),
    )
    np.testing.assert_allclose(
        shuffled.cameras.tilt_deg, sorted_.cameras.tilt_deg[order], atol=1e-5
    )
    np.testing.assert_allclose(
        shuffled.cameras.shift_px, sorted_.cameras.shift_px[order], atol=1e-4
    )


def test_twenty_percent_outliers_move_the_solution_by_less_than_a_tenth_of_a_pixel(truth) -> None:
    for seed in range(3):
        true = truth(n_beads=20, seed=seed)
        clean = true.tracks(noise_px=0.3, seed=seed)
        dirty = true.tracks(noise_px=0.3, seed=seed, outliers=0.2)
        wrong = np.hypot(*(dirty.position_px - clean.position_px).T) > 5
        assert 0.15 < wrong.mean() < 0.25
        a, b = solve(clean, true.tilts), solve(dirty, true.tilts)
        assert rms(project(a.cameras, a.beads_px) - project(b.cameras, b.beads_px)) < 0.1
        assert not b.used[wrong].any()
        assert b.used[~wrong].mean() > 0.99
        assert any("outliers" in note for note in b.notes)


def test_least_squares_of_everything_would_not_stand_them(truth) -> None:
    """So that the test above tests the robust part."""
    true = truth(n_beads=20)
    tracks = true.tracks(noise_px=0.3, outliers=0.2)
    plain = solve(tracks, true.tilts, robust=False)
    assert misplacement(plain.cameras, plain.beads_px, true) > 1


def test_a_false_bead_is_left_out(truth) -> None:
    true = truth(n_beads=10)
    tracks = true.tracks(noise_px=0.2)
    position = tracks.position_px.copy()
    position[tracks.bead == 4] += np.random.default_rng(0).normal(
        0, 60, (int((tracks.bead == 4).sum()), 2)
    )
    found = solve(Tracks(tracks.bead, tracks.view, position, tracks.n_views), true.tilts)
    others = found.used[found.tracks.bead != 4]
    assert others.mean() > 0.99
    assert (found.tracks.bead[found.used] == 4).mean() < 0.03
    assert found.mean_residual_px < 0.35


def test_a_view_without_beads_follows_its_neighbours(truth) -> None:
    true = truth(n_beads=8)
    tracks = true.tracks(noise_px=0.1)
    tracks = tracks.keep(~np.isin(tracks.view, [0, 12]))
    found = solve(tracks, true.tilts)
    assert np.isfinite(found.cameras.parameters).all()
    assert np.isfinite(found.errors.parameters).all()
    between = (found.cameras.shift_px[11] + found.cameras.shift_px[13]) / 2
    np.testing.assert_allclose(found.cameras.shift_px[12], between, atol=2.0)
    np.testing.assert_allclose(
        found.cameras.rotation_deg[12], found.cameras.rotation_deg[[11, 13]].mean(), atol=1e-6
    )
    assert "views 0, 12 show no bead" in " ".join(found.notes)
    assert np.isnan(found.residual_per_view_px[[0, 12]]).all()


def test_a_view_with_one_bead_has_a_shift_but_no_rotation_of_its_own(truth) -> None:
    true = truth(n_beads=8, rotation_deg=0, magnification=0)
    tracks = true.tracks(noise_px=0.1)
    tracks = tracks.keep((tracks.view != 12) | (tracks.bead == 3))
    found = solve(tracks, true.tilts)
    np.testing.assert_allclose(
        found.cameras.rotation_deg[12], found.cameras.rotation_deg[[11, 13]].mean(), atol=1e-6
    )
    here = project(found.cameras, found.beads_px)[12] - project(true.cameras, true.beads_px)[12]
    assert rms(here) < 0.5
    assert "views 12 show too few beads" in " ".join(found.notes)


def test_three_beads_suffice_for_an_axis_and_say_what_they_cannot_do(truth) -> None:
    true = truth(n_beads=3, rotation_deg=0, magnification=0, tilt_error_deg=0)
    found = solve(
        true.tracks(noise_px=0.1),
        true.tilts,
        freedom=Freedom(rotation="global", magnification="fixed", tilt="fixed"),
    )
    assert found.axis_deg == pytest.approx(85.3, abs=0.1)
    everything = Freedom(tilt="free", x_tilt="free", stretch="grouped", skew="grouped")
    with pytest.raises(UserError, match=r"3 beads"):
        solve(true.tracks(noise_px=0.1), true.tilts, freedom=everything)


def test_beads_in_one_plane_do_not_tell_x_tilts(truth) -> None:
    true = truth(n_beads=12, thickness_px=0.0)
    tracks = true.tracks(noise_px=0.1)
    with pytest.raises(UserError, match=r"do not determine .*(tilt|magnification|rotation)"):
        solve(tracks, true.tilts, freedom=Freedom(tilt="free", x_tilt="free"))
    found = solve(tracks, true.tilts, freedom=Freedom(tilt="fixed"))
    assert np.isfinite(found.errors.parameters).all()


def test_one_bead_is_refused_with_a_sentence(truth) -> None:
    true = truth(n_beads=1)
    with pytest.raises(UserError, match=r"1 beads?.*"):
        solve(true.tracks(), true.tilts)


def test_as_many_unknowns_as_numbers_are_refused(truth) -> None:
    """One bead and shifts only: every view fits exactly, and says nothing."""
    true = truth(n_beads=1)
    with pytest.raises(UserError, match="62 numbers for 62 unknowns"):
        solve(
            true.tracks(),
            true.tilts,
            freedom=Freedom(rotation="fixed", magnification="fixed", tilt="fixed"),
            axis_deg=85.3,
        )


def test_beads_that_jump_to_a_neighbour_half_way_do_not_pull(truth) -> None:
    """Outliers that agree with each other, as a tracker makes them: four of twelve tracks go on 12
    px beside their bead."""
    true = truth(n_beads=12)
    clean = true.tracks(noise_px=0.2)
    wrong = (clean.bead < 4) & (clean.view > 17)
    jumped = Tracks(
        clean.bead,
        clean.view,
        clean.position_px + np.where(wrong[:, None], [9.0, -8.0], 0),
        clean.n_views,
    )
    a, b = solve(clean, true.tilts), solve(jumped, true.tilts)
    assert not b.used[wrong].any()
    assert rms(project(a.cameras, a.beads_px) - project(b.cameras, b.beads_px)) < 0.15


def test_a_bead_seen_too_rarely_is_left_out_by_name(truth) -> None:
    true = truth(n_beads=8)
    tracks = true.tracks(noise_px=0.1)
    found = solve(tracks.keep((tracks.bead != 5) | (tracks.view < 2)), true.tilts)
    assert 5 not in found.beads
    assert len(found.beads_px) == 7
    assert "beads 5 are in fewer than 3 views" in " ".join(found.notes)


def test_the_result_adds_up(truth) -> None:
    true = truth(n_beads=9)
    found = solve(true.tracks(noise_px=0.3, seen=0.8, outliers=0.03), true.tilts, pixel_nm=1.5)
    predicted = project(found.cameras, found.beads_px)[
        found.tracks.view, np.searchsorted(found.beads, found.tracks.bead)
    ]
    np.testing.assert_allclose(predicted + found.residual_px, found.tracks.position_px, atol=1e-9)
    count = np.bincount(found.tracks.view[found.used], minlength=31)
    assert (found.residual_per_view_px * count).sum() / count.sum() == pytest.approx(
        found.mean_residual_px
    )
    weighted = found.residual_per_bead_px * found.views_per_bead
    assert weighted.sum() / found.views_per_bead.sum() == pytest.approx(found.mean_residual_px)
    np.testing.assert_allclose(found.beads_nm, 1.5 * found.beads_px)
    # Put where it was seen: no shift in the view at the lowest tilt, beads around the middle
    # height.
    assert np.abs(found.cameras.shift_px[15]).max() < 1e-9
    assert found.beads_px[:, 0].mean() == pytest.approx(0, abs=1e-9)
    assert found.mean_leave_out_px > found.mean_residual_px


@pytest.mark.parametrize(
    "free",
    [Freedom(rotation="grouped"), Freedom(magnification="grouped"), Freedom(rotation="fixed")],
)
def test_what_is_tied_stays_tied(truth, free: Freedom) -> None:
    true = truth(n_beads=10)
    found = solve(true.tracks(noise_px=0.3), true.tilts, freedom=free, axis_deg=85.3).cameras
    if free.rotation == "fixed":
        np.testing.assert_allclose(found.rotation_deg, 85.3)
    else:
        values = (
            found.parameters[:, ROTATION]
            if free.rotation == "grouped"
            else np.log(found.magnification)
        )
        assert (
            np.abs(np.diff(values, 2)) > 1e-9
        ).sum() <= 12  # bends at inner nodes only: two second differences a node at most


def test_spread_is_the_standard_deviation_of_a_coordinate() -> None:
    noise = np.random.default_rng(0).normal(0, 0.7, (20000, 2))
    noise[:4000] += 50  # and outliers hardly move it
    assert spread_px(np.hypot(*noise[4000:].T), 0) == pytest.approx(0.7, rel=0.02)
    assert spread_px(np.hypot(*noise.T), 0) == pytest.approx(0.7, rel=0.3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tilt_deg": np.zeros(4)}, "31 views"),
        ({"reject_beyond": 1.0}, "reject_beyond"),
    ],
)
def test_bad_options_are_refused(truth, options: dict, says: str) -> None:
    true = truth()
    with pytest.raises(UserError, match=says):
        solve(true.tracks(), **{"tilt_deg": true.tilts, **options})


def test_all_views_at_one_tilt_tell_nothing(truth) -> None:
    true = truth()
    with pytest.raises(UserError, match="different tilts"):
        solve(true.tracks(), np.zeros(31))
