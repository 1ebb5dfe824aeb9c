"""FINUFFT through the Fourier slice theorem: the 1-D spectrum of a view is the 2-D spectrum of the
slice along a line at its tilt.

It is given what speeds it up: planned once with points sorted, many slices at once, and two real
slices as the parts of a complex one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft

from benchmarks.peers.job import Case, Job
from recon.geometry import Geometry, centre

TOLERANCE = 1e-4
SLICES = 32


def finufft_jobs(case: Case) -> list[Job]:
    A = FourierSlices(case.geometry, case.n, SLICES // 2)
    y = np.ascontiguousarray(case.middle(SLICES).permute(1, 0, 2).numpy())
    packed = y[::2] + 1j * y[1::2]
    volume = A.adjoint(packed)
    return [
        Job("finufft", "forward", SLICES, lambda: A.forward(volume)),
        Job("finufft", "adjoint", SLICES, lambda: A.adjoint(packed)),
    ]


class FourierSlices:
    """A and A' of ``count`` complex slices (slice, z, x) of n x n at once, complex64."""

    def __init__(self, geometry: Geometry, n: int, count: int) -> None:
        import finufft

        self.n, self.n_views = n, geometry.n_views
        self.length = spectrum_length(n)
        t = np.deg2rad(geometry.angles_deg)[:, None]
        along = 2 * np.pi * fft.fftfreq(self.length)
        points = [
            np.ascontiguousarray((along * f(t)).ravel().astype(np.float32))
            for f in (np.sin, np.cos)
        ]
        options: dict[str, Any] = {"dtype": "complex64", "isign": -1, "nthreads": 1}
        self.plan = finufft.Plan(2, (n, n), n_trans=count, eps=TOLERANCE, **options)
        self.plan.setpts(*points)
        # FINUFFT's origin is pixel n // 2, ours the centre; a view begins at its first column.
        off = n // 2 - centre(n)
        moved = along * (off * (np.sin(t) + np.cos(t)) + centre(n))
        self.phase = np.exp(-1j * moved).astype(np.complex64)

    def forward(self, slices: np.ndarray) -> np.ndarray:
        """(slice, z, x) -> (slice, tilt, x)"""
        spectrum = self.plan.execute(slices).reshape(-1, self.n_views, self.length)
        spectrum *= self.phase
        return np.ascontiguousarray(fft.ifft(spectrum, overwrite_x=True)[..., : self.n])

    def adjoint(self, views: np.ndarray) -> np.ndarray:
        """(slice, tilt, x) -> (slice, z, x)"""
        spectrum = fft.fft(views, self.length, norm="forward", overwrite_x=False)
        spectrum *= self.phase.conj()
        return np.asarray(self.plan.execute_adjoint(spectrum.reshape(len(views), -1)))


def spectrum_length(n: int) -> int:
    """Odd, so that real slices have real views; quick to transform; long enough that the corners of
    the slice, which lie off the detector, do not come back on its other side."""
    length = int(np.ceil((1 + 2**0.5) / 2 * n)) | 1
    while fft.next_fast_len(length) != length:
        length += 2
    return length
