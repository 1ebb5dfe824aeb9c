"""Where a patch can be followed: detail in both directions, not a flat ground and not a lone
straight edge."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

FINEST_PX = 1.06  # Gaussian that takes the pixels' noise away: 0.15 cycles per pixel
COARSEST_PX = 6.0  # what is wider is the specimen's thickness, which changes with tilt
LEAST_TEXTURE = 0.02  # of the best patches'


def detail(stack: np.ndarray) -> np.ndarray:
    """(tilt, y, x) float32: the views between two Gaussians. No level and no slope is left, so that
    zero is neutral beyond the border."""
    views = [
        ndimage.gaussian_filter(v, FINEST_PX, mode="nearest")
        - ndimage.gaussian_filter(v, COARSEST_PX, mode="nearest")
        for v in stack
    ]
    return np.asarray(views, np.float32)


def window(size: int) -> np.ndarray:
    """(size, size) weights of a patch's pixels: a cosine bell, so that what enters at the edge
    enters softly."""
    line = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    return np.asarray(line[:, None] * line[None], np.float32)


def textured_patches(view: np.ndarray, size: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """((n, 2) centres (row, column), (n,) texture) on a grid of half-overlapping patches, the best
    first, at most ``most``.

    Texture is the smaller eigenvalue of the gradients' second moments in the patch (Shi and Tomasi
    1994, doi:10.1109/CVPR.1994.323794): the shift is known along every direction by no less than it
    says. Patches below ``LEAST_TEXTURE`` of the best are left out.
    """
    centres = [np.arange(size / 2, n - size / 2 + 0.5, size / 2) - 0.5 for n in view.shape]
    rows, columns = (c.ravel() for c in np.meshgrid(*centres, indexing="ij"))
    if rows.size == 0:
        return np.zeros((0, 2)), np.zeros(0)
    dy, dx = np.gradient(view.astype(np.float64))
    spread = size / 5  # of a Gaussian about as wide as the window
    moments = [
        ndimage.gaussian_filter(a, spread, mode="constant") for a in (dy * dy, dx * dx, dy * dx)
    ]
    yy, xx, yx = (ndimage.map_coordinates(m, [rows, columns], order=1) for m in moments)
    texture = (yy + xx) / 2 - np.hypot((yy - xx) / 2, yx)
    order = np.argsort(texture)[::-1]
    best = float(np.mean(texture[order[: max(1, len(order) // 10)]]))
    order = order[(texture[order] > LEAST_TEXTURE * best) & (texture[order] > 0)][:most]
    return np.stack([rows[order], columns[order]], axis=1), texture[order]
