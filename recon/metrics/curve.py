"""A Fourier shell correlation, as records hold it and reports draw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """``correlation`` over ``frequency`` in cycles per voxel, of one length; NaN where there is
    none."""

    frequency: tuple[float, ...] = ()
    correlation: tuple[float, ...] = ()

    @property
    def points(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Both as float64 arrays, or None where there is nothing to draw: not two points, or not as
        many of one as of the other."""
        x, y = np.array(self.frequency, np.float64), np.array(self.correlation, np.float64)
        return (x, y) if x.size == y.size > 1 else None

    def rounded(self, digits: int) -> Curve:
        return Curve(
            tuple(round(f, digits) for f in self.frequency),
            tuple(round(c, digits) for c in self.correlation),
        )
