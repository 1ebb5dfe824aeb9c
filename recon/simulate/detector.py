"""Electrons to pixel values: counting, read-out, cosmic rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.errors import UserError


@dataclass(frozen=True)
class Detector:
    """``dark_level``: offset of its read-out, counts; ``read_noise``: standard deviation, counts.
    ``cosmic_rays_per_view``: single bright pixels, on average. ``bad_pixels``: share that is hot or
    dead in every view."""

    dark_level: float = 20.0
    read_noise: float = 1.0
    cosmic_rays_per_view: float = 0.3
    bad_pixels: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.dark_level):
            raise UserError(
                f"detector.dark_level={self.dark_level} given, a finite number of counts wanted"
            )
        if not 0 <= self.read_noise < np.inf:
            raise UserError(
                f"detector.read_noise={self.read_noise} given, a standard deviation >= 0 wanted"
            )
        if not 0 <= self.cosmic_rays_per_view < np.inf:
            raise UserError(
                f"detector.cosmic_rays_per_view={self.cosmic_rays_per_view} given, a number from 0 "
                f"wanted; 0.3 is usual"
            )
        if not 0 <= self.bad_pixels <= 0.1:
            raise UserError(
                f"detector.bad_pixels={self.bad_pixels} given, a share from 0 to 0.1 wanted; 1e-4 "
                f"is usual"
            )


def count_electrons(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts with the Poisson statistics of their expectation, which they replace: noise is not
    added to a signal, it is the signal."""
    if not np.isfinite(expected).all() or (expected < 0).any():
        raise UserError(
            f"expected counts from {np.min(expected):g} given, finite numbers >= 0 wanted; check "
            f"dose and phantom"
        )
    return np.asarray(rng.poisson(expected), np.float64)


def read_out(counts: np.ndarray, detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Detector offset and Gaussian read noise, in counts."""
    return np.asarray(
        counts + detector.dark_level + detector.read_noise * rng.normal(size=counts.shape)
    )


def add_cosmic_rays(
    views: np.ndarray, per_view: float, strength: float, rng: np.random.Generator
) -> np.ndarray:
    """(tilt, y, x) with a Poisson number of single pixels in every view that are brighter by
    ``strength``."""
    out = views.copy()
    for view in out:
        hit = rng.integers(0, view.size, rng.poisson(per_view))
        view.flat[hit] += strength
    return out


def draw_bad_pixels(
    shape: tuple[int, int], share: float, rng: np.random.Generator
) -> np.ndarray | None:
    """(y, x) int8: 1 hot, -1 dead, for ``share`` of the pixels, as many of either; None for
    none."""
    kind = rng.random(shape)
    if share == 0:
        return None
    return np.where(kind < share / 2, 1, np.where(kind < share, -1, 0)).astype(np.int8)


def put_bad_pixels(views: np.ndarray, bad: np.ndarray, hot_value: float) -> np.ndarray:
    """(tilt, y, x) in which hot pixels have ``hot_value`` and dead ones 0, in every view."""
    return np.where(bad == 1, hot_value, np.where(bad == -1, 0.0, views))
