"""Error bars cover the truth; leave-one-out residuals are what leaving out gives."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import X, Y, matrices, project
from recon.align.bundle.solve import solve


@pytest.mark.parametrize("robust", [True, False])
def test_error_bars_cover_the_truth_two_times_in_three(truth, robust: bool) -> None:
    """Over rotations, magnifications, tilts, shifts and beads of some seeds: 68.3 % within one
    standard deviation, 95.4 % within two."""
    scores: dict[str, list[np.ndarray]] = {}
    for seed in range(6):
        true = truth(n_beads=10, n_views=25, seed=seed, thickness_px=120)
        found = solve(
            true.tracks(noise_px=0.4, seed=seed, seen=0.9),
            true.tilts,
            freedom=Freedom(tilt="free"),
            robust=robust,
        )
        bars, cameras = found.errors, found.cameras
        # The translation gauge is the estimate's own: bring it to the truth's before comparing
        # shifts and beads.
        m = matrices(true.cameras)
        apart = cameras.parameters[:, [X, Y]] - true.cameras.parameters[:, [X, Y]]
        by = np.linalg.solve(np.einsum("vij,vik->jk", m, m), np.einsum("vij,vi->j", m, apart))
        beads = found.beads_px + by[::-1]
        shifts = cameras.shift_px - (m @ by)[:, ::-1]
        scores.setdefault("rotation", []).append(
            (cameras.rotation_deg - true.cameras.rotation_deg) / bars.rotation_deg
        )
        scores.setdefault("magnification", []).append(
            np.log(cameras.magnification / true.cameras.magnification) / bars.magnification
        )
        scores.setdefault("tilt", []).append(
            (cameras.tilt_deg - true.cameras.tilt_deg) / bars.tilt_deg
        )
        scores.setdefault("shift", []).append(
            ((shifts - true.cameras.shift_px) / bars.shift_px).ravel()
        )
        scores.setdefault("beads", []).append(
            ((beads - true.beads_px[found.beads]) / bars.beads_px).ravel()
        )
        assert bars.sigma_px == pytest.approx(0.4, rel=0.15)
        assert abs(found.correlation) < 0.2
    for name, of_seeds in scores.items():
        z = np.abs(np.concatenate(of_seeds))
        assert (z < 1).mean() == pytest.approx(0.683, abs=0.10), name
        assert (z < 2).mean() == pytest.approx(0.954, abs=0.06), name
    every = np.abs(np.concatenate([np.concatenate(s) for s in scores.values()]))
    assert (every < 1).mean() == pytest.approx(0.683, abs=0.05)


def test_the_axis_has_an_error_bar_of_the_right_size(truth) -> None:
    z = []
    for seed in range(16):
        true = truth(
            n_beads=6, n_views=15, seed=1, rotation_deg=0, magnification=0, tilt_error_deg=0
        )
        freedom = Freedom(rotation="global", magnification="fixed", tilt="fixed")
        found = solve(
            true.tracks(noise_px=0.5, seed=seed), true.tilts, freedom=freedom, axis_deg=None
        )
        z.append((found.axis_deg - 85.3) / found.errors.axis_deg)
    assert 0.6 < np.sqrt(np.mean(np.square(z))) < 1.5


def test_leave_one_out_is_what_leaving_out_gives(truth) -> None:
    """The closed form against real refits without the observation."""
    true = truth(n_beads=7, n_views=15)
    tracks = true.tracks(noise_px=0.4)
    options = {"freedom": Freedom(), "axis_deg": 85.3, "robust": False}
    whole = solve(tracks, true.tilts, **options)
    for one in (0, 17, 52, 90, 104):
        rest = np.arange(len(tracks.bead)) != one
        without = solve(tracks.keep(rest), true.tilts, **options)
        predicted = project(without.cameras, without.beads_px)[tracks.view[one], tracks.bead[one]]
        np.testing.assert_allclose(
            whole.leave_out_px[one], tracks.position_px[one] - predicted, atol=0.003
        )
        assert np.hypot(*whole.leave_out_px[one]) > 1.05 * np.hypot(*whole.residual_px[one])


def test_an_outliers_leave_out_residual_is_its_residual(truth) -> None:
    true = truth(n_beads=8)
    found = solve(true.tracks(noise_px=0.2, outliers=0.05), true.tilts)
    assert (~found.used).sum() > 3
    np.testing.assert_array_equal(found.leave_out_px[~found.used], found.residual_px[~found.used])


def test_more_noise_makes_longer_error_bars(truth) -> None:
    true = truth(n_beads=10)
    bars = [
        solve(true.tracks(noise_px=noise), true.tilts, axis_deg=85.3).errors for noise in (0.2, 0.6)
    ]
    assert np.median(bars[1].tilt_deg / bars[0].tilt_deg) == pytest.approx(3, rel=0.1)
    assert bars[1].sigma_px == pytest.approx(3 * bars[0].sigma_px, rel=0.1)


def test_fixed_parameters_have_no_error(truth) -> None:
    true = truth(n_beads=10)
    bars = solve(true.tracks(noise_px=0.2), true.tilts, freedom=Freedom(tilt="fixed")).errors
    assert not bars.tilt_deg.any()
    assert not bars.x_tilt_deg.any()
    assert (bars.rotation_deg > 0).all()
