"""The contrast transfer function of a transmission microscope, and the image of a thin specimen in
ice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from recon.errors import UserError
from recon.simulate.fresnel import wavelength_nm


@dataclass(frozen=True)
class Optics:
    """``defocus_um``: underfocus positive; ``b_factor_nm2``: envelope exp(-B k^2 / 4) (1 nm^2 is
    100 A^2)."""

    voltage_kv: float = 300.0
    cs_mm: float = 2.7
    defocus_um: float = 4.0
    amplitude_contrast: float = 0.07
    b_factor_nm2: float = 2.0

    def __post_init__(self) -> None:
        wavelength_nm(self.voltage_kv)
        if not (0 <= self.cs_mm <= 20 and abs(self.defocus_um) <= 100):
            raise UserError(
                f"optics.cs_mm={self.cs_mm}, optics.defocus_um={self.defocus_um} given, 0 to 20 mm "
                f"and up to 100 um wanted"
            )
        if not (0 <= self.amplitude_contrast <= 1 and 0 <= self.b_factor_nm2 <= 1000):
            raise UserError(
                f"optics.amplitude_contrast={self.amplitude_contrast}, "
                f"optics.b_factor_nm2={self.b_factor_nm2} given, 0 to 1 and 0 to 1000 wanted"
            )


def aberration(k: np.ndarray, optics: Optics) -> np.ndarray:
    """chi(k) = pi lambda k^2 (defocus - lambda^2 k^2 Cs / 2), k in 1/nm, underfocus positive."""
    wave = wavelength_nm(optics.voltage_kv)
    k2 = np.asarray(k, float) ** 2
    return np.asarray(
        np.pi * wave * k2 * (1e3 * optics.defocus_um - 0.5e6 * optics.cs_mm * wave**2 * k2)
    )


def transfer(k: np.ndarray, optics: Optics) -> np.ndarray:
    """-(sqrt(1 - A^2) sin chi + A cos chi) exp(-B k^2 / 4): negative where matter is dark."""
    chi, a = aberration(k, optics), optics.amplitude_contrast
    damped = np.exp(-optics.b_factor_nm2 * np.asarray(k, float) ** 2 / 4)
    return np.asarray(-(np.sqrt(1 - a**2) * np.sin(chi) + a * np.cos(chi)) * damped)


def image_phase(phase_rad: np.ndarray, pixel_nm: float, optics: Optics) -> np.ndarray:
    """(y, x) intensity 1 + 2 F^-1{F{phase} CTF} behind a weak phase object, the open beam 1; never
    below 0.

    The view is mirrored beyond its borders, by a quarter of its size, because the transform is
    periodic.
    """
    pad = [(n // 4, n // 4) for n in phase_rad.shape]
    wide = np.pad(phase_rad, pad, mode="symmetric")
    k = np.hypot(
        fft.fftfreq(wide.shape[0], pixel_nm)[:, None], fft.rfftfreq(wide.shape[1], pixel_nm)
    )
    image = 1 + 2 * fft.irfft2(fft.rfft2(wide) * transfer(k, optics), s=wide.shape)
    inner = tuple(slice(a, a + n) for (a, _), n in zip(pad, phase_rad.shape, strict=True))
    return np.asarray(np.maximum(image[inner], 0))
