"""Views are taken as their scheme says; impossible ones do not exist."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.simulate.detector import Detector
from recon.simulate.goniometer import Goniometer
from recon.simulate.session import begin_session
from recon.simulate.views import SCHEMES, Views, draw_tilts


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_the_tilts_are_the_schemes_and_the_lost_ones_the_seeds(scheme: str) -> None:
    views = Views(scheme, 60.0, 3.0)
    whole = draw_tilts(views, 1)
    np.testing.assert_array_equal(whole, SCHEMES[scheme](max_tilt_deg=60.0, step_deg=3.0))
    np.testing.assert_array_equal(whole, draw_tilts(views, 2))
    some, others = (draw_tilts(Views(scheme, 60.0, 3.0, missing_views=5), s) for s in (1, 2))
    assert some.size == others.size == whole.size - 5
    assert set(some) < set(whole)
    assert set(some) != set(others)
    assert [a for a in whole if a in some] == some.tolist()  # in order of acquisition


def test_the_second_axis_has_the_same_tilts_and_a_stage_of_its_own() -> None:
    stage = Goniometer(tilt_error_deg=0.1, rotation_error_deg=0.1)
    a, b = (
        begin_session(1.0, views=Views(step_deg=6.0, axis=axis), stage=stage, seed=3)
        for axis in ("a", "b")
    )
    np.testing.assert_array_equal(a.angles_deg, b.angles_deg)
    for mine, its in (
        (a.geometry.angles_deg, b.geometry.angles_deg),
        (a.geometry.shifts_px, b.geometry.shifts_px),
        (a.applied.rotations_deg, b.applied.rotations_deg),
    ):
        assert not np.isclose(mine, its).any()


@pytest.mark.parametrize(
    ("group", "options", "says"),
    [
        (Views, {"scheme": "all"}, "views.scheme=all given, one of equal, saxton"),
        (Views, {"max_tilt_deg": 120.0}, "max_tilt_deg=120"),
        (Views, {"step_deg": 0.0}, "step_deg=0"),
        (Views, {"step_deg": 30.0, "missing_views": 4}, "4 missing views given"),
        (Views, {"sweep_deg": 90.0}, "views.sweep_deg=90"),
        (Views, {"axis": "c"}, "a or b"),
        (Views, {"dose_e_nm2": 0.0}, "views.dose_e_nm2=0"),
        (Views, {"dose_e_nm2": np.nan}, "views.dose_e_nm2=nan"),
        (Goniometer, {"drift_px": -1.0}, "stage.drift_px=-1"),
        (Goniometer, {"tilt_error_deg": -1.0}, "stage.tilt_error_deg=-1"),
        (Goniometer, {"axis_deg": np.inf}, "stage.axis_deg=inf"),
        (Goniometer, {"axis_error_px": np.nan}, "stage.axis_error_px=nan"),
        (Goniometer, {"rotation_error_deg": -1.0}, "stage.rotation_error_deg=-1"),
        (Goniometer, {"magnification_error": 0.5}, "stage.magnification_error=0.5"),
        (Detector, {"dark_level": np.nan}, "detector.dark_level=nan"),
        (Detector, {"read_noise": -1.0}, "detector.read_noise=-1"),
        (Detector, {"cosmic_rays_per_view": -1.0}, "detector.cosmic_rays_per_view=-1"),
        (Detector, {"bad_pixels": 2.0}, "detector.bad_pixels=2"),
    ],
)
def test_what_cannot_be_does_not_exist(group: type, options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        group(**options)
