"""Patches found again in another view: normalised cross-correlation, all patches of a view at
once."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage


def cut(view: np.ndarray, index_px: np.ndarray, size: int, stretch: float = 1.0) -> np.ndarray:
    """(n, size, size) of a view (y, x) around (n, 2) positions (row, column); zero beyond the
    border.

    ``stretch``: the patch is cut so much wider in x, and so shows as narrow as it would in a view
    at a higher tilt.
    """
    offset = np.arange(size) - (size - 1) / 2
    rows = (index_px[:, 0, None] + offset)[:, :, None]
    columns = (index_px[:, 1, None] + stretch * offset)[:, None, :]
    rows, columns = np.broadcast_arrays(rows, columns)
    return np.asarray(
        ndimage.map_coordinates(view, [rows, columns], order=1, mode="constant", output=np.float32)
    )


def find(
    patches: np.ndarray, view: np.ndarray, index_px: np.ndarray, weight: np.ndarray, reach_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """((n, 2) positions (row, column), (n,) correlation) of (n, size, size) patches, at most
    ``reach_px`` from ``index_px`` in ``view``.

    The correlation is normalised over the patch's own window at every offset, so that a bright
    neighbour is no peak. Its vertex is that of a quadratic through 3 x 3 values. A peak on the edge
    of the search is none: correlation 0.
    """
    n, size = patches.shape[:2]
    wide = size + 2 * reach_px
    whole = (
        np.round(index_px - (size - 1) / 2).astype(int) - reach_px
    )  # first row and column, whole: the view is not interpolated
    ground = np.zeros((view.shape[0] + 2 * wide, view.shape[1] + 2 * wide), np.float32)
    ground[wide:-wide, wide:-wide] = view
    first = np.clip(whole + wide, 0, np.array(ground.shape) - wide)
    there = np.stack([ground[r : r + wide, c : c + wide] for r, c in first])

    shape = (fft.next_fast_len(wide, True),) * 2
    kernel = fft.rfft2(weight, shape)
    product = fft.irfft2(
        fft.rfft2(there, shape) * np.conj(fft.rfft2(patches * weight, shape)), shape
    )
    power = fft.irfft2(fft.rfft2(there**2, shape) * np.conj(kernel), shape)
    inside = (slice(None), slice(2 * reach_px + 1), slice(2 * reach_px + 1))
    own = (weight * patches**2).sum((1, 2))[:, None, None]
    scale = own * np.maximum(power[inside], 0)
    floor = 1e-6 * float(scale.max()) + 1e-30  # a flat part correlates with nothing
    correlation = product[inside] / np.sqrt(scale + floor)

    peak = np.stack(
        np.unravel_index(correlation.reshape(n, -1).argmax(1), correlation.shape[1:]), axis=1
    )
    edge = ((peak == 0) | (peak == 2 * reach_px)).any(1)
    centre = np.clip(peak, 1, 2 * reach_px - 1)
    step = np.arange(-1, 2)
    block = correlation[
        np.arange(n)[:, None, None],
        (centre[:, :1] + step)[:, :, None],
        (centre[:, 1:] + step)[:, None, :],
    ]
    value = correlation[np.arange(n), peak[:, 0], peak[:, 1]]
    return first - wide + centre + _vertex(block) + (size - 1) / 2, np.where(edge, 0.0, value)


def _vertex(block: np.ndarray) -> np.ndarray:
    """(n, 2) vertex of the quadratic that fits (n, 3, 3) best, at most one step away."""
    step = np.arange(-1.0, 2.0)
    slope = (
        np.stack([np.einsum("nij,i->n", block, step), np.einsum("nij,j->n", block, step)], axis=1)
        / 6
    )
    bend = step**2 - 2 / 3
    yy, xx = np.einsum("nij,i->n", block, bend), np.einsum("nij,j->n", block, bend)
    yx = np.einsum("nij,i,j->n", block, step, step) / 4
    determinant = yy * xx - yx**2
    peaked = (yy < 0) & (xx < 0) & (determinant > 0)
    safe = np.where(peaked, determinant, 1.0)
    vertex = (
        np.stack(
            [-xx * slope[:, 0] + yx * slope[:, 1], yx * slope[:, 0] - yy * slope[:, 1]], axis=1
        )
        / safe[:, None]
    )
    return np.clip(np.where(peaked[:, None], vertex, 0), -1, 1)
