"""Borders that nothing was recorded in: what an earlier program filled when it shifted or turned
the views."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from recon.algorithms.noise import noise_sigma
from recon.series import TiltSeries

LEAST_SHARE = 0.004  # of a view; a border narrower than that does no harm


def with_masked_borders(series: TiltSeries) -> TiltSeries:
    """Borders of one exact value that ends in a jump are not measured: their precision is 0, and
    they are filled with the level beside them, for what needs a whole picture."""
    stack = series.data.numpy()
    masks = [unmeasured_border(view) for view in stack]
    touched = [k for k, mask in enumerate(masks) if mask.any()]
    # An odd corner in one view is no border that a program left.
    if len(touched) < max(2, len(stack) // 10):
        return series
    data = stack.copy()
    measured = torch.ones(stack.shape) if series.precision is None else series.precision.clone()
    for k in touched:
        data[k][masks[k]] = _level_beside(stack[k], masks[k])
        measured[k][torch.from_numpy(masks[k])] = 0
    share = np.mean([mask.mean() for mask in masks])
    return series.after(
        f"borders of one value in {len(touched)} views ({100 * share:.1f} % of the pixels) were "
        "not measured: masked, and filled with the level beside them",
        data=torch.from_numpy(data),
        precision=measured,
        facts={"masked_borders": {"views": len(touched), "share": round(float(share), 5)}},
    )


def unmeasured_border(view: np.ndarray) -> np.ndarray:
    """(y, x) True where a border was filled: one exact value from the edge of the frame inwards,
    in a shape that leaves a convex picture of more than half of the frame, and a jump where that
    begins, far above its noise. Vacuum has noise, or rises to the specimen without a jump."""
    nothing = np.zeros(view.shape, bool)
    edge = np.concatenate([view[0], view[-1], view[:, 0], view[:, -1]])
    values, counts = np.unique(edge, return_counts=True)
    value = values[np.argmax(counts)]
    if counts.max() < 0.5 * min(view.shape) or min(view.shape) < 12:
        return nothing
    labels, _ = ndimage.label(view == value)
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    mask = np.isin(labels, at_edge[at_edge > 0])
    # Only what reaches a whole stretch of the edge; single vacuum pixels of that value do not.
    mask &= ndimage.binary_opening(np.pad(mask, 2, mode="edge"), np.ones((2, 2)))[2:-2, 2:-2]
    share = float(mask.mean())
    if not LEAST_SHARE < share < 0.5:
        return nothing
    inside = ~mask
    if not _convex(inside):
        return nothing
    core = view[ndimage.binary_erosion(inside, iterations=3, border_value=1)]
    if core.size < 64 or float(np.ptp(core)) == 0:
        return nothing
    rim = ndimage.binary_dilation(mask, iterations=2) & ndimage.binary_erosion(
        inside, border_value=1
    )
    if not rim.any():
        return nothing
    jump = np.abs(view[rim] - value)
    # Nine tenths of the rim stand clear of the value: a specimen that touches it in places does not.
    clear = np.mean(jump > max(6 * _noise(view, mask), 0.02 * float(np.ptp(core))))
    return mask if clear > 0.9 else nothing


def _noise(view: np.ndarray, mask: np.ndarray) -> float:
    """Of the measured part."""
    filled = np.where(mask, np.median(view[~mask]), view)
    rows, columns = np.flatnonzero(~mask.all(1)), np.flatnonzero(~mask.all(0))
    part = filled[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return noise_sigma(torch.from_numpy(np.ascontiguousarray(part[None], np.float32)))


def _convex(inside: np.ndarray) -> bool:
    """Whether every row and every column is one stretch, but for one pixel in a hundred."""
    for picture in (inside, inside.T):
        starts = np.diff(picture.astype(np.int8), axis=1, prepend=0) == 1
        if starts.sum() > picture.any(1).sum() + 0.01 * len(picture):
            return False
    return True


def _level_beside(view: np.ndarray, mask: np.ndarray) -> float:
    """The median of the measured pixels next to the mask."""
    ring = ndimage.binary_dilation(mask, iterations=5) & ~ndimage.binary_dilation(mask)
    return float(np.median(view[ring] if ring.any() else view[~mask]))
