"""The ramp filter that weighted back-projection rests on."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft


def ramp(n: int) -> np.ndarray:
    """(n // 2 + 1,) |f| in cycles per pixel, from its band-limited kernel in space, so that the
    mean stays right.

    h(0) = 1/4, h(odd k) = -1 / (pi k)^2, h(even k) = 0: Kak and Slaney 1988, eq. 3.61,
    doi:10.1137/1.9780898719277.
    """
    k = np.minimum(np.arange(n), n - np.arange(n))
    kernel = np.zeros(n)
    odd = k % 2 == 1
    kernel[odd] = -1 / (np.pi * k[odd]) ** 2
    kernel[0] = 0.25
    return np.asarray(rfft(kernel).real)
