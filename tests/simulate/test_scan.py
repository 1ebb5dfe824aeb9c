"""A scan shows what lies where its errors say; a perfect one changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recon.errors import UserError
from recon.simulate.fiducials import bead_chords
from recon.simulate.scan import Scan, scan_errors, scan_image, scanned_positions

SHAPE = (60, 64)


def test_a_perfect_scan_has_no_errors_and_moves_nothing() -> None:
    assert scan_errors(Scan(), 3, SHAPE, np.random.default_rng(0)) is None
    image = np.random.default_rng(0).random(SHAPE)
    np.testing.assert_allclose(scan_image(image, np.zeros((60, 1, 2))), image, atol=1e-12)


def test_jitter_has_the_size_asked_for_and_is_one_per_line() -> None:
    error = scan_errors(Scan(jitter_px=0.5), 200, SHAPE, np.random.default_rng(0))
    assert error.shape == (200, 60, 1, 2)
    assert error[..., 1].std() == pytest.approx(0.5, rel=0.03)
    assert not error[..., 0].any()
    lines = error[:, :, 0, 1]
    assert abs(np.corrcoef(lines[:, :-1].ravel(), lines[:, 1:].ravel())[0, 1]) < 0.05


def test_drift_grows_evenly_from_line_to_line() -> None:
    error = scan_errors(Scan(drift_px=4.0), 300, SHAPE, np.random.default_rng(0))[:, :, 0]
    np.testing.assert_allclose(np.diff(error, 2, axis=1), 0, atol=1e-12)
    assert (error[:, -1] - error[:, 0]).std() == pytest.approx(4 * 59 / 60, rel=0.1)
    np.testing.assert_allclose(error.mean(1), 0, atol=1e-12)


def test_flyback_lags_at_the_start_of_a_line_only() -> None:
    error = scan_errors(Scan(flyback_px=2.0), 2, SHAPE, np.random.default_rng(0))
    assert error.shape == (2, *SHAPE, 2)
    np.testing.assert_allclose(error[:, :, 0, 1], -2)
    assert np.abs(error[:, :, 32:, 1]).max() < 1e-3


def test_a_row_shows_the_specimen_at_its_error() -> None:
    ramp = np.tile(np.arange(64.0), (60, 1))
    error = scan_errors(Scan(jitter_px=1.0), 1, SHAPE, np.random.default_rng(0))[0]
    inner = scan_image(ramp, error)[:, 8:-8]
    np.testing.assert_allclose(
        inner - ramp[:, 8:-8], np.broadcast_to(error[..., 1], inner.shape), atol=1e-4
    )


@pytest.mark.parametrize(
    "scan",
    [Scan(drift_px=3.0), Scan(jitter_px=0.7), Scan(jitter_px=0.4, drift_px=2.0, flyback_px=1.0)],
)
def test_a_bead_is_where_its_position_says(scan: Scan) -> None:
    errors = scan_errors(scan, 6, SHAPE, np.random.default_rng(1))
    at, size = np.array([[31.3, 40.6]]), np.array([12.0])
    for error in errors:
        shown = np.clip(scan_image(bead_chords(SHAPE, at, size), error), 0, None)
        expected = scanned_positions(at, size, error)[0]
        assert np.abs(np.array(ndimage.center_of_mass(shown)) - expected).max() < 0.05
    assert np.abs(scanned_positions(at, size, errors[0])[0] - at[0]).max() > 0.05


def test_a_bead_beyond_the_view_still_has_a_position() -> None:
    error = scan_errors(Scan(jitter_px=0.5), 1, SHAPE, np.random.default_rng(0))[0]
    out = scanned_positions(np.array([[-40.0, 10.0]]), np.array([10.0]), error)
    np.testing.assert_allclose(out[0], np.array([-40.0, 10.0]) - error[0, 0])


def test_impossible_scans_are_a_sentence() -> None:
    with pytest.raises(UserError, match="jitter"):
        Scan(jitter_px=-1.0)
