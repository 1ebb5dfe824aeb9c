"""Which of an axis and its opposite: what the microscope wrote decides, and only that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recon.algorithms.sirt import sirt
from recon.align.branch import axis_of_microscope, on_branch
from recon.align.found import alignment_of
from recon.align.resample import resample
from recon.align.xcorr import xcorr
from recon.preprocess import preprocess
from recon.projectors.native import NativeProjector
from recon.series import AXIS_FROM_MICROSCOPE, TiltSeries
from recon.simulate.ellipsoids import phantom
from tests.align.test_xcorr import shift_error_px


@pytest.mark.parametrize(
    ("axis_deg", "noted_deg", "wanted_deg"),
    [
        (-85.0, 95.0, 95.0),
        (-85.0, -85.0, -85.0),
        (-85.0, None, -85.0),
        (95.0, None, -85.0),
        (89.0, -89.0, -91.0),
        (2.0, 178.0, -178.0),
        (0.0, 180.0, 180.0),
        (0.0, -179.0, 180.0),
        (45.0, -100.0, -135.0),
    ],
)
def test_the_nearer_of_the_two(axis_deg: float, noted_deg: float | None, wanted_deg: float) -> None:
    assert on_branch(axis_deg, noted_deg) == pytest.approx(wanted_deg)


@pytest.mark.parametrize("noted", [None, "95", float("nan"), True])
def test_what_is_no_number_decides_nothing(noted: object) -> None:
    series = replace(phantom(size=16, step_deg=22).series, facts={AXIS_FROM_MICROSCOPE: noted})
    assert axis_of_microscope(series) is None


def test_the_tomogram_has_the_hand_that_the_microscope_knows() -> None:
    """Axis 95 and -85 are the same line; the tomograms are each other's inversion."""
    sample = phantom(size=48, step_deg=4, axis_deg=95.0)
    series = preprocess(sample.series)
    done, other = xcorr(replace(series, facts={AXIS_FROM_MICROSCOPE: 97.0})), xcorr(series)
    assert done.geometry.axis_deg == pytest.approx(95, abs=0.6)
    assert other.geometry.axis_deg == pytest.approx(-85, abs=0.6)
    assert shift_error_px(done.geometry, sample.geometry.shifts_px).max() < 0.4
    assert "decides between 9" in done.history[-2]
    truth = sample.truth.data.numpy()
    assert likeness(reconstruction(done), truth) > 0.85
    assert likeness(reconstruction(done), truth[::-1, ::-1, ::-1]) < 0.8
    assert likeness(reconstruction(other), truth) < 0.8


def test_another_axis_than_the_microscope_wrote_is_told() -> None:
    sample = phantom(size=48, step_deg=4, axis_deg=20.0)
    done = xcorr(replace(preprocess(sample.series), facts={AXIS_FROM_MICROSCOPE: -50.0}))
    assert done.geometry.axis_deg == pytest.approx(20, abs=0.6)
    found = alignment_of(done)
    assert "-50 deg that the microscope wrote" in found.warning
    assert min(abs(h.axis_deg + 50) for h in found.hypotheses) < 3  # it was tried


def reconstruction(solved: TiltSeries) -> np.ndarray:
    y = resample(solved)
    n = y.data.shape[2]
    return sirt(NativeProjector(y.geometry, (n, n), n), y.data, n_iterations=20).numpy()


def likeness(volume: np.ndarray, truth: np.ndarray) -> float:
    """Normalised correlation at the best shift."""
    a, b = (np.fft.rfftn(v - v.mean()) for v in (volume, truth))
    peak = np.fft.irfftn(a * np.conj(b), s=volume.shape, axes=(0, 1, 2)).max()
    return float(
        peak / np.linalg.norm(volume - volume.mean()) / np.linalg.norm(truth - truth.mean())
    )
