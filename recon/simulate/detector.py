"""Electrons to pixel values: counting, read-out, cosmic rays."""

from __future__ import annotations

import numpy as np

from recon.errors import UserError


def check_dose(dose_e_nm2: float, group: str) -> None:
    """Raise ``UserError`` for a dose per view, an option of ``group``, that makes no image."""
    if not (np.isfinite(dose_e_nm2) and dose_e_nm2 > 0):
        raise UserError(
            f"{group}.dose_e_nm2={dose_e_nm2} given, a positive dose wanted; without electrons "
            f"there is no image"
        )


def electrons(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts with the Poisson statistics of their expectation, which they replace: noise is not
    added to a signal, it is the signal."""
    if not np.isfinite(expected).all() or (expected < 0).any():
        raise UserError(
            f"expected counts from {np.min(expected):g} given, finite numbers >= 0 wanted; check "
            f"dose and phantom"
        )
    return np.asarray(rng.poisson(expected), np.float64)


def read_out(
    counts: np.ndarray, dark_level: float, read_noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Detector offset and Gaussian read noise, in counts."""
    if read_noise < 0:
        raise UserError(f"read_noise={read_noise} given, a standard deviation >= 0 wanted")
    return np.asarray(counts + dark_level + read_noise * rng.normal(size=counts.shape))


def cosmic_rays(
    views: np.ndarray, per_view: float, strength: float, rng: np.random.Generator
) -> np.ndarray:
    """(tilt, y, x) with a Poisson number of single bright pixels in every view."""
    if per_view < 0:
        raise UserError(f"cosmic_rays_per_view={per_view} given, a number >= 0 wanted")
    out = views.copy()
    for view in out:
        hit = rng.integers(0, view.size, rng.poisson(per_view))
        view.flat[hit] += strength
    return out


def bad_pixels(shape: tuple[int, int], share: float, rng: np.random.Generator) -> np.ndarray | None:
    """(y, x) int8: 1 hot, -1 dead, for ``share`` of the pixels, as many of either; None for
    none."""
    if not 0 <= share <= 0.1:
        raise UserError(f"bad_pixels={share} given, a share from 0 to 0.1 wanted; 1e-4 is usual")
    kind = rng.random(shape)
    if share == 0:
        return None
    return np.where(kind < share / 2, 1, np.where(kind < share, -1, 0)).astype(np.int8)


def with_bad_pixels(views: np.ndarray, bad: np.ndarray, hot_value: float) -> np.ndarray:
    """(tilt, y, x) in which hot pixels have ``hot_value`` and dead ones 0, in every view."""
    return np.where(bad == 1, hot_value, np.where(bad == -1, 0.0, views))
