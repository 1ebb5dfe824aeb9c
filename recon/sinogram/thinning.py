"""Two independent halves of one recording: counts dealt out at random, or noise added to one half
that the other lacks.

Of Poisson counts u with expectation m, binomial thinning keeps a ~ B(u, p); a and u - a are Poisson
with p m and (1 - p) m, and independent. Where pixels are no counts any more (read-out noise,
interpolation), Gaussian noise n of the covariance of their own noise does it: with c^2 = 1/p - 1,
u + c n and u - n / c are uncorrelated, and have the variances of the two parts of the former scaled
to m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LAGS = 6  # pixels: noise that interpolation smoothed is correlated no farther


@dataclass(frozen=True, eq=False)
class Splitter:
    """``counts``: (tilt, y, x). ``expected``: of each, and ``shape``: (2 LAGS + 1, 2 LAGS + 1)
    autocovariance of their noise (``correlation``); None for true counts."""

    counts: Tensor
    read: float
    expected: Tensor | None = None
    shape: np.ndarray | None = None

    @property
    def exact(self) -> bool:
        return self.expected is None

    def split(
        self, views: list[int], rows: slice, columns: slice, p: float, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """(counts as if a share ``p`` of the dose had been given, an independent estimate of the
        whole), both (view, y, x) of a part of the series. A view that is named twice is split
        once."""
        own, back = np.unique(views, return_inverse=True)
        u = self.counts[own.tolist(), rows, columns]
        if self.expected is None:
            kept = rng.binomial(u.round().clamp(min=0).to(torch.int64).numpy(), p)
            a = torch.from_numpy(kept.astype(np.float32))
            b = (u - a) / (1 - p)
        else:
            sigma = (self.expected[own.tolist(), rows, columns] + self.read).clamp(min=1e-6).sqrt()
            n = sigma * self._noise(tuple(u.shape), rng)
            c = (1 / p - 1) ** 0.5
            a, b = p * (u + c * n), u - n / c
        return a[back.tolist()], b[back.tolist()]

    def _noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
        """Noise with the autocovariance of that of the series."""
        assert self.shape is not None
        wide = (shape[1] + 2 * LAGS, shape[2] + 2 * LAGS)
        kernel = np.zeros(wide)
        kernel[: 2 * LAGS + 1, : 2 * LAGS + 1] = self.shape
        kernel = np.roll(kernel, (-LAGS, -LAGS), (0, 1))
        gain = np.sqrt(np.clip(np.fft.rfft2(kernel).real, 0, None))
        white = rng.normal(size=(shape[0], *wide))
        coloured = np.fft.irfft2(np.fft.rfft2(white) * gain, s=wide)
        return torch.from_numpy(coloured[:, : shape[1], : shape[2]].astype(np.float32))


def correlation(counts: Tensor, expected: Tensor, read: float) -> np.ndarray:
    """Autocovariance of the noise (counts less ``expected``, both (tilt, y, x)) up to ``LAGS``
    pixels, tapered, in units of what counting and read-out would give a pixel: 1 in the middle where
    nothing was interpolated."""
    noise = ((counts - expected) / (expected + read).clamp(min=1e-3).sqrt()).numpy(force=True)
    noise = noise - noise.mean((1, 2), keepdims=True)
    n_y, n_x = noise.shape[1:]
    power = np.zeros((2 * n_y, n_x + 1))
    for view in noise:
        power += np.abs(np.fft.rfft2(view, s=(2 * n_y, 2 * n_x))) ** 2
    full = np.fft.irfft2(power, s=(2 * n_y, 2 * n_x))
    lags = np.arange(-LAGS, LAGS + 1)
    pairs = (n_y - np.abs(lags))[:, None] * (n_x - np.abs(lags))[None]
    found = full[np.ix_(lags, lags)] / (np.maximum(pairs, 1) * len(noise))
    taper = np.cos(0.5 * np.pi * lags / (LAGS + 1))
    shaped: np.ndarray = found * taper[:, None] * taper
    return shaped
