"""The whole stage: better than cross-correlation where views differ, never worse elsewhere, and
open about it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.align.found import alignment_of
from recon.align.matching import match_reprojections
from recon.align.patches.patch import patch, refined
from recon.align.patches.placement import Placement
from recon.align.shifts import from_surroundings
from recon.align.xcorr import xcorr
from recon.errors import UserError
from recon.geometry import Geometry, view_freedom
from recon.io import read_tilt_series
from recon.preprocess import fourier_bin, preprocess
from recon.series import TiltSeries
from tests.align.test_xcorr import degraded_catalyst, shift_error_px

ANGLES = np.arange(-60.0, 61.0, 6.0)


def test_views_of_a_film_that_differ_in_rotation_and_magnification_are_solved(film) -> None:
    done = patch(film.series, axis_deg=3.0)
    found = alignment_of(done)
    print(found.freedom, found.reprojection_residual, found.reprojection_residual_xcorr)
    assert done.data is film.series.data
    assert found.method == "patch"
    assert found.reprojection_residual < 0.995 * found.reprojection_residual_xcorr
    assert done.geometry.matrices is not None
    rotation, magnification = np.array(found.rotation_deg), np.array(found.magnification)
    print(
        np.std(rotation - film.cameras.rotation_deg),
        np.std(magnification - film.cameras.magnification),
    )
    assert np.std(rotation - film.cameras.rotation_deg) < 0.2  # they differed by 0.66
    assert np.std(magnification - film.cameras.magnification) < 0.003  # by 0.0042


def test_noise_falls_back_with_a_sentence() -> None:
    noise = np.random.default_rng(0).normal(100, 10, (ANGLES.size, 64, 64)).astype(np.float32)
    series = TiltSeries(torch.from_numpy(noise), Geometry(ANGLES, 1.0))
    done = patch(series, axis_deg=0.0, rounds=1)
    assert alignment_of(done).method == "xcorr"
    assert "falls back on align=xcorr" in done.history[-1]
    assert "falls back" in alignment_of(done).warning
    np.testing.assert_array_equal(
        done.geometry.shifts_px, xcorr(series, axis_deg=0.0).geometry.shifts_px
    )


@pytest.mark.parametrize("half", ["left", "late"])
def test_a_half_empty_stack_does_not_crash(film, half: str) -> None:
    """A film over half the frame; a film that burns away in half of the views."""
    data = film.series.data.numpy().copy()[::2]
    empty = np.random.default_rng(0).poisson(60, data.shape)
    where = (slice(None), slice(None), slice(48)) if half == "left" else (slice(8, None),)
    data[where] = empty[where]
    series = TiltSeries(torch.from_numpy(data), Geometry(film.series.geometry.angles_deg[::2], 1.0))
    done = patch(series, axis_deg=3.0, rounds=1)
    assert done.geometry.shifts_px is not None
    assert np.isfinite(done.geometry.shifts_px).all()
    found = alignment_of(done)
    assert found.method == "patch" or "falls back" in done.history[-1]
    if half == "late":
        assert found.method == "xcorr"


def test_empty_views_and_tiny_patches_are_one_sentence() -> None:
    data = np.random.default_rng(0).normal(size=(ANGLES.size, 64, 64)).astype(np.float32)
    data[[2, 5]] = 0
    series = TiltSeries(torch.from_numpy(data), Geometry(ANGLES, 1.0))
    with pytest.raises(UserError, match=r"exclude=\[2,5\]"):
        patch(series)
    with pytest.raises(UserError, match="patch_px=4"):
        patch(series, patch_px=4)


def test_the_catalyst_by_patches_alone(reference) -> None:
    """Known drift, rotation and noise. What the patches find, without the choice of the better
    result."""
    series, true_shifts, axis_deg = degraded_catalyst(
        reference("catalyst/Catalyst3DModel_TiltSeries180.hspy")
    )
    series = preprocess(
        TiltSeries(series.data[::2], Geometry(series.geometry.angles_deg[::2], 1.0))
    )
    true_shifts = true_shifts[::2]
    rough = xcorr(series, working_px=100, rounds=2).geometry
    stack, angles = from_surroundings(fourier_bin(series.data.numpy(), 3)), rough.angles_deg
    start = Placement.of(angles, rough.axis_deg, rough.shifts_px / 3)
    before = match_reprojections(stack, angles, start.axis_deg, start.shifts_px, rounds=0)
    found, match = refined(stack, start, before, angles, 16, 4, 1)
    place = found.placement
    error = 3 * match.shifts_px - true_shifts
    error = np.sqrt(((error - view_freedom(error, place.angles_deg)) ** 2).mean(0))
    print(
        f"catalyst by patches: {error} px rms (align=xcorr {shift_error_px(rough, true_shifts)}), "
        f"axis {place.axis_deg - axis_deg:+.3f} deg"
    )
    assert error.max() <= 0.4
    assert abs(place.axis_deg - axis_deg) < 0.3


def test_the_needle_is_explained_no_worse_than_by_cross_correlation(reference) -> None:
    series = preprocess(read_tilt_series(reference("needle/HAADF.mrc"), exclude=range(1, 77, 2)))
    rough, done = (
        alignment_of(xcorr(series, working_px=64)),
        alignment_of(patch(series, working_px=64)),
    )
    assert done.reprojection_residual <= rough.reprojection_residual
    assert done.method == "patch" or "patches" in done.fallback
