"""Hot and dead pixels: single ones that stand out from their surroundings, in one view."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage, special

from recon.progress import track_each
from recon.series import TiltSeries

FEW_COUNTS = 64  # images of whole numbers up to this, nearly everywhere, are counts
CHANCE = 1e-9  # of a count as high as a hot pixel's, by counting noise
# A filter that replaces more than a per mille of the signal in so many pixels eats the specimen:
# atoms of a pixel or two, sharp particles. Cosmic rays spoil fewer (a few in ten thousand at the
# most), and fall anywhere.
MUCH_SIGNAL, MANY, MANY_TOGETHER = 1e-3, 2e-3, 3e-4
FAR = 2.0  # times the range of all other pixels


def without_outliers(series: TiltSeries, sigma: float) -> TiltSeries:
    """Replace hot and dead pixels by their local median: those more than ``sigma`` from it; of
    counting images, those whose count is no chance.

    What would take a per mille of the signal in many pixels is undone, but for pixels that are hot
    in most views: it is the specimen.
    """
    stack = series.data.numpy()
    counting = is_counting(stack)
    data = stack.copy()
    hot = []
    for view in track_each("replacing hot pixels", data):
        local = ndimage.median_filter(view, 3, mode="mirror")
        at = _hot_counts(view) if counting else _hot(view, local, sigma)
        view[at] = local[at]
        hot.append(at)
    undone = _undo(stack, data, hot)
    counts = [int(at[0].size) for at in hot]
    total = sum(counts)
    how = ", by counting statistics," if counting else ""
    step = (
        f"replaced {total} hot or dead pixels{how} ({total / data.size:.1e} of all, at most "
        f"{max(counts)} in a view) by their local median"
    )
    if undone:
        step += (
            f"; left {undone} that stand out as sharply, {undone / data.size:.1e} of all: so many "
            "are the specimen"
        )
    return series.after(
        step,
        data=torch.from_numpy(data),
        facts={"hot_pixels": {"total": total, "per_view": counts, "left": undone}},
    )


def is_counting(stack: np.ndarray) -> bool:
    """Whether the pixels are counts of few electrons or X-rays: whole numbers, hardly any above
    ``FEW_COUNTS``."""
    sample = stack[:: max(1, len(stack) // 8)]
    whole = bool((sample == np.round(sample)).all()) and float(sample.min()) >= 0
    return whole and float(np.quantile(sample, 0.999)) <= FEW_COUNTS


At = tuple[np.ndarray, np.ndarray]


def _hot(view: np.ndarray, local: np.ndarray, sigma: float) -> At:
    difference = view - local
    size = np.abs(difference)
    # Noise grows with the signal, so its size is taken from the 80 pixels around; never less
    # than the view's median.
    around = (ndimage.uniform_filter(size, 9) * 81 - size) / 80
    spread = np.maximum(
        1.25 * around, max(1.4826 * float(np.median(size)), 1e-6 * float(np.ptp(view)))
    )
    suspects = np.argwhere(size > sigma * spread)
    y, x = suspects[_alone(view, suspects, 3 * spread[tuple(suspects.T)])].T
    return y, x


def _hot_counts(view: np.ndarray) -> At:
    """Counts that the mean of the pixels around them, or of those close by, does not explain."""
    counts = view.astype(np.float64)
    wide = (ndimage.uniform_filter(counts, 9, mode="mirror") * 81 - counts) / 80
    close = (ndimage.uniform_filter(counts, 3, mode="mirror") * 9 - counts) / 8
    expected = np.maximum(np.maximum(wide, close), 0.2 * counts.mean() + 1e-12)
    # What scipy.stats calls poisson.sf, whose import takes a second.
    chance = np.where(counts >= 1, special.pdtrc(np.maximum(counts - 1, 0), expected), 1.0)
    y, x = np.nonzero((chance < CHANCE) & (counts > expected))
    return y, x


def _undo(stack: np.ndarray, data: np.ndarray, hot: list[At]) -> int:
    """Give pixels back that are too many to be the detector's or cosmic rays; how many."""
    if sum(at[0].size for at in hot) < MANY_TOGETHER * stack.size:
        return 0
    often = np.zeros(stack.shape[1:], np.int32)
    for at in hot:
        often[at] += 1
    low, high = np.quantile(data[:: max(1, len(data) // 8)], (0.001, 0.9995))
    # The others are the detector's, or stand out farther than any specimen from itself.
    passing = [
        (often[at] <= 0.5 * len(stack)) & (np.abs(stack[k][at] - data[k][at]) <= FAR * (high - low))
        for k, at in enumerate(hot)
    ]
    number = sum(int(p.sum()) for p in passing)
    taken, together = 0.0, 0
    for view, clean, at, p in zip(stack, data, hot, passing, strict=True):
        taken += float(np.abs(view[at] - clean[at])[p].sum(dtype=np.float64))
        if p.any():  # where the view is bright, there is the specimen
            level = ndimage.uniform_filter(clean, 9)
            together += int((level[at][p] > np.quantile(level, 0.7)).sum())
    signal = float(
        np.abs(stack - np.median(stack, axis=(1, 2), keepdims=True)).sum(dtype=np.float64)
    )
    few = MANY_TOGETHER if together > 0.8 * number else MANY
    if taken <= MUCH_SIGNAL * signal or number < few * stack.size:
        return 0
    for k, p in enumerate(passing):
        y, x = hot[k][0][p], hot[k][1][p]
        data[k][y, x] = stack[k][y, x]
        hot[k] = (hot[k][0][~p], hot[k][1][~p])
    return number


_RING = np.array(
    [(dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1)]
)  # in an array padded by one


def _alone(view: np.ndarray, at: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """(n,) True for pixels ``at`` (n, 2) that stand out by ``margin`` (n,) from all but one of
    their neighbours (hot pixels come in pairs), which an edge or a particle does not. Beyond the
    border there are none: a mirror would show the other of a pair twice."""
    y, x = (at[:, None] + _RING).transpose(2, 0, 1)
    second_highest = np.partition(np.pad(view, 1, constant_values=-np.inf)[y, x], -2, axis=1)[:, -2]
    second_lowest = np.partition(np.pad(view, 1, constant_values=np.inf)[y, x], 1, axis=1)[:, 1]
    values = view[tuple(at.T)]
    return np.asarray((values > second_highest + margin) | (values < second_lowest - margin))
