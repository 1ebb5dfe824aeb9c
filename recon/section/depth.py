"""At which depths there is structure, told by parallax.

Half of the views are back-projected into one volume and half into another, those of low tilts and
those of high tilts. A detail lies at the same place in both at its own depth only; above and below
the two move apart, so their covariance over a patch of x and y shows the depths at which there is
matter, without the long tails that the missing wedge gives to one volume, and free of noise, which
the two halves do not share. A layer that is even shows nothing: only its texture does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from recon.geometry import Geometry, centre
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries

COLUMNS = 128  # of the views binned for it, at most
PATCH = 12  # edge of a patch, in binned pixels
FINE_PX, COARSE_PX = 1.0, 4.0  # details between these widths are looked at
HALF = 0.4  # share of the views in either half; those between see no parallax
SOFT = 0.3  # of the mean power; patches with less are not raised to the others
CLIP = 4.0  # standard deviations; a few bright particles are not the layer


@dataclass(frozen=True, eq=False)
class Depths:
    """``covariance``: (z, patch along y, patch along x), of patches of about one power, NaN where too
    few views look; ``y_px``,
    ``x_px``: the patches' centres from that of the volume. All in pixels binned by ``bin``."""

    covariance: np.ndarray
    y_px: np.ndarray
    x_px: np.ndarray
    bin: int


def measure_depths(series: TiltSeries) -> Depths:
    """Of an aligned series. The volume looked at is as high as the views are wide."""
    factor = max(1, -(-series.data.shape[2] // COLUMNS))
    views = _bin(series.data.numpy(), factor)
    measured = None if series.precision is None else _bin(series.precision.numpy(), factor) > 0.99
    angles, width = series.geometry.angles_deg, views.shape[2]
    details = _details(views, measured)
    order, count = np.argsort(angles), max(1, int(HALF * len(angles)))
    low, high = (
        _smear(details[part], angles[part], (width, width))
        for part in (order[:count], order[-count:])
    )
    covariance, y, x = _patches(low * high)
    power = np.sqrt(_patches(low**2)[0] * _patches(high**2)[0])
    each = np.nan_to_num(power).mean(0)
    return Depths(covariance / (each + SOFT * each.mean() + 1e-30), y, x, factor)


def _bin(stack: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of ``factor`` pixels, of fewer rows where there are no more."""
    n, rows, columns = stack.shape
    tall = min(factor, rows)
    cut = stack[:, : rows // tall * tall, : columns // factor * factor]
    return np.asarray(
        cut.reshape(n, rows // tall, tall, columns // factor, factor).mean((2, 4), dtype=np.float32)
    )


def _details(views: np.ndarray, measured: np.ndarray | None) -> np.ndarray:
    """Band-passed views, each of variance 1; 0 where nothing was measured."""
    fine, coarse = (
        ndimage.gaussian_filter(views, (0, s, s), mode="nearest") for s in (FINE_PX, COARSE_PX)
    )
    details = fine - coarse
    if measured is not None:
        reach = int(COARSE_PX)
        inside = ndimage.binary_erosion(
            measured, np.ones((1, 2 * reach + 1, 2 * reach + 1)), border_value=1
        )
        details = details * inside
    deviation = np.sqrt((details**2).mean((1, 2), keepdims=True, dtype=np.float64))
    return np.asarray(np.clip(details / np.maximum(deviation, 1e-30), -CLIP, CLIP), np.float32)


def _smear(details: np.ndarray, angles_deg: np.ndarray, volume_zx: tuple[int, int]) -> np.ndarray:
    """(z, y, x) mean over the views that look there, NaN where fewer than half do."""
    A = NativeProjector(Geometry(angles_deg), volume_zx, details.shape[2])
    looking = A.smear(torch.ones(len(details), 1, details.shape[2])).numpy()
    total = A.smear(torch.from_numpy(np.ascontiguousarray(details))).numpy()
    return np.where(looking > 0.5 * len(details), total / np.maximum(looking, 1), np.nan)


def _patches(product: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((z, along y, along x) means, centres along y, along x)."""
    depth, rows, columns = product.shape
    n_y, n_x = max(1, rows // PATCH), max(1, columns // PATCH)
    tall, wide = rows // n_y, columns // n_x
    cut = product[:, : n_y * tall, : n_x * wide].reshape(depth, n_y, tall, n_x, wide)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of patches that no view sees
        means = np.nanmean(cut, axis=(2, 4))
    y = (np.arange(n_y) + 0.5) * tall - 0.5 - centre(rows)
    x = (np.arange(n_x) + 0.5) * wide - 0.5 - centre(columns)
    return means, y, x
