"""Only what the tracks can pay for is solved for."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.choose import LEAST_GAIN, choose
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import MAGNIFICATION, SKEW
from recon.align.bundle.solve import solve
from tests.align.bundle.conftest import Truth, misplacement


def test_a_perfect_stage_gets_one_axis_and_nothing_else(truth) -> None:
    true = truth(n_beads=10, n_views=21, tilt_error_deg=0, magnification=0, rotation_deg=0)
    best, trials = choose(true.tracks(noise_px=0.4), true.tilts)
    assert best.freedom.said() == "rotation global"
    assert [t.taken for t in trials].count(True) == 1
    assert max(t.gain for t in trials) <= LEAST_GAIN


def test_noise_free_tracks_do_not_fit_rounding(truth) -> None:
    true = truth(n_beads=6, n_views=15, tilt_error_deg=0, magnification=0, rotation_deg=0)
    best, _ = choose(true.tracks(), true.tilts)
    assert best.freedom.said() == "rotation global"
    assert misplacement(best.cameras, best.beads_px, true) < 1e-6


def test_what_varies_is_found_and_the_rest_is_left(truth) -> None:
    """Magnifications of 1 percent jumping from view to view, and no more."""
    true = truth(n_beads=10, n_views=21, tilt_error_deg=0, magnification=0.01, rotation_deg=0)
    best, _ = choose(true.tracks(noise_px=0.3), true.tilts)
    assert best.freedom.said() == "rotation global, magnification free"


def test_slow_tilt_errors_are_followed_by_a_curve(truth) -> None:
    true = truth(
        n_beads=12,
        n_views=31,
        tilt_error_deg=0.3,
        magnification=0,
        rotation_deg=0,
        thickness_px=100,
    )
    best, _ = choose(true.tracks(noise_px=0.3), true.tilts)
    assert best.freedom.tilt == "grouped"
    assert best.freedom.magnification == "fixed"


def test_a_specimen_that_leans_over_is_noticed(truth) -> None:
    true = truth(n_beads=12, n_views=31, tilt_error_deg=0, magnification=0, rotation_deg=0)
    cameras = true.cameras.with_column(SKEW, np.linspace(-0.01, 0.01, 31))
    best, _ = choose(Truth(cameras, true.beads_px, true.tilts).tracks(noise_px=0.3), true.tilts)
    assert best.freedom.skew == "grouped"


def test_the_choice_predicts_the_truth_no_worse_than_any_fixed_model(truth) -> None:
    """Against what it may choose from, over the error that counts: where beads land without
    noise."""
    true = truth(n_beads=6, n_views=21, tilt_error_deg=0.2, magnification=0.001, rotation_deg=0.02)
    tracks = true.tracks(noise_px=0.4)
    best, _ = choose(tracks, true.tilts)
    error = misplacement(best.cameras, best.beads_px, true)
    stiff = solve(
        tracks, true.tilts, freedom=Freedom(rotation="global", magnification="fixed", tilt="fixed")
    )
    loose = solve(
        tracks, true.tilts, freedom=Freedom(tilt="free", x_tilt="grouped", skew="grouped")
    )
    assert error < 1.02 * misplacement(stiff.cameras, stiff.beads_px, true)
    assert error < 1.02 * misplacement(loose.cameras, loose.beads_px, true)


def test_undetermined_parameters_are_tried_and_refused_with_the_reason(truth) -> None:
    true = truth(
        n_beads=8, n_views=21, thickness_px=0.0, tilt_error_deg=0, magnification=0, rotation_deg=0
    )
    best, trials = choose(true.tracks(noise_px=0.2), true.tilts)
    refused = [t for t in trials if t.why.startswith("not determined")]
    assert refused
    assert all(np.isnan(t.leave_out_px) and not t.taken for t in refused)
    assert best.freedom.rotation == "global"


def test_outliers_do_not_buy_parameters(truth) -> None:
    true = truth(n_beads=10, n_views=21, tilt_error_deg=0, magnification=0, rotation_deg=0)
    best, _ = choose(true.tracks(noise_px=0.3, outliers=0.1), true.tilts)
    assert best.freedom.said() == "rotation global"


def test_group_sizes_are_taken_over(truth) -> None:
    true = truth(
        n_beads=10,
        n_views=21,
        tilt_error_deg=0.3,
        magnification=0,
        rotation_deg=0,
        thickness_px=120,
    )
    best, trials = choose(
        true.tracks(noise_px=0.2), true.tilts, groups=Freedom(group_views=7), axis_deg=85.3
    )
    assert best.freedom.group_views == 7
    assert {t.freedom.group_views for t in trials} == {7}
    assert best.cameras.parameters[:, MAGNIFICATION] == pytest.approx(0)
