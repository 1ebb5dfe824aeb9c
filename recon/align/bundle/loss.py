"""Losses on the length of a residual vector, and the scale that tells a good observation from an
outlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

MEDIAN_OF_LENGTH = float(
    np.sqrt(2 * np.log(2))
)  # of a 2-D normal error with unit standard deviation a component (Rayleigh)
SMALLEST_SCALE_PX = 1e-5  # noise-free tracks would call rounding an outlier


@dataclass(frozen=True)
class Loss:
    """``squares``: r^2 / 2. ``huber``: linear beyond ``scale_px``. ``cauchy``: s^2 / 2 log(1 + r^2
    / s^2), which forgets far outliers."""

    kind: Literal["squares", "huber", "cauchy"] = "squares"
    scale_px: float = 1.0

    def value(self, length: np.ndarray) -> float:
        """Sum over observations of residual ``length`` (obs,) in px."""
        s = self.scale_px
        if self.kind == "squares":
            return float((length**2).sum() / 2)
        if self.kind == "huber":
            return float(np.where(length < s, length**2 / 2, s * (length - s / 2)).sum())
        return float((s**2 / 2 * np.log1p((length / s) ** 2)).sum())

    def weight(self, length: np.ndarray) -> np.ndarray:
        """(obs,) derivative of the loss over the length, divided by the length: the weight of
        iteratively reweighted least squares."""
        if self.kind == "squares":
            return np.ones_like(length)
        if self.kind == "huber":
            return np.asarray(self.scale_px / np.maximum(length, self.scale_px))
        return np.asarray(1 / (1 + (length / self.scale_px) ** 2))

    def mean_slope(self, length: np.ndarray) -> float:
        """Mean over observations of half the trace of the derivative of ``weight(|r|) r`` to r: 1
        for squares."""
        if self.kind == "squares":
            return 1.0
        if self.kind == "huber":
            return float(np.where(length < self.scale_px, 1.0, self.weight(length) / 2).mean())
        w = self.weight(length)
        return float((w**2).mean())


def spread_px(length: np.ndarray, n_unknowns: int) -> float:
    """Standard deviation of one coordinate, from the median length (half of all may be outliers),
    corrected for the unknowns fitted."""
    free = max(2 * length.size - n_unknowns, 1)
    return max(
        float(np.median(length)) / MEDIAN_OF_LENGTH * float(np.sqrt(2 * length.size / free)),
        SMALLEST_SCALE_PX,
    )
