"""The whole marker-free alignment, on data nobody here made and on the sample."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from scipy import ndimage

from recon.align.found import alignment_of
from recon.align.resample import resample
from recon.align.xcorr import xcorr
from recon.geometry import Geometry, axis_rotation, view_freedom
from recon.io import read_tilt_series
from recon.preprocess import fourier_bin, preprocess
from recon.series import TiltSeries
from recon.simulate.ellipsoids import phantom


def shift_error_px(found: Geometry, true_shifts: np.ndarray) -> np.ndarray:
    """(dy, dx) rms, motions of the whole specimen taken out."""
    assert found.shifts_px is not None
    error = found.shifts_px - true_shifts
    error = error - view_freedom(error, found.angles_deg)
    return np.sqrt((error**2).mean(0))


def test_the_pixels_stay_as_they_are() -> None:
    series = preprocess(phantom(size=48, step_deg=6).series)
    aligned = xcorr(series, rounds=1)
    assert aligned.data is series.data
    assert aligned.geometry.shifts_px is not None


@pytest.mark.parametrize("axis_deg", [86.5, -4.0, -89.9, 89.9])
def test_the_sample_is_aligned_unaided(axis_deg: float) -> None:
    sample = phantom(size=96, step_deg=3, axis_deg=axis_deg)
    found = xcorr(preprocess(sample.series)).geometry
    assert abs((found.axis_deg - axis_deg + 90) % 180 - 90) < 0.25
    opposite = (
        abs(found.axis_deg - axis_deg) > 90
    )  # the same line run through the other way: both image axes are reversed
    assert shift_error_px(found, sample.geometry.shifts_px * (-1 if opposite else 1)).max() < 0.3


def test_a_given_axis_is_kept() -> None:
    sample = phantom(size=48, step_deg=6, axis_deg=20.0)
    assert xcorr(
        preprocess(sample.series), axis_deg=21.5, rounds=0
    ).geometry.axis_deg == pytest.approx(21.5)


def test_an_axis_given_the_other_way_round_is_kept_and_aligns_as_well() -> None:
    """Its direction decides the hand of the tomogram, so it is the user's to say."""
    sample = phantom(size=64, step_deg=4, axis_deg=86.5)
    found = xcorr(preprocess(sample.series), axis_deg=-93.5).geometry
    assert found.axis_deg == -93.5
    assert shift_error_px(found, -sample.geometry.shifts_px).max() < 0.3


def test_a_film_that_fills_the_views_is_aligned_by_correlation() -> None:
    """Beads in a slab wider than the detector: nothing is isolated, nothing has a centre of
    mass."""
    rng = np.random.default_rng(0)
    n, angles = 128, np.arange(-60.0, 61.0, 3.0)
    beads = np.column_stack(
        [rng.uniform(-12, 12, 500), rng.uniform(-60, 60, 500), rng.uniform(-130, 130, 500)]
    )
    drift = np.cumsum(rng.normal(0, 1.0, (angles.size, 2)), axis=0)
    yy, xx = np.mgrid[:n, :n] - (n - 1) / 2
    views = np.empty((angles.size, n, n), np.float32)
    for view, angle, shift in zip(views, np.deg2rad(angles), drift, strict=True):
        columns = beads[:, 2] * np.cos(angle) + beads[:, 0] * np.sin(angle) - shift[1]
        inside = np.abs(columns) < n
        spots = zip(beads[inside, 1] - shift[0], columns[inside], strict=True)
        view[:] = 5 + sum(np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 6) for y, x in spots)
    series = TiltSeries(
        torch.from_numpy(rng.poisson(20 * views).astype(np.float32)), Geometry(angles, 1.0)
    )
    aligned = xcorr(series, axis_deg=0.0)
    assert alignment_of(aligned).specimen_isolated is False
    assert shift_error_px(aligned.geometry, drift).max() < 0.6


def test_a_stack_without_an_axis_is_said_to_be_uncertain() -> None:
    noise = torch.from_numpy(
        np.random.default_rng(0).normal(100, 10, (21, 64, 64)).astype(np.float32)
    )
    series = TiltSeries(noise, Geometry(np.arange(-60.0, 61.0, 6.0), 1.0))
    assert "align.axis_deg" in alignment_of(xcorr(series, rounds=0)).warning


def degraded_catalyst(path, seed: int = 0) -> tuple[TiltSeries, np.ndarray, float]:
    """The catalyst series at +-70 deg, binned to 300, its axis (horizontal) turned by 1.5 deg, with
    drift and counting noise."""
    with h5py.File(path) as file:
        stack = file["Experiments/__unnamed__/data"][:].astype(np.float32)
    angles = np.arange(0.0, 180.0, 2.0)
    # A view at t > 90 is the view at t - 180 seen from behind: mirrored across the axis, which runs
    # along the rows.
    stack[angles > 90] = stack[angles > 90][:, ::-1]
    angles = np.where(angles > 90, angles - 180, angles)
    order = np.argsort(angles)
    order = order[np.abs(angles[order]) <= 70]
    stack, angles = fourier_bin(stack[order], 2), angles[order]
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(0, 1.0, (angles.size, 2)), axis=0) + rng.normal(
        0, 1.0, (angles.size, 2)
    )
    turn, middle = axis_rotation(1.5), np.full(2, (stack.shape[1] - 1) / 2)
    moved = np.stack(
        [
            ndimage.affine_transform(v, turn, offset=middle - turn @ (middle + d), order=3)
            for v, d in zip(stack, drift, strict=True)
        ]
    )
    counts = rng.poisson(np.maximum(moved, 0) * (200 / moved.max())).astype(np.float32)
    axis_deg = -88.5  # the horizontal axis, turned by +1.5
    return (
        TiltSeries(torch.from_numpy(counts), Geometry(angles, 1.0)),
        -(drift @ axis_rotation(axis_deg).T),
        axis_deg,
    )


def test_known_drift_and_axis_of_the_catalyst_are_recovered(reference) -> None:
    series, true_shifts, axis_deg = degraded_catalyst(
        reference("catalyst/Catalyst3DModel_TiltSeries180.hspy")
    )
    found = xcorr(preprocess(series), threads=2).geometry
    error = shift_error_px(found, true_shifts)
    print(f"catalyst: axis error {found.axis_deg - axis_deg:+.3f} deg, shift error {error} px rms")
    assert abs(found.axis_deg - axis_deg) <= 0.2
    assert error.max() <= 0.3


def test_the_real_needle_stands_still_after_alignment(reference) -> None:
    series = preprocess(read_tilt_series(reference("needle/HAADF.mrc")))
    solved = xcorr(series, threads=2)
    assert -89 < solved.geometry.axis_deg < -86
    data = resample(solved, threads=2).data.numpy()
    columns = data[:, 100:180].sum(1)
    centre_of_mass = (columns * np.arange(columns.shape[1])).sum(1) / columns.sum(1)
    assert np.ptp(centre_of_mass) < 1.5  # it jumped by 40 pixels
    profile = data.sum(2)
    layers = np.array(
        [np.argmax(np.gradient(p)[60:110]) for p in profile]
    )  # the first layer's edge
    assert np.ptp(layers) <= 1
