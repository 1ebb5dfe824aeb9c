"""A scanned beam is not where it should be: every line starts a little off, the specimen creeps
during the scan, the beam flies back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from recon.errors import UserError


@dataclass(frozen=True)
class Scan:
    """``jitter_px``: standard deviation of every line's start along x. ``drift_px``: of what the
    specimen moves, in y and x, from the first line of a view to the last, at constant speed.
    ``flyback_px``: by how much a line's first pixel lags; it has caught up after a twentieth of the
    line (to 1/e)."""

    jitter_px: float = 0.0
    drift_px: float = 0.0
    flyback_px: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= v <= 50 for v in (self.jitter_px, self.drift_px, self.flyback_px)):
            raise UserError(
                f"scan.jitter_px={self.jitter_px}, scan.drift_px={self.drift_px}, "
                f"scan.flyback_px={self.flyback_px} given, 0 to 50 pixels wanted"
            )


def scan_errors(
    scan: Scan, n_views: int, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray | None:
    """(tilt, y, x, 2), x of length 1 without flyback: pixel (i, j) of a view holds what lies at (i,
    j) + error. None for a perfect scan."""
    rows, columns = shape
    jitter = scan.jitter_px * rng.normal(size=(n_views, rows))
    creep = scan.drift_px * rng.normal(size=(n_views, 2))
    if scan == Scan():
        return None
    time = (np.arange(rows) + 0.5) / rows - 0.5
    error = creep[:, None, None, :] * time[:, None, None]
    error[..., 1] += jitter[:, :, None]
    if scan.flyback_px > 0:
        lag = scan.flyback_px * np.exp(-np.arange(columns) / (0.05 * columns))
        error = np.repeat(error, columns, axis=2)
        error[..., 1] -= lag
    return np.asarray(error)


def scan_image(image: np.ndarray, error_px: np.ndarray) -> np.ndarray:
    """(y, x) image as a scan with (y, x or 1, 2) errors records it: cubic interpolation, border
    values go on outside."""
    at = [
        np.broadcast_to(i + error_px[..., k], image.shape)
        for k, i in enumerate(np.indices(image.shape, np.float64))
    ]
    return np.asarray(ndimage.map_coordinates(image, at, order=3, mode="nearest"))


def scanned_positions(
    positions_px: np.ndarray, diameters_px: np.ndarray, error_px: np.ndarray
) -> np.ndarray:
    """(n, 2) where balls at (n, 2) appear in a view scanned with (y, x or 1, 2) errors: their
    centres of mass.

    A point at p appears at the pixel i with i + error(i) = p. A ball's rows each move by their own
    error, and weigh as a sphere's cross-sections R^2 - d^2 over the height of a row.
    """
    out = np.empty_like(positions_px)
    n_y, n_x = error_px.shape[:2]
    rows = np.arange(n_y)
    for k, (at, radius) in enumerate(zip(positions_px, diameters_px / 2, strict=True)):
        column = int(np.clip(np.rint(at[1]), 0, n_x - 1))
        shown = rows + error_px[:, column, 0]  # the specimen's row that each row of the view shows
        radius = max(radius, 0.5)
        low, high = (np.clip(shown - at[0] + half, -radius, radius) for half in (-0.5, 0.5))
        weight = radius**2 * (high - low) - (high**3 - low**3) / 3
        if weight.sum() == 0:  # outside the view: the nearest row's error
            nearest = int(np.clip(np.rint(at[0]), 0, n_y - 1))
            out[k] = at - error_px[nearest, column]
        else:
            out[k] = (
                rows @ weight / weight.sum(),
                at[1] - error_px[:, column, 1] @ weight / weight.sum(),
            )
    return out
