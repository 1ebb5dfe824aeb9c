"""Several axes contest, and withheld views decide."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.axis import apart_deg, axis_from_spectra
from recon.align.contest import Contest, Hypothesis, compare_mirrored
from recon.align.doubt import doubt_axis, doubt_mirrored
from recon.align.found import alignment_of
from recon.align.judge import make_judge
from recon.align.shifts import from_surroundings
from recon.align.xcorr import xcorr
from recon.preprocess import preprocess
from recon.simulate.ellipsoids import phantom
from tests.align.needles import needle
from tests.align.test_xcorr import shift_error_px


@pytest.mark.parametrize("axis_deg", [-79.0, 0.0])
def test_a_round_needle_over_180_degrees_is_not_aligned_across_itself(axis_deg: float) -> None:
    series, truth = needle(axis_deg, step_deg=3)
    common_line, _ = axis_from_spectra(from_surroundings(series.data.numpy()))
    assert apart_deg(common_line, axis_deg) > 60  # which is what it was aligned to
    done = xcorr(series)
    found = alignment_of(done)
    assert apart_deg(done.geometry.axis_deg, axis_deg) < 0.5
    assert found.warning == ""
    assert shift_error_px(done.geometry, truth.shifts_px).max() < 0.3
    assert found.hypotheses[0].withheld == min(h.withheld for h in found.hypotheses)
    wrong = [h.withheld for h in found.hypotheses if apart_deg(h.axis_deg, axis_deg) > 20]
    assert min(wrong) > 4 / 3 * found.hypotheses[0].withheld


def test_a_clear_axis_is_not_contested() -> None:
    sample = phantom(size=64, step_deg=4)
    found = alignment_of(xcorr(preprocess(sample.series)))
    assert found.axis_contrast < 0.3
    assert found.hypotheses == ()
    assert found.warning == ""


def test_the_true_geometry_predicts_withheld_views_best() -> None:
    """Better than a turned axis, and than shifts half a pixel off."""
    sample = phantom(size=64, step_deg=4, axis_deg=20.0)
    truth = sample.geometry
    stack = from_surroundings(preprocess(sample.series).data.numpy())
    judge = make_judge(stack, truth.angles_deg, filled=False)
    right = judge.error(20.0, truth.shifts_px)
    jitter = np.random.default_rng(0).normal(0, 0.5, truth.shifts_px.shape)
    assert judge.error(20.0, truth.shifts_px + jitter) > 1.2 * right
    assert judge.error(32.0, truth.shifts_px) > 1.2 * right


def test_a_mirrored_axis_is_told() -> None:
    series = preprocess(phantom(size=64, step_deg=4, axis_deg=60.0).series)
    assert alignment_of(xcorr(series, axis_deg=60.0)).warning == ""
    warning = alignment_of(xcorr(series, axis_deg=-60.0)).warning
    assert "mirror image 60" in warning
    assert "row 0 on top" in warning


def test_an_axis_like_its_mirror_image_is_not_compared() -> None:
    stack = phantom(size=32, step_deg=6).series.data.numpy()
    angles = np.arange(-66.0, 67.0, 6.0)
    assert compare_mirrored(stack, angles, 88.0) == ()
    assert compare_mirrored(stack, angles, -3.0) == ()
    assert doubt_mirrored(88.0, (), np.zeros(180)) == ""


def test_the_common_line_tells_a_mirrored_axis_of_a_film() -> None:
    spread = np.full(180, 2.0)
    spread[90 + 41] = 1.0
    assert "mirror image 40" in doubt_mirrored(-40.0, (), spread)
    assert doubt_mirrored(40.0, (), spread) == ""
    spread[90 - 39] = 1.5
    assert doubt_mirrored(-40.0, (), spread) == ""


def contest(*tried: tuple[float, float], filled: bool = False) -> Contest:
    judge = make_judge(np.zeros((9, 8, 8), np.float32), np.arange(9.0), filled=filled)
    still = np.zeros((9, 2))
    return Contest(tuple(Hypothesis(a, still, not filled, e) for a, e in tried), judge)


def test_a_runner_up_within_a_third_is_told_where_the_common_line_says_otherwise() -> None:
    assert doubt_axis(10.0, 0.5, contest((-79.0, 0.05), (10.0, 0.08))) == ""
    close = doubt_axis(10.0, 0.5, contest((-79.0, 0.05), (10.0, 0.06)))
    assert "-79.0 deg leaves 0.050" in close
    assert "10.0 deg 0.060" in close
    # Two witnesses who agree, and a neighbour, which is the same valley.
    assert doubt_axis(-78.0, 0.5, contest((-79.0, 0.05), (10.0, 0.06))) == ""
    assert doubt_axis(-78.0, 0.5, contest((-79.0, 0.05), (10.0, 0.054))) != ""
    assert doubt_axis(10.0, 0.5, contest((-79.0, 0.05), (-70.0, 0.05))) == ""


def test_an_axis_by_which_nothing_is_predicted_is_told() -> None:
    assert "explains the views well" in doubt_axis(5.0, 0.5, contest((5.0, 0.4), (60.0, 0.9)))
    flat = contest((5.0, 1.01), (60.0, 1.02), filled=True)
    assert "does not stand out" in doubt_axis(5.0, 0.9, flat)
    assert "does not stand out" in doubt_axis(60.0, 0.9, contest((5.0, 0.8), filled=True))
    assert doubt_axis(5.0, 0.9, contest((5.0, 0.8), filled=True)) == ""
