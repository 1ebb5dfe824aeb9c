"""Fields that are sums of plane waves: known at every point, so a finer grid shows the same
specimen; and cheap, because each is separable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Waves:
    """sum_i amplitude_i cos(2 pi k_i p + phase_i), with ``k``: (n, 3) as (z, y, x) in cycles per
    box."""

    k: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray

    def __call__(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(k, m, n) values on three lines in box units: cos(a + b) = cos a cos b - sin a sin b, one
        matrix product for all waves."""
        along = 2 * np.pi * self.k
        a = (along[:, 0] * z[:, None] + self.phase)[:, None, :] + (along[:, 1] * y[:, None])[None]
        b = along[:, 2, None] * x
        left = np.concatenate([self.amplitude * np.cos(a), -self.amplitude * np.sin(a)], axis=2)
        return np.asarray(
            left.reshape(-1, 2 * len(self.k)) @ np.concatenate([np.cos(b), np.sin(b)])
        ).reshape(z.size, y.size, x.size)

    def at(self, points: np.ndarray) -> np.ndarray:
        """(p,) values at (p, 3) points."""
        return np.asarray(np.cos(2 * np.pi * points @ self.k.T + self.phase) @ self.amplitude)


def random_waves(
    rng: np.random.Generator, n: int, shortest: float, longest: float, *, flat: bool = False
) -> Waves:
    """Isotropic, of zero mean and variance 1, nearly Gaussian: ``n`` waves with lengths (box units)
    uniform in 1 / length.

    ``flat``: no variation along z.  Berk 1991, doi:10.1103/PhysRevA.44.5069
    """
    direction = rng.normal(size=(n, 3))
    if flat:
        direction[:, 0] = 0
    direction /= np.sqrt((direction**2).sum(1, keepdims=True))
    k = direction / (1 / rng.uniform(1 / longest, 1 / shortest, (n, 1)))
    return Waves(k, rng.uniform(0, 2 * np.pi, n), np.full(n, np.sqrt(2 / n)))


def spread(n: int) -> np.ndarray:
    """(n, 3) points that fill the box evenly: the additive recurrence of the plastic number's
    powers, in box units."""
    plastic = 1.2207440846057596  # of x^4 = x + 1
    return np.asarray((np.arange(1, n + 1)[:, None] * plastic ** -np.arange(1.0, 4.0)) % 1 - 0.5)
