"""Defocus in bright field: the wave behind the specimen, propagated. Gives beads their halo and
edges their fringes."""

from __future__ import annotations

import numpy as np
from scipy import fft

from recon.errors import UserError


def wavelength_nm(voltage_kv: float) -> float:
    """Of an electron, relativistic: h / sqrt(2 m e V (1 + e V / 2 m c^2)); 1.97 pm at 300 kV."""
    if not 10 <= voltage_kv <= 3000:
        raise UserError(f"voltage_kv={voltage_kv} given, 10 to 3000 wanted")
    volts = 1e3 * voltage_kv
    return float(1.226426 / np.sqrt(volts * (1 + 0.9784755e-6 * volts)))


def propagate(
    exponent: np.ndarray,
    phase_rad: np.ndarray,
    defocus_nm: float,
    wavelength: float,
    pixel_nm: float,
) -> np.ndarray:
    """(y, x) intensity, 1 for the open beam, behind matter that transmits exp(-``exponent``) and
    delays by ``phase_rad``; both (y, x).

    |F^-1{ F{exp(-exponent / 2 + i phase)} exp(i pi lambda defocus k^2) }|^2: free space between the
    specimen and the plane in focus, which lies before it in underfocus (positive). Propagation is
    unitary, so no electron is lost or gained. Around a dense bead it leaves rings of width
    sqrt(lambda defocus), the first of them bright in underfocus. Periodic at the borders.
    """
    k_y, k_x = fft.fftfreq(exponent.shape[0], pixel_nm), fft.fftfreq(exponent.shape[1], pixel_nm)
    k2 = (k_y[:, None] ** 2 + k_x**2).astype(np.float32)
    chi = np.float32(np.pi * wavelength * defocus_nm) * k2
    wave = np.exp((-exponent / 2 + 1j * phase_rad).astype(np.complex64))
    moved = fft.ifft2(fft.fft2(wave) * np.exp(1j * chi))
    return np.asarray(moved.real**2 + moved.imag**2, np.float64)
