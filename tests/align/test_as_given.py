"""A series that was aligned before is left alone; one that drifts is not."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from recon.align.as_given import AsGiven
from recon.align.doubt import doubt_shifts
from recon.align.found import alignment_of
from recon.align.resample import resample
from recon.align.xcorr import xcorr
from recon.phantoms.polyamide_film import polyamide_film
from recon.preprocess import preprocess
from recon.series import TiltSeries
from recon.simulate.acquire import acquire
from recon.simulate.goniometer import Goniometer
from recon.simulate.views import Views


@functools.cache
def film(drift_px: float) -> TiltSeries:
    """That fills the views to their borders, tilted about +y through the centre."""
    sample = acquire(
        functools.partial(polyamide_film, size=64),
        views=Views(step_deg=3.0),
        stage=Goniometer(drift_px=drift_px, axis_deg=0.0),
    )
    return preprocess(sample.series)


def test_an_aligned_film_is_left_as_it_is() -> None:
    """It was moved by 5 pixels and turned by 1 degree."""
    done = xcorr(film(0.0))
    assert done.geometry.axis_deg == 0
    assert not done.geometry.shifts_px.any()
    assert "left as given" in done.history[-1]
    assert alignment_of(done).warning == ""
    np.testing.assert_array_equal(resample(done).data.numpy(), film(0.0).data.numpy())


@pytest.mark.parametrize("drift_px", [0.7, 2.0])
def test_a_drifting_film_is_moved(drift_px: float) -> None:
    done = xcorr(film(drift_px))
    assert done.geometry.shifts_px.any()
    measured, *given = alignment_of(done).as_given
    assert measured.said == "shifts measured"
    assert min(g.withheld for g in given) > 1.05 * measured.withheld
    assert "to a few degrees only" in alignment_of(done).warning


def test_the_axis_of_a_film_is_not_doubted_where_it_was_given() -> None:
    axis = film(2.0).geometry.axis_deg
    assert "few degrees" not in alignment_of(xcorr(film(2.0), axis_deg=axis)).warning


def test_shifts_that_hardly_help_are_told() -> None:
    def tried(measured: float, kept: bool) -> AsGiven:
        return AsGiven(0.0, measured, 0.87, ((0.0, 0.87),), kept)

    assert "0.820 of withheld views" in doubt_shifts(tried(0.82, kept=False))
    assert doubt_shifts(tried(0.7, kept=False)) == ""
    # Kept as given, yet hardly explained: noise may be the reason, and else it is said.
    assert "no shifts leave" in doubt_shifts(tried(0.87, kept=True), 0.08)
    assert doubt_shifts(tried(0.87, kept=True), 0.9) == ""
    assert doubt_shifts(AsGiven(90.0, 0.021, 0.022, ((90.0, 0.022),), kept=False)) == ""
    assert doubt_shifts(None) == ""
