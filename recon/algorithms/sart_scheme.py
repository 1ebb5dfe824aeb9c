"""In which order SART visits its views, and how it spreads each correction along the ray."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recon.errors import UserError

ORDERS = ("random", "golden")
WINDOWS = ("none", "hamming")
BETA = 0.46164  # of the equiripple Hamming window (1 - beta) + beta cos


@dataclass(frozen=True)
class Scheme:
    """``order``: random, a new one every iteration (``seed``), or golden (``golden_order``).
    ``window``: hamming weights each view's corrections along its rays (``hamming_window``)."""

    order: str = "random"
    seed: int = 0
    window: str = "none"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("order", self.order, ORDERS),
            ("window", self.window, WINDOWS),
        ):
            if value not in known:
                raise UserError(
                    f"{name}={value} given, one of {', '.join(known)} wanted; correct "
                    f"algorithm.scheme.{name}"
                )
        if self.seed < 0:
            raise UserError(
                f"seed={self.seed} given, a whole number from 0 wanted; correct "
                f"algorithm.scheme.seed"
            )

    def check(self, *, one_view_each: bool) -> None:
        """Raise ``UserError`` for a window over rays of several directions."""
        if self.window != "none" and not one_view_each:
            raise UserError(
                f"window={self.window} given for subsets of several views, one view each wanted; "
                f"use n_subsets=null or scheme.window=none"
            )


def golden_order(angles_deg: np.ndarray) -> np.ndarray:
    """(n,) numbers of views: the one at the least angle, then always the unused one nearest to a
    golden section of 180 degrees further.

    Successive views are far apart and fill the range evenly at any time: Köhler 2004,
    doi:10.1109/NSSMIC.2004.1466745.
    """
    turned = np.mod(angles_deg, 180.0)
    target, step = float(turned.min()), 180.0 / ((1 + math.sqrt(5)) / 2) ** 2
    left = list(np.argsort(turned, kind="stable"))
    order = []
    while left:
        away = np.abs(turned[left] - target)
        order.append(left.pop(int(np.argmin(np.minimum(away, 180 - away)))))
        target = (target + step) % 180.0
    return np.array(order)


def hamming_window(angle_deg: float, volume_zx: tuple[int, int]) -> np.ndarray:
    """(z, x): 1 where a ray is midway through the ellipse inscribed in the slice, falling to 0.08
    where it enters, 0 outside.

    The longitudinal window of Andersen and Kak 1984 (doi:10.1177/016173468400600107): a ray knows
    least about its ends, where fewest others cross it.
    """
    n_z, n_x = volume_zx
    z, x = (
        (np.arange(n) - (n - 1) / 2)[s] / (n / 2)
        for n, s in ((n_z, np.s_[:, None]), (n_x, np.s_[None]))
    )
    t = math.radians(angle_deg)
    # Along the beam (cos t, -sin t) in (z, x), measured in half-axes: an affine map keeps the
    # shares of a chord.
    d_z, d_x = math.cos(t) / (n_z / 2), -math.sin(t) / (n_x / 2)
    length = math.hypot(d_z, d_x)
    along, across = (z * d_z + x * d_x) / length, (x * d_z - z * d_x) / length
    half = np.sqrt(np.maximum(1 - across**2, 1e-12))
    window = (1 - BETA) + BETA * np.cos(np.pi * np.clip(along / half, -1, 1))
    return np.where(np.hypot(along, across) < 1, window, 0.0)
