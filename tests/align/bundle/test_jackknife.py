"""Parts of the field left out: what refits give, and error bars that drift does not fool."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.determined import error_bars
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.gauge import allowed
from recon.align.bundle.jackknife import jackknife, places
from recon.align.bundle.loss import Loss
from recon.align.bundle.minimise import Seen, minimise, residuals
from recon.align.bundle.model import matrices, nominal
from recon.align.bundle.plausible import Prior
from recon.align.bundle.solve import ONE_AXIS, solve
from recon.align.bundle.trial import setting_of
from tests.align.bundle.thin_layer import Layer, axis_error_deg


@pytest.mark.parametrize("apart", [1, 4])
@pytest.mark.parametrize("noise_px", [0.0, 0.4])
def test_leaving_out_is_what_leaving_out_gives(truth, apart: int, noise_px: float) -> None:
    """The closed form against refits without the group, and the group's points found again in the
    views so solved: groups of one bead and of four, without a prior and with one."""
    true = truth(n_beads=12, n_views=15)
    tracks = true.tracks(noise_px=0.3)
    seen = Seen(tracks.bead, tracks.view, np.ascontiguousarray(tracks.position_px[:, ::-1]), 12)
    given, freedom = nominal(true.tilts, 85.3), Freedom(rotation="grouped", magnification="grouped")
    prior, loss, full = Prior(given, noise_px), Loss(), np.full(15, 12)
    space, start = allowed(true.cameras, given, freedom, full)
    views, beads = minimise(start, true.beads_px[:, ::-1], seen, space, loss, prior)
    group = np.arange(12) // apart
    found = jackknife(views, beads, seen, space, loss, prior, group)
    for one in (0, 2):
        out = group[seen.bead] == one
        kept = np.flatnonzero(group != one)
        rest = Seen(
            np.searchsorted(kept, seen.bead[~out]), seen.view[~out], seen.xy[~out], len(kept)
        )
        without, _ = minimise(views, beads[kept], rest, space, loss, prior)
        left = np.flatnonzero(group == one)
        mine = Seen(np.searchsorted(left, seen.bead[out]), seen.view[out], seen.xy[out], len(left))
        again = beads[left]
        for bead in range(len(left)):  # linear in its position: one step
            of = mine.bead == bead
            slope = matrices(without)[mine.view[of]].reshape(-1, 3)
            off = residuals(without, again, mine)[of].ravel()
            again[bead] += np.linalg.lstsq(slope, off, rcond=None)[0]
        wanted = np.hypot(*residuals(without, again, mine).T)
        np.testing.assert_allclose(found.leave_out_px[out], wanted, atol=0.02 * wanted.max())
        assert wanted.mean() > 1.02 * np.hypot(*residuals(views, beads, seen)[out].T).mean()


def test_error_bars_cover_the_truth_where_tracks_drift() -> None:
    """Axes of simulated patch tracks whose errors are random walks, alike in neighbours: bars for
    independent errors are too short, these are not."""
    score, naive = [], []
    for seed in range(12):
        layer = Layer(45, 31, noise_px=0.2, drift_px=0.2, alike=0.15, outliers=0.0, long=10)
        tracks, true = layer.simulate(seed)
        found = solve(tracks, layer.tilts(), freedom=ONE_AXIS, axis_deg=85.0)
        common = setting_of(found, layer.tilts(), 0.0, 4.0)
        start = found.cameras, found.beads_px[:, ::-1]
        space, views = allowed(start[0], common.given, ONE_AXIS, np.full(31, 9))
        group = places(start[1])
        spread = jackknife(
            views, start[1], common.seen, space, common.loss, Prior(common.given), group
        )
        bar = np.rad2deg(error_bars(space, spread.covariance, 31)["axis"])
        score.append(axis_error_deg(found, true) / bar)
        naive.append(axis_error_deg(found, true) / found.errors.axis_deg)
    assert 0.5 < np.sqrt(np.mean(np.square(score))) < 1.6
    assert np.sqrt(np.mean(np.square(naive))) > 1.5 * np.sqrt(np.mean(np.square(score)))


def test_places_share_the_beads_out_and_hold_neighbours() -> None:
    xyz = np.random.default_rng(1).uniform(-400, 400, (61, 3))
    group = places(xyz)
    number = np.bincount(group)
    assert len(number) == 12
    assert number.max() - number.min() <= 2
    within = max(np.ptp(xyz[group == g, :2], axis=0).max() for g in range(12))
    assert within < 500 < np.ptp(xyz[:, :2], axis=0).min()
    np.testing.assert_array_equal(places(xyz[:12]), np.arange(12))
