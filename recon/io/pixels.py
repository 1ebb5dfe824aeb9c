"""Check the pixels of a stack that has just been read: no NaN, no Inf, no empty view."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from recon.errors import UserError

MIN_VIEWS = 3
_LISTED = 24  # indices that still make a sentence
_MOST_RANGE = 100_000


def expand_views(views: Sequence[int | str]) -> tuple[int, ...]:
    """``[1, "4-6"]`` -> (1, 4, 5, 6): ranges count both ends. Raises ``UserError`` for what is
    neither a number nor a range."""
    found: list[int] = []
    for view in views:
        ends = re.fullmatch(r"\s*(-?\d+)(?:\s*-\s*(\d+))?\s*", str(view))
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, -1)
        if isinstance(view, bool) or last < first or last - first > _MOST_RANGE:
            raise UserError(
                f"exclude={list(views)!r:.80} given, view numbers and ranges counted from 0 wanted, "
                "such as exclude=[0,4-6]"
            )
        found += range(first, last + 1)
    return tuple(found)


def select_views(n_views: int, exclude: Sequence[int], *, name: str) -> list[int]:
    """Indices of the views that stay, ascending. Raises ``UserError`` for one outside the stack and
    for fewer than 3 left."""
    wrong = [e for e in exclude if isinstance(e, bool) or int(e) != e or not 0 <= e < n_views]
    if wrong:
        raise UserError(
            f"exclude={list(exclude)!r:.80} names view {wrong[0]}, but {name} has views 0 to "
            f"{n_views - 1}; correct exclude"
        )
    if n_views < MIN_VIEWS:
        views = "one view only" if n_views == 1 else f"{n_views} views only"
        raise UserError(
            f"{name} holds {views}, a tilt series of at least {MIN_VIEWS} wanted; give the whole "
            f"stack or a folder of TIFFs"
        )
    dropped = {int(e) for e in exclude}
    keep = [i for i in range(n_views) if i not in dropped]
    if len(keep) < MIN_VIEWS:
        raise UserError(
            f"exclude leaves {len(keep)} of the {n_views} views of {name}, at least {MIN_VIEWS} "
            f"wanted; exclude fewer"
        )
    return keep


def zero_unmeasured(stack: np.ndarray) -> int:
    """Borders of NaN, which some programs leave where they shifted a view, become 0 in place; in
    how many views. ``stack``: (tilt, y, x) float32. NaN inside a view stays, to be refused."""
    views = 0
    for view in stack:
        bad = np.isnan(view)
        if not bad.any() or bad.mean() > 0.5:
            continue
        labels, _ = ndimage.label(bad)
        edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        sizes = np.bincount(edge, minlength=2)[1:]  # of what reaches the edge, along it
        if np.isin(labels[bad], np.unique(edge)).all() and sizes.max() >= 0.5 * min(view.shape):
            view[bad] = 0
            views += 1
    return views


def check_pixels(
    stack: np.ndarray, keep: Sequence[int], *, exclude: Sequence[int], name: str
) -> None:
    """Refuse NaN or Inf pixels and views of one constant value.

    ``stack``: (tilt, y, x) float32; ``keep``: the views' indices in the file, which are the ones
    that the sentence names; ``exclude``: what is dropped already, so that the list to paste is
    whole. Works view by view, without a copy of the stack.
    """
    low, high = np.empty(len(keep)), np.empty(len(keep))
    for k, view in enumerate(stack):
        low[k], high[k] = view.min(), view.max()  # NaN goes through both
    bad = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)))
    if bad.size:
        count = sum(int((~np.isfinite(stack[k])).sum()) for k in bad)
        where = "view" if bad.size == 1 else f"{bad.size} views, first in view"
        raise UserError(
            f"{name} has {count} NaN or infinite pixels in {where} {keep[bad[0]]}, finite numbers "
            f"wanted; "
            f"{_exclude(bad, keep, exclude)}"
        )
    flat = np.flatnonzero(low == high)
    if flat.size == stack.shape[0]:
        value = "zero" if not low.any() else "constant"
        raise UserError(
            f"all {flat.size} views of {name} are {value}, images wanted; the file was not written "
            f"properly, export it again"
        )
    if flat.size:
        listed = ", ".join(str(keep[k]) for k in flat[:_LISTED]) + (
            ", ..." if flat.size > _LISTED else ""
        )
        views, are = ("view", "is") if flat.size == 1 else ("views", "are")
        raise UserError(
            f"{views} {listed} of {name} {are} empty (one value in all pixels); "
            f"{_exclude(flat, keep, exclude)}"
        )


def check_side(shape: tuple[int, int, int], *, name: str) -> None:
    """Refuse images too narrow to reconstruct from."""
    if min(shape[1:]) < 2:
        raise UserError(
            f"{name} has views of {shape[2]} x {shape[1]} pixels, images of at least 2 x 2 wanted; "
            f"check that it is a tilt series"
        )


def _exclude(bad: np.ndarray, keep: Sequence[int], exclude: Sequence[int]) -> str:
    """The fix to paste, with what was excluded before, or the advice to export again when little
    would be left."""
    if bad.size > _LISTED or len(keep) - bad.size < MIN_VIEWS:
        return "export the stack again"
    views = sorted({*(int(e) for e in exclude), *(keep[k] for k in bad)})
    return f"drop with exclude=[{','.join(str(v) for v in views)}]"


def check_numbers(dtype: np.dtype[np.generic], *, name: str) -> np.dtype[np.generic]:
    """The type, when it is one real number per pixel. Raises ``UserError`` for complex numbers,
    records and objects."""
    if dtype.kind in "iufb":
        return dtype
    what = "complex numbers" if dtype.kind == "c" else f"values of type {dtype}"
    raise UserError(
        f"{name} holds {what}, one real number per pixel wanted; export the modulus or the raw "
        f"images"
    )


def check_sides(shape: Sequence[int], *, name: str) -> tuple[int, int, int]:
    """The shape as (tilt, y, x), axes of length one in front dropped. Raises ``UserError`` for
    images and for more dimensions."""
    sides = [int(n) for n in shape]
    while len(sides) > 3 and sides[0] == 1:
        sides.pop(0)
    if len(sides) == 2:
        raise UserError(
            f"{name} is a single image of {sides[1]} x {sides[0]} pixels, a stack (tilt, y, x) "
            f"wanted; give the whole tilt series"
        )
    if len(sides) != 3 or min(sides) < 1:
        raise UserError(
            f"{name} holds an array of shape {tuple(shape)}, a stack (tilt, y, x) wanted; export "
            f"the tilt series alone"
        )
    return sides[0], sides[1], sides[2]
