"""Patches through the series, outward from the lowest tilt.

Positions are those of a roughly aligned stack (tilt, y, x), from its centre, as (y, x): the tilt
axis is y, so a patch at (z, y, x) stays near row y and moves along x as ``x cos t + z sin t``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.patches.correlate import cut, find
from recon.align.patches.texture import window
from recon.geometry import centre, column_of

NEIGHBOURS = 3  # views, on a side, whose mean a patch is compared with: less noise than one
LEAST_CORRELATION = 0.5
LEAST_SEEN = 0.5  # of the views
INSIDE = 0.35  # sizes from its centre within which a patch must lie in the frame


@dataclass(frozen=True, eq=False)
class Followed:
    """``position_px``: (tilt, patch, 2). ``correlation``: (tilt, patch), 0 where the patch was not
    seen."""

    position_px: np.ndarray
    correlation: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """(tilt, patch) what correlates well enough to be believed."""
        return np.asarray(self.correlation >= LEAST_CORRELATION)


def follow_outward(
    views: np.ndarray,
    framed: np.ndarray,
    angles_deg: np.ndarray,
    start_px: np.ndarray,
    size: int,
    reach_px: int,
) -> Followed:
    """Every view by its inner neighbours, cosine-stretched to it, from the view at the lowest tilt
    outward to both sides.

    ``views``: (tilt, y, x) details. ``framed``: (tilt, y, x) bool, what of it was recorded.
    ``start_px``: (patch, 2) in the view at the lowest tilt. A patch is looked for where its row and
    its motion so far, ``x cos t + z sin t``, have it.
    """
    n, middle = len(views), np.array([centre(k) for k in views.shape[1:]])
    t = np.deg2rad(angles_deg)
    order = np.argsort(np.abs(angles_deg), kind="stable")
    found = np.full((n, len(start_px), 2), np.nan)
    correlation = np.zeros((n, len(start_px)))
    found[order[0]], correlation[order[0]] = start_px, 1.0
    weight = window(size)
    for rank, outer in enumerate(order[1:], start=1):
        inner = _nearest(order[:rank], angles_deg, outer)
        seen = correlation >= LEAST_CORRELATION
        where = np.array(
            [_predicted(found[:, p], seen[:, p], t, int(outer)) for p in range(len(start_px))]
        )
        reference = _mean_patch(views, found, seen, inner, t, outer, size, middle)
        at, value = find(reference, views[outer], where + middle, weight, reach_px)
        found[outer] = at - middle
        correlation[outer] = np.where(heart_inside(framed[outer], at, size), value, 0.0)
    return Followed(found, correlation)


def as_points(followed: Followed, angles_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((patch, 3) as (z, y, x), (patch,) rms distance in px from that point's path; infinite for
    patches seen in too few views).

    What moves as ``x cos t + z sin t`` in a constant row is a point of the specimen. An outline is
    none: it stays where the specimen ends, whatever turns in there.
    """
    t = np.deg2rad(angles_deg)
    motion = np.stack([np.sin(t), np.cos(t)], axis=1)
    points, distance = (
        np.zeros((followed.seen.shape[1], 3)),
        np.full(followed.seen.shape[1], np.inf),
    )
    for p, seen in enumerate(followed.seen.T):
        if seen.sum() < max(5, LEAST_SEEN * len(t)):
            continue
        y, x = followed.position_px[seen, p].T
        zx = np.linalg.lstsq(motion[seen], x, rcond=None)[0]
        points[p] = zx[0], np.median(y), zx[1]
        distance[p] = np.sqrt(np.mean((x - motion[seen] @ zx) ** 2 + (y - points[p, 1]) ** 2))
    return points, distance


def paths(points_px: np.ndarray, angles_deg: np.ndarray) -> np.ndarray:
    """(tilt, patch, 2) where points (patch, 3), as (z, y, x), show in aligned views: equation (1)
    of ``geometry.py``."""
    z, y, x = points_px.T
    columns = column_of(z, x, np.asarray(angles_deg)[:, None])
    return np.stack([np.broadcast_to(y, columns.shape), columns], axis=2)


def _nearest(done: np.ndarray, angles_deg: np.ndarray, outer: int) -> np.ndarray:
    """The views of ``done`` nearest in tilt to ``outer``: inner ones, since views are done from the
    lowest tilt outward."""
    return np.asarray(
        done[np.argsort(np.abs(angles_deg[done] - angles_deg[outer]), kind="stable")[:NEIGHBOURS]]
    )


def _predicted(track: np.ndarray, seen: np.ndarray, t: np.ndarray, view: int) -> np.ndarray:
    """(2,) where (tilt, 2) positions, of which ``seen`` are believed, lead in ``view``."""
    near = np.flatnonzero(seen)
    near = near[np.argsort(np.abs(t[near] - t[view]), kind="stable")[:9]]
    y = track[near[:3], 0].mean()
    if len(near) < 4:
        return np.array(
            [y, track[near[0], 1] * np.cos(t[view]) / max(float(np.cos(t[near[0]])), 0.05)]
        )
    # (x, z) from the views so far; a little of z = 0, so that few views do not lead far away. Then
    # the nearest view's own offset.
    design = np.stack([np.cos(t[near]), np.sin(t[near])], axis=1)
    x, z = np.linalg.solve(design.T @ design + np.diag([0.0, 0.01]), design.T @ track[near, 1])
    offset = track[near[0], 1] - design[0] @ [x, z]
    return np.array([y, x * np.cos(t[view]) + z * np.sin(t[view]) + offset])


def _mean_patch(
    views: np.ndarray,
    at_px: np.ndarray,
    seen: np.ndarray,
    around: np.ndarray,
    t: np.ndarray,
    view: int,
    size: int,
    middle: np.ndarray,
) -> np.ndarray:
    """(patch, size, size) mean over ``around`` of what was seen there, each stretched to ``view``
    and of one contrast."""
    total = np.zeros((at_px.shape[1], size, size), np.float32)
    for k in around:
        mine = np.flatnonzero(seen[k])
        if mine.size == 0:
            continue
        stretch = max(float(np.cos(t[k])), 0.05) / max(float(np.cos(t[view])), 0.05)
        patches = cut(views[k], at_px[k, mine] + middle, size, stretch)
        contrast = np.sqrt((patches**2).mean((1, 2), keepdims=True))
        total[mine] += patches / np.maximum(contrast, 1e-30)
    return total


def heart_inside(framed: np.ndarray, index_px: np.ndarray, size: int) -> np.ndarray:
    """(n,) whether the heart of every patch was recorded."""
    corners = INSIDE * size * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    at = np.round(index_px[:, None] + corners).astype(int)
    ok = ((at >= 0) & (at < framed.shape)).all(2)
    at = np.clip(at, 0, np.array(framed.shape) - 1)
    return np.asarray((ok & framed[at[..., 0], at[..., 1]]).all(1))
