"""The transfer function has its zeros where the formula puts them, and the image follows it."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.simulate.ctf import Optics, aberration, image_phase, transfer
from recon.simulate.fresnel import wavelength_nm

SHARP = Optics(b_factor_nm2=0.0)


def test_the_first_zero_without_cs_is_at_the_root_of_one_over_lambda_defocus() -> None:
    """sin(pi lambda z k^2) = 0 at k = 1 / sqrt(lambda z)."""
    optics = Optics(cs_mm=0.0, amplitude_contrast=0.0, b_factor_nm2=0.0, defocus_um=3.0)
    zero = 1 / np.sqrt(wavelength_nm(300) * 3000)
    assert abs(transfer(np.array([zero]), optics)[0]) < 1e-9
    k = np.linspace(0.01 * zero, 0.99 * zero, 50)
    assert (transfer(k, optics) < 0).all()
    assert transfer(np.array([1.1 * zero]), optics)[0] > 0


def test_amplitude_contrast_is_what_is_left_at_zero_frequency() -> None:
    assert transfer(np.zeros(1), SHARP)[0] == pytest.approx(-0.07)
    assert transfer(np.zeros(1), Optics(amplitude_contrast=1.0))[0] == pytest.approx(-1)


def test_spherical_aberration_takes_from_underfocus() -> None:
    k = np.array([2.0])
    wave = wavelength_nm(300)
    only_cs = aberration(k, Optics(defocus_um=0.0))
    assert only_cs[0] == pytest.approx(-np.pi / 2 * 2.7e6 * wave**3 * 2.0**4)


def test_the_envelope_is_a_gaussian_of_its_b_factor() -> None:
    k = np.linspace(0, 1, 11)
    ratio = transfer(k, Optics(b_factor_nm2=4.0)) / transfer(k, SHARP)
    np.testing.assert_allclose(ratio, np.exp(-(k**2)))


@pytest.mark.parametrize("cycles", [8, 20, 48])
def test_a_grating_is_imaged_with_the_transfer_of_its_frequency(cycles: int) -> None:
    n, pixel = 128, 0.5
    phase = np.tile(
        0.02 * np.cos(2 * np.pi * cycles * (np.arange(n) + 0.5) / n), (n, 1)
    )  # whole after mirroring
    image = image_phase(phase, pixel, SHARP)
    k = cycles / (n * pixel)
    np.testing.assert_allclose(image - 1, 2 * transfer(np.array([k]), SHARP)[0] * phase, atol=1e-6)


def test_nothing_is_imaged_as_nothing() -> None:
    np.testing.assert_allclose(image_phase(np.zeros((16, 16)), 1.0, Optics()), 1)


@pytest.mark.parametrize(
    "options",
    [{"cs_mm": -1.0}, {"amplitude_contrast": 2.0}, {"voltage_kv": 0.0}, {"b_factor_nm2": -1.0}],
)
def test_impossible_optics_are_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="given"):
        Optics(**options)
