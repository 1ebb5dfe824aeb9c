"""From a rough placement of the views to the one that the patches agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.bundle import Bundle
from recon.align.matching import reproject
from recon.align.patches.correlate import cut, find
from recon.align.patches.follow import Followed, as_points, follow_outward, heart_inside, paths
from recon.align.patches.placement import Placement, chosen, placed, solved, tracks_of
from recon.align.patches.texture import detail, textured_patches, window
from recon.align.resample import warp
from recon.errors import UserError
from recon.geometry import centre

FEWEST_PATCHES = 6
MOST_PATCHES = 36
MOST_BLIND = 0.25  # of the views
LEAST_SHARE = 0.35  # of the patches that a good view shows
WORST_PATH_PX = (
    2.0  # from the path of a point, rms, in views that may themselves be misplaced by a pixel
)


class NotEnoughTexture(UserError):
    """No six patches can be followed through the series."""


@dataclass(frozen=True, eq=False)
class Solution:
    """``bundle``: of the stack's pixels; its beads are patches. ``placement``: of every view.

    ``points_px``: (patch, 3), as (z, y, x) in the aligned frame, of all textured patches: those
    that were followed at their height, the others at height 0. ``correlation``: median over patches
    and views.
    """

    bundle: Bundle
    placement: Placement
    points_px: np.ndarray
    correlation: float


def track_patches(stack: np.ndarray, start: Placement, size: int, *, threads: int = 1) -> Solution:
    """Patches of ``size`` pixels followed outward in the stack (tilt, y, x) as ``start`` aligns it,
    and solved for.

    Raises ``NotEnoughTexture``.
    """
    details = detail(stack)
    views = warp(
        details, start.axis_deg, start.shifts_px, matrices=start.own, order=3, threads=threads
    )
    framed = _framed(stack.shape, start, threads)
    low, tilts = int(np.argmin(np.abs(start.angles_deg))), start.angles_deg
    index, _ = textured_patches(np.where(framed[low], views[low], 0), size, MOST_PATCHES)
    if len(index) < FEWEST_PATCHES:
        raise _too_few(len(index))
    begin = index - [centre(n) for n in views.shape[1:]]
    found = follow_outward(views, framed, tilts, begin, size, _reach(size))
    points, distance = as_points(found, tilts)
    points_like = distance < WORST_PATH_PX
    followed = Followed(found.position_px[:, points_like], found.correlation[:, points_like])
    bundle = _solved(followed, start, tilts)
    points[~points_like] = np.stack(
        [np.zeros(len(begin)), begin[:, 0], begin[:, 1] / np.cos(np.deg2rad(tilts[low]))], 1
    )[~points_like]
    return Solution(bundle, placed(bundle, start), points, _median(followed))


def match_patches(
    stack: np.ndarray,
    now: Placement,
    points_px: np.ndarray,
    tilt_deg: np.ndarray,
    size: int,
    *,
    threads: int = 1,
) -> Solution:
    """Every patch measured against what a short SIRT of all views predicts there, and solved for:
    chains of neighbours drift, this not.

    What is measured is how far a view is displaced at a place, so outlines serve as well as points.
    ``tilt_deg``: (tilt,) nominal. Raises ``NotEnoughTexture``.
    """
    y, predicted = reproject(
        stack, now.angles_deg, now.axis_deg, now.shifts_px, now.own, threads=threads
    )
    views, wanted = detail(y.numpy()), detail(predicted.numpy())
    framed = _framed(stack.shape, now, threads)
    where, middle = paths(points_px, now.angles_deg), np.array([centre(n) for n in views.shape[1:]])
    position, correlation = where.copy(), np.zeros(where.shape[:2])
    weight = window(size)
    for v, (view, model) in enumerate(zip(views, wanted, strict=True)):
        at = where[v] + middle
        there = np.flatnonzero(heart_inside(framed[v], at, size))
        if there.size:
            found, correlation[v, there] = find(
                cut(model, at[there], size), view, at[there], weight, _reach(size)
            )
            position[v, there] += found - at[there]
    followed = Followed(position, correlation)
    bundle = _solved(followed, now, tilt_deg, choose=True)
    return Solution(bundle, placed(bundle, now), points_px, _median(followed))


def _solved(
    followed: Followed, placement: Placement, tilt_deg: np.ndarray, *, choose: bool = False
) -> Bundle:
    """Of what was seen in the stack aligned by ``placement``. Raises ``NotEnoughTexture``."""
    lasting = followed.seen.mean(0) >= 0.3
    if lasting.sum() < FEWEST_PATCHES:
        raise _too_few(int(lasting.sum()))
    kept = Followed(followed.position_px[:, lasting], followed.correlation[:, lasting])
    count = len(blind_views(kept))
    if count > MOST_BLIND * len(tilt_deg):
        raise NotEnoughTexture(
            f"{count} of {len(tilt_deg)} views show few of the patches that the others do, as "
            f"views without detail do"
        )
    try:
        bundle = (chosen if choose else solved)(
            tracks_of(kept, placement), tilt_deg, placement.axis_deg
        )
    except UserError as error:
        raise NotEnoughTexture(f"the patches' tracks do not fit together ({error})") from error
    if len(bundle.beads) < FEWEST_PATCHES:
        raise _too_few(len(bundle.beads))
    return bundle


def blind_views(followed: Followed) -> np.ndarray:
    """Views that show few of the patches that others do: noise is found somewhere too, but seldom
    correlates."""
    count = followed.seen.sum(1)
    return np.flatnonzero(
        count < max(FEWEST_PATCHES / 2, LEAST_SHARE * float(np.quantile(count, 0.9)))
    )


def _framed(shape: tuple[int, ...], placement: Placement, threads: int) -> np.ndarray:
    """(tilt, y, x) bool, what of the aligned stack was recorded."""
    whole = np.ones(shape, np.float32)
    return (
        warp(
            whole,
            placement.axis_deg,
            placement.shifts_px,
            matrices=placement.own,
            order=1,
            threads=threads,
        )
        > 0.5
    )


def _reach(size: int) -> int:
    """How far a patch is looked for, in pixels."""
    return max(4, size // 5)


def _median(followed: Followed) -> float:
    return float(np.median(followed.correlation[followed.seen]))


def _too_few(count: int) -> NotEnoughTexture:
    return NotEnoughTexture(
        f"{count} patches with texture could be followed through the series, {FEWEST_PATCHES} or "
        f"more wanted"
    )
