"""What the tilt angles of a series say of how it was recorded: order, range, step, missing
wedge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Order = Literal["sequential", "bidirectional", "dose-symmetric", "unsorted"]


@dataclass(frozen=True)
class Acquisition:
    """``order``: of the views in the file. ``start_deg``: the first view's tilt. ``low_deg``,
    ``high_deg``: the range. ``step_deg``: the median step between neighbouring tilts, and its
    extremes ``least_deg``, ``largest_deg``."""

    order: Order
    start_deg: float
    low_deg: float
    high_deg: float
    step_deg: float
    least_deg: float
    largest_deg: float

    @property
    def wedge_deg(self) -> float:
        """What is missing of 180 degrees; 0 for a needle that was turned all around."""
        return max(0.0, 180 - (self.high_deg - self.low_deg))


def describe_acquisition(angles_deg: np.ndarray) -> Acquisition:
    """``angles_deg``: (tilt,) degrees in the order of the file, two or more of them different."""
    angles = np.asarray(angles_deg, np.float64)
    ordered = np.sort(angles)
    own = _steps_deg(angles)
    return Acquisition(
        order=name_order(angles),
        start_deg=float(angles[0]),
        low_deg=float(ordered[0]),
        high_deg=float(ordered[-1]),
        step_deg=float(np.median(own)),
        least_deg=float(own.min()),
        largest_deg=float(own.max()),
    )


def name_order(angles_deg: np.ndarray) -> Order:
    """Name the order in which tilts follow each other, (tilt,) degrees.

    Sequential: from one end to the other. The others begin in between and go outward on both sides
    of the first view: bidirectional, one side after the other (a view near the start may be taken
    twice); dose-symmetric, by turns, singly or in groups (Hagen et al. 2017,
    doi:10.1016/j.jsb.2016.06.007). Else unsorted. A fifth of the median step is taken for the
    goniometer's error.
    """
    angles = np.asarray(angles_deg, np.float64)
    tolerance = 0.2 * float(np.median(_steps_deg(angles)))
    ahead = np.diff(angles)
    if (ahead >= -tolerance).all() or (ahead <= tolerance).all():
        return "sequential"
    out = angles[1:] - angles[0]
    out = out[np.abs(out) > tolerance]  # the first view once more lies on neither side
    sides = np.sign(out)
    for side in (-1, 1):
        if (np.diff(np.abs(out[sides == side])) < -tolerance).any():
            return "unsorted"
    changes = int((np.diff(sides) != 0).sum())
    return "bidirectional" if changes == 1 else "dose-symmetric"


def _steps_deg(angles: np.ndarray) -> np.ndarray:
    """Between neighbouring tilts; a view that was taken twice is no step."""
    steps = np.diff(np.sort(angles))
    return np.asarray(steps[steps > 1e-3 * np.ptp(angles)])
