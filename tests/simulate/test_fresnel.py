"""Propagation loses no electron, and rings lie where the wavelength and the defocus put them."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.simulate.fiducials import bead_chords
from recon.simulate.fresnel import propagate, wavelength_nm


@pytest.mark.parametrize(("voltage", "picometres"), [(100, 3.701), (200, 2.508), (300, 1.969)])
def test_wavelengths_are_the_textbooks(voltage: float, picometres: float) -> None:
    assert 1e3 * wavelength_nm(voltage) == pytest.approx(picometres, abs=1e-3)


def test_nothing_but_beer_and_lambert_in_focus() -> None:
    exponent, phase = np.random.default_rng(0).uniform(0, 2, (2, 32, 32))
    np.testing.assert_allclose(
        propagate(exponent, phase, 0.0, 2e-3, 1.0), np.exp(-exponent), rtol=1e-5
    )


def test_defocus_moves_electrons_and_loses_none() -> None:
    exponent, phase = np.random.default_rng(0).uniform(0, 2, (2, 64, 64))
    image = propagate(exponent, phase, 4000.0, 2e-3, 1.0)
    assert image.mean() == pytest.approx(np.exp(-exponent).mean(), rel=1e-5)
    assert np.abs(image - np.exp(-exponent)).max() > 0.05


def test_a_weak_phase_is_seen_by_the_sine_of_chi() -> None:
    """I = 1 - 2 phi sin(pi lambda defocus k^2) for one plane wave of phase; dark where the phase is
    high, in underfocus."""
    x = np.arange(64) / 64
    for cycles in (1, 5, 9, 14):
        phase = np.tile(1e-3 * np.cos(2 * np.pi * cycles * x), (64, 1))
        image = propagate(np.zeros((64, 64)), phase, 4000.0, 2e-3, 1.0)
        transfer = -2 * np.sin(np.pi * 2e-3 * 4000 * (cycles / 64) ** 2)
        np.testing.assert_allclose(image - 1, transfer * phase, atol=2e-5)


def test_a_bead_is_dark_in_a_bright_ring_under_focus_and_the_reverse_over_focus() -> None:
    bead = bead_chords((128, 128), np.array([[63.5, 63.5]]), np.array([10.0]))
    y, x = np.indices((128, 128)) - 63.5
    radius = np.hypot(y, x)
    under, over = (propagate(bead / 12, 0.16 * bead, d, 1.97e-3, 1.0) for d in (4000.0, -4000.0))
    assert under[radius < 3].mean() < 0.6
    just_outside = (radius > 5.5) & (radius < 7.5)
    assert under[just_outside].mean() > 1.1
    assert over[just_outside].mean() < 0.95
    assert np.abs(under[radius > 40] - 1).max() < 0.05


def test_voltages_of_no_microscope_are_a_sentence() -> None:
    with pytest.raises(UserError, match="voltage"):
        wavelength_nm(0)
