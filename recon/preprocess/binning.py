"""Binning by Fourier cropping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy import fft

from recon.geometry import Geometry, centre
from recon.progress import track_each
from recon.series import TiltSeries


def fourier_bin(stack: np.ndarray, factor: int) -> np.ndarray:
    """(tilt, y, x) -> (tilt, y // factor, x // factor) float32: the low frequencies, with mean and
    centre kept.

    Odd rests are cropped from both ends. The centre (n - 1) / 2 must stay the centre, so the
    samples move by (factor - 1) / 2 raw pixels, as a phase.
    """
    shape = tuple(n // factor for n in stack.shape[1:])
    out = np.empty((len(stack), *shape), np.float32)
    cut = tuple(
        slice((n - m * factor) // 2, (n - m * factor) // 2 + m * factor)
        for n, m in zip(stack.shape[1:], shape, strict=True)
    )
    # What cropping an odd rest displaces goes into the same phase.
    moves = [
        (factor - 1) / 2 + centre(n) - (s.start + centre(m * factor))
        for n, m, s in zip(stack.shape[1:], shape, cut, strict=True)
    ]
    keep_y = np.r_[0 : (shape[0] + 1) // 2, shape[0] * factor - shape[0] // 2 : shape[0] * factor]
    keep_x = shape[1] // 2 + 1
    f_y, f_x = fft.fftfreq(shape[0])[:, None] / factor, fft.rfftfreq(shape[1])[None] / factor
    phase = np.exp(2j * np.pi * (f_y * moves[0] + f_x * moves[1])).astype(np.complex64)
    for view, binned in track_each("binning", zip(stack, out, strict=True), len(stack)):
        spectrum = fft.rfft2(view[cut])[keep_y, :keep_x] * phase
        binned[:] = fft.irfft2(spectrum, s=shape) / factor**2
    return out


def binned(series: TiltSeries, factor: int) -> TiltSeries:
    old = series.geometry
    pixel = None if old.pixel_nm is None else old.pixel_nm * factor
    shifts = None if old.shifts_px is None else old.shifts_px / factor
    data = torch.from_numpy(fourier_bin(series.data.numpy(), factor))
    step = f"binned by {factor} (Fourier crop) to {data.shape[1]} x {data.shape[2]} pixels"
    precision = None if series.precision is None else bin_precision(series.precision, factor)
    smaller = replace(series, data=data, precision=precision)
    return smaller.after(
        step,
        geometry=Geometry(old.angles_deg, pixel, old.axis_deg, shifts),
        facts={"bin": factor},
    )


def bin_precision(precision: torch.Tensor, factor: int) -> torch.Tensor:
    """(tilt, y, x) the mean precision of a bin, 0 unless all of its pixels were measured; cropped as
    ``fourier_bin`` crops."""
    n_y, n_x = (n // factor for n in precision.shape[1:])
    y0, x0 = ((n - m * factor) // 2 for n, m in zip(precision.shape[1:], (n_y, n_x), strict=True))
    cut = precision[:, y0 : y0 + n_y * factor, x0 : x0 + n_x * factor]
    bins = cut.reshape(-1, n_y, factor, n_x, factor)
    return torch.where(bins.amin((2, 4)) > 0, bins.mean((2, 4)), torch.zeros(()))
