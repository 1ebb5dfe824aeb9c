"""What stands still in all views while the specimen does not: hot rows and columns of the
detector, and marks that a program burnt in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from recon.algorithms.noise import noise_sigma
from recon.series import TiltSeries

WIDEST = 3  # rows or columns side by side
_WINDOW = 2 * WIDEST + 1
_LISTED = 12
MOST_VIEWS = 40  # that are looked at: what stands still is in all of them


def without_standing(series: TiltSeries) -> TiltSeries:
    """Rows and columns that are off in (nearly) all views, along their whole length, become what
    lies beside them; so do marks of constant value. They are named, because they would decide the
    tilt axis."""
    stack = series.data.numpy()
    rows, columns = standing_lines(stack), standing_lines(stack.transpose(0, 2, 1))
    marks = standing_marks(stack, rows, columns)
    if not rows and not columns and not marks.any():
        return series
    data = stack.copy()
    for view in data:
        view[rows] = _beside(view, rows)
        view[:, columns] = _beside(view.T, columns).T
        if marks.any():
            view[marks] = _around(view, marks)
    named = [
        f"{what} {_list(found)}" for what, found in (("row", rows), ("column", columns)) if found
    ]
    if marks.any():
        y, x = np.nonzero(marks)
        named.append(f"a mark at rows {y.min()} to {y.max()}, columns {x.min()} to {x.max()}")
    what = " and ".join(named)
    one = len(rows) + len(columns) + bool(marks.any()) == 1
    stands, was = ("stands", "was") if one else ("stand", "were")
    return series.after(
        f"replaced {what}, which {stands} still in all views, by what lies beside",
        data=torch.from_numpy(data),
        facts={"standing": {"rows": rows, "columns": columns, "mark_pixels": int(marks.sum())}},
        warnings=(
            f"{what} of the detector {stands} still in all views and {was} replaced by what lies "
            "beside; preprocess.standing=false leaves them",
        ),
    )


def standing_lines(stack: np.ndarray) -> list[int]:
    """Rows, up to three side by side, that differ from the rows around them all along, in nine
    views of ten. ``stack``: (tilt, y, x).

    A layer of a specimen that happens to lie along the rows ends with the specimen, and is blurred
    over more rows.
    """
    n_views, n_y, n_x = stack.shape
    if n_y < 2 * _WINDOW or n_x < 16:
        return []
    views = stack[:: -(-n_views // MOST_VIEWS)].copy()
    lines: list[int] = []
    while len(lines) <= max(WIDEST, n_y // 10):
        size = _off(views)
        size[lines] = 0
        # The strongest first: they pull the medians of the rows beside them.
        found = [int(r) for r in np.flatnonzero((size > 0) & (size >= 0.5 * size.max()))]
        if not found:
            return lines
        lines = sorted([*lines, *found])
        for view in views:
            view[lines] = _beside(view, lines)
    return []  # so many are the specimen


def _off(views: np.ndarray) -> np.ndarray:
    """(y,) how far each row is off, in units of noise; 0 where it is not, or not all along."""
    n_x = views.shape[2]
    offset = np.empty((len(views), views.shape[1]))
    even = np.empty(offset.shape)
    for k, view in enumerate(views):
        d = view - ndimage.median_filter(view, (_WINDOW, 1), mode="mirror")
        noise = 1.4826 * float(np.median(np.abs(d))) + 1e-6 * float(np.ptp(view)) + 1e-30
        offset[k] = np.median(d, axis=1) / noise
        # Clear of the noise in every quarter of their length, also where nothing is but vacuum.
        parts = np.stack([np.median(p, axis=1) for p in np.array_split(d, 4, axis=1)])
        alike = np.abs(np.sign(parts).sum(0)) == 4
        least = np.abs(parts).min(0)
        even[k] = alike & (least > np.maximum(0.5, 10 * 1.25 / np.sqrt(n_x / 4)) * noise)
        # At the borders a median lies to one side, so that a slope passes for an offset.
        for edge, inner in (
            (slice(None, WIDEST), view[:_WINDOW]),
            (slice(-WIDEST, None), view[-_WINDOW:]),
        ):
            slope = np.abs(np.median(np.diff(inner, axis=0), axis=1))
            even[k, edge] *= np.abs(offset[k, edge]) * noise > 4 * np.median(slope)
    standing = (even.mean(0) > 0.9) & (np.abs(np.sign(offset).mean(0)) > 0.9)
    size = np.abs(np.median(offset, axis=0))
    # The ridge of a specimen that lies along the rows bends over more of them.
    beside = np.max(
        [np.roll(size, s) for s in (*range(-WIDEST - 2, -WIDEST + 1), *range(WIDEST, WIDEST + 3))],
        axis=0,
    )
    return np.asarray(np.where(standing & (size > 4 * beside), size, 0.0))


def standing_marks(
    stack: np.ndarray, rows: Sequence[int] = (), columns: Sequence[int] = ()
) -> np.ndarray:
    """(y, x) True where the views hardly change and yet stand out from what lies around: a scale
    bar, a text, a mask. Only in series that are noisy elsewhere; not in ``rows`` and ``columns``.
    """
    n_views = len(stack)
    nothing = np.zeros(stack.shape[1:], bool)
    if n_views < 5 or min(stack.shape[1:]) < 16:
        return nothing
    views = stack[:: -(-n_views // MOST_VIEWS)]
    noise = noise_sigma(torch.from_numpy(np.ascontiguousarray(views)))
    middle = np.median(views, axis=0)
    if not noise > 1e-5 * float(np.ptp(middle)):
        return nothing
    spread = np.quantile(np.abs(views - middle), 0.8, axis=0)
    still = spread < 0.1 * noise
    still[list(rows)] = still[:, list(columns)] = False
    if not still.any() or still.mean() > 0.1:
        return nothing
    changing = np.where(still, np.nan, middle)
    level, reach = float(np.nanmedian(changing)), 5 * noise
    labels, count = ndimage.label(still)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= 4
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if not large[number]:
            continue
        near = tuple(slice(max(s.start - 3, 0), s.stop + 3) for s in box)
        part, values = labels[near] == number, middle[near]
        ring = ndimage.binary_dilation(part, iterations=2) & ~still[near]
        around = float(np.median(values[ring])) if ring.any() else level
        if abs(float(np.median(values[part])) - around) > reach:
            nothing[near] |= ndimage.binary_dilation(part, iterations=1)
    return nothing


def _beside(view: np.ndarray, rows: list[int]) -> np.ndarray:
    """The rows interpolated from the nearest good ones."""
    if not rows:
        return view[:0]
    good = np.setdiff1d(np.arange(len(view)), rows)
    above = good[np.clip(np.searchsorted(good, rows) - 1, 0, good.size - 1)]
    below = good[np.clip(np.searchsorted(good, rows), 0, good.size - 1)]
    span = np.maximum(below - above, 1)
    share = np.clip((np.array(rows) - above) / span, 0, 1)[:, None]
    return np.asarray((1 - share) * view[above] + share * view[below], view.dtype)


def _around(view: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """The marked pixels, from the medians of what is not marked around each."""
    filled = np.where(marks, np.nan, view)
    labels, count = ndimage.label(marks)
    for number in range(1, count + 1):
        part = labels == number
        ring = ndimage.binary_dilation(part, iterations=3) & ~marks
        filled[part] = np.median(view[ring]) if ring.any() else np.median(view)
    return np.asarray(filled[marks])


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:_LISTED])) + (", ..." if len(numbers) > _LISTED else "")
