"""A prior of plausible size: its derivatives, and what it does to what tracks know and do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recon.align.bundle.freedom import COLUMNS, Freedom
from recon.align.bundle.gauge import allowed
from recon.align.bundle.loss import Loss
from recon.align.bundle.minimise import Seen, minimise
from recon.align.bundle.model import ROTATION, TILT, Cameras, nominal
from recon.align.bundle.plausible import PLAUSIBLE, Prior
from recon.align.bundle.solve import solve

EVERYTHING = Freedom(
    tilt="grouped",
    x_tilt="grouped",
    stretch="stepped",
    skew="grouped",
    thinning="grouped",
    scan_skew="global",
)


def test_slope_and_curvature_are_the_derivatives_of_the_value() -> None:
    rng = np.random.default_rng(0)
    given = nominal(np.linspace(-60, 60, 21), 85.0)
    moved = Cameras(given.parameters + 0.01 * rng.normal(size=given.parameters.shape))
    space, start = allowed(moved, given, EVERYTHING, np.full(21, 9))
    prior = Prior(given, 0.5)
    step = 1e-3 * rng.normal(size=space.n_unknowns)
    rise = prior.value(space.change(start, step), space) - prior.value(start, space)
    told = prior.slope(start, space) @ step + step @ prior.curvature(space) @ step / 2
    assert rise == pytest.approx(told, rel=1e-9)  # quadratic: exact


@pytest.mark.parametrize("name", [n for n in PLAUSIBLE if n != "rotation"])
def test_a_value_of_plausible_size_in_every_view_costs_half_an_observation_each(name: str) -> None:
    """``noise^2 / 2`` for each view that is off by one standard deviation."""
    given = nominal(np.linspace(-60, 60, 20), 85.0)
    mode = "global" if name == "scan_skew" else "free"
    freedom = replace(
        Freedom(rotation="fixed", magnification="fixed", tilt="fixed"), **{name: mode}
    )
    sign = np.ones(20) if name == "scan_skew" else np.tile([1.0, -1.0], 10)
    cameras = given.with_column(
        COLUMNS[name], given.parameters[:, COLUMNS[name]] + sign * PLAUSIBLE[name]
    )
    space, _ = allowed(cameras, given, freedom, np.full(20, 9))
    unknowns = space.names.count(name)
    assert Prior(given, 0.7).value(cameras, space) == pytest.approx(unknowns * 0.7**2 / 2)


def test_one_turn_of_all_views_costs_nothing() -> None:
    """The axis itself has no prior: nobody knows it beforehand."""
    given = nominal(np.linspace(-60, 60, 21), 85.0)
    turned = given.with_column(ROTATION, given.parameters[:, ROTATION] + 0.3)
    for mode in ("global", "grouped", "free"):
        space, _ = allowed(turned, given, Freedom(rotation=mode), np.full(21, 9))
        assert Prior(given, 1.0).value(turned, space) == pytest.approx(0, abs=1e-20)


def test_beads_do_not_feel_it_and_a_strong_one_holds_what_was_given(truth) -> None:
    true = truth(n_beads=12, n_views=31)
    tracks = true.tracks(noise_px=0.3)
    free = solve(tracks, true.tilts, freedom=Freedom())
    usual = solve(tracks, true.tilts, freedom=Freedom(), prior_noise_px=0.3)
    bars = free.errors
    assert np.abs(usual.cameras.tilt_deg - free.cameras.tilt_deg).max() < 0.5 * bars.tilt_deg.max()
    assert abs(usual.axis_deg - free.axis_deg) < 0.2 * bars.axis_deg
    held = solve(tracks, true.tilts, freedom=Freedom(), prior_noise_px=1e4)
    assert np.abs(held.cameras.tilt_deg - true.tilts).max() < 1e-3
    assert np.ptp(held.cameras.rotation_deg) < 1e-3
    stiff = Freedom(rotation="global", magnification="fixed", tilt="fixed")
    assert held.axis_deg == pytest.approx(
        solve(tracks, true.tilts, freedom=stiff).axis_deg, abs=0.01
    )


def test_the_least_sum_is_found_from_anywhere(truth) -> None:
    """Between what the tracks say and what was given, wherever the search starts."""
    true = truth(n_beads=10, n_views=21)
    tracks = true.tracks(noise_px=0.3)
    seen = Seen(tracks.bead, tracks.view, np.ascontiguousarray(tracks.position_px[:, ::-1]), 10)
    given, full = nominal(true.tilts, 85.0), np.full(21, 10)
    prior = Prior(given, 20.0)
    ends = []
    for turn in (0.0, 0.02):
        start = Cameras(true.cameras.parameters.copy())
        start = start.with_column(TILT, start.parameters[:, TILT] + turn * np.sin(np.arange(21)))
        space, start = allowed(start, given, Freedom(), full)
        found, _ = minimise(start, true.beads_px[:, ::-1], seen, space, Loss(), prior)
        ends.append(found.tilt_deg)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)
    off = [np.abs(ends[0] - tilts).max() for tilts in (true.tilts, true.cameras.tilt_deg)]
    assert 0.01 < off[0] < np.abs(true.cameras.tilt_deg - true.tilts).max()
    assert off[1] > 0.01
