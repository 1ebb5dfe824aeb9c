"""A specimen in ice: dose, thickness, contrast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recon.errors import UserError
from recon.phantoms.base import Phantom
from recon.simulate.cryo import ICE_FREE_PATH_NM, acquire_cryo
from recon.simulate.cryo import VIEWS as CRYO_VIEWS
from recon.simulate.ctf import Optics
from recon.simulate.goniometer import Goniometer
from recon.simulate.views import Views

VIEWS = Views(max_tilt_deg=60.0, step_deg=20.0, dose_e_nm2=300.0)
STAGE = Goniometer(drift_px=0.0, axis_deg=0.0)


def test_the_ice_takes_its_share_along_one_over_the_cosine_and_the_rest_is_counted(
    marbles: Callable[..., Phantom],
) -> None:
    views = replace(VIEWS, dose_e_nm2=500.0)
    sample = acquire_cryo(marbles, views=views, stage=STAGE, phase_per_nm=0.0, ice_nm=150.0)
    pixel = sample.series.geometry.pixel_nm
    passed = np.exp(-150 / np.cos(np.deg2rad(sample.geometry.angles_deg)) / ICE_FREE_PATH_NM)
    views = sample.series.data.double()
    np.testing.assert_allclose(views.mean((1, 2)), 500 * pixel**2 * passed, rtol=0.01)
    np.testing.assert_allclose(views.var((1, 2)) / views.mean((1, 2)), 1, atol=0.12)


def test_matter_is_dark_under_focus_and_bright_over_focus(marbles: Callable[..., Phantom]) -> None:
    options = {
        "views": replace(VIEWS, dose_e_nm2=1e7),
        "stage": STAGE,
        "ice_nm": 0.0,
        "phase_per_nm": 0.005,
    }
    dark, bright = (
        acquire_cryo(
            marbles, optics=Optics(defocus_um=d, amplitude_contrast=0.0), **options
        ).series.data
        for d in (20.0, -20.0)
    )
    truth = acquire_cryo(marbles, **options).truth.data.sum(0).numpy()
    inside = truth > 0.5 * truth.max()
    view = 3
    assert float(dark[view][inside].mean()) < 0.99 * float(dark[view][~inside].mean())
    assert float(bright[view][inside].mean()) > 1.01 * float(bright[view][~inside].mean())


def test_the_truth_is_twice_the_phase(marbles: Callable[..., Phantom]) -> None:
    sample = acquire_cryo(marbles, views=VIEWS, stage=STAGE, phase_per_nm=0.02)
    np.testing.assert_allclose(sample.truth.data, 0.04 * marbles().density)


def test_dose_symmetric_order_is_kept_and_errors_are_returned(
    marbles: Callable[..., Phantom],
) -> None:
    sample = acquire_cryo(
        marbles,
        views=replace(CRYO_VIEWS, step_deg=15.0),
        stage=Goniometer(rotation_error_deg=0.2, magnification_error=0.01),
    )
    assert sample.series.geometry.angles_deg.tolist() == [0, 15, -15, 30, -30, 45, -45, 60, -60]
    assert sample.applied.rotations_deg.std() > 0
    assert sample.applied.magnifications.std() > 0


def test_a_sweep_keeps_the_dose_and_blurs_the_contrast(marbles: Callable[..., Phantom]) -> None:
    options = {"stage": STAGE, "phase_per_nm": 0.02, "seed": 2}
    still, swept = (
        acquire_cryo(marbles, views=replace(VIEWS, dose_e_nm2=1e6, sweep_deg=w), **options).series
        for w in (0.0, 20.0)
    )
    np.testing.assert_allclose(
        swept.data.double().mean((1, 2)), still.data.double().mean((1, 2)), rtol=0.02
    )
    assert float((swept.data - still.data).norm() / (still.data - still.data.mean()).norm()) > 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"phase_per_nm": -1.0},
        {"ice_nm": -1.0},
        {"views": Views(max_tilt_deg=90.0, step_deg=30.0)},
        {"optics": 3},
    ],
)
def test_what_no_microscope_can_do_is_a_sentence(
    marbles: Callable[..., Phantom], options: dict[str, object]
) -> None:
    with pytest.raises(UserError, match="given"):
        acquire_cryo(marbles, **{"views": VIEWS, **options})
