"""Beads in space from views whose geometry is known: every candidate is a ray, and a bead is where
rays of many views meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from recon.align.bundle.model import Cameras, matrices


@dataclass(frozen=True, eq=False)
class Spots:
    """Candidates of every view, as far as positions go. ``position_px``: per view (n, 2) as (y, x)
    from the centre. ``score``: per view (n,)."""

    position_px: tuple[np.ndarray, ...]
    score: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Sighted:
    """``beads_px``: (bead, 3) as (z, y, x). ``spot``: (view, bead) index of the candidate, -1 for
    none."""

    beads_px: np.ndarray
    spot: np.ndarray


def projections(cameras: Cameras) -> tuple[np.ndarray, np.ndarray]:
    """((view, 2, 3) onto (y, x) from (z, y, x), (view, 2) shift (dy, dx)): ``model.py``'s equation
    (1)."""
    return np.ascontiguousarray(matrices(cameras)[:, ::-1, ::-1]), cameras.shift_px


def sight(
    spots: Spots,
    cameras: Cameras,
    views: np.ndarray,
    *,
    within_px: float,
    height_px: tuple[float, float],
    shape: tuple[int, int],
    known_px: np.ndarray | None = None,
    least_views: int = 3,
    least_share: float = 0.3,
    seed_score: float = 0.5,
) -> Sighted:
    """All beads that the candidates of ``views`` agree on, each candidate given to one bead at
    most.

    Beads at ``known_px`` (bead, 3) take theirs first. Every unclaimed candidate of ``seed_score``
    then asks, the best first, at which height (z from ``height_px``) along its ray most views have
    an unclaimed candidate where they should: ``least_views`` of them, and ``least_share`` of those
    whose frame (``shape``) shows the place.
    """
    p, s = projections(cameras)
    n_views = cameras.n_views
    free = [np.ones(len(x), bool) for x in spots.position_px]
    trees = {v: cKDTree(spots.position_px[v]) for v in views if len(spots.position_px[v])}
    half = (np.array(shape) - 1) / 2
    beads: list[np.ndarray] = []
    taken: list[np.ndarray] = []

    def gather(at: np.ndarray, reach: float) -> np.ndarray:
        """(view,) nearest unclaimed candidate of each view to a bead at (z, y, x)."""
        spot = np.full(n_views, -1)
        for v, tree in trees.items():
            near = tree.query_ball_point(p[v] @ at + s[v], reach)
            near = [k for k in near if free[v][k]]
            if near:
                distance = np.hypot(*(spots.position_px[v][near] - (p[v] @ at + s[v])).T)
                spot[v] = near[int(np.argmin(distance))]
        return spot

    def settle(at: np.ndarray, least: int) -> None:
        """Gather, triangulate, gather again; keep the bead if enough views show it."""
        spot = gather(at, 1.5 * within_px)
        for _ in range(2):
            if (spot >= 0).sum() < least:
                return
            at = triangulate(p, s, spots, spot)
            spot = gather(at, within_px)
        there = is_inside(p, s, at, half)[list(trees)]
        if (spot >= 0).sum() < max(least, least_share * there.sum()):
            return
        beads.append(at)
        taken.append(spot)
        for v in np.flatnonzero(spot >= 0):
            free[v][spot[v]] = False

    for at in np.zeros((0, 3)) if known_px is None else known_px:
        settle(at, 2)
    seeds = [
        (float(spots.score[v][k]), int(v), int(k))
        for v in trees
        for k in np.flatnonzero(spots.score[v] >= seed_score)
    ]
    heights = np.arange(height_px[0], height_px[1] + within_px / 2, within_px / 2)
    middle = (
        float(np.median([abs(np.linalg.det(p[v][:, 1:])) for v in views])) if len(views) else 1.0
    )
    # Seeds in the steepest views would make the largest errors of height: the others go first.
    seeds.sort(key=lambda e: (abs(np.linalg.det(p[e[1]][:, 1:])) < 0.8 * middle, -e[0]))
    for _, v, k in seeds:
        if not free[v][k]:
            continue
        flat = p[v][:, 1:]  # (y, x) of the plane z = 0 onto the view
        if abs(np.linalg.det(flat)) < 0.05:
            continue
        ground = np.linalg.solve(flat, spots.position_px[v][k] - s[v])
        along = -np.linalg.solve(flat, p[v][:, 0])
        places = np.column_stack([heights, ground + heights[:, None] * along])  # (height, 3)
        votes = np.zeros(len(heights))
        for other, tree in trees.items():
            if not free[other].any():
                continue
            distance, nearest = tree.query(
                places @ p[other].T + s[other], distance_upper_bound=within_px
            )
            hit = np.isfinite(distance)
            hit[hit] = free[other][nearest[hit]]
            votes += hit
        best = votes.max()
        if best >= least_views:
            # The middle of the heights that do equally well.
            settle(places[int(np.median(np.flatnonzero(votes == best)))], least_views)
    if not beads:
        return Sighted(np.zeros((0, 3)), np.zeros((n_views, 0), int))
    return Sighted(np.array(beads), np.stack(taken, axis=1))


def triangulate(p: np.ndarray, s: np.ndarray, spots: Spots, spot: np.ndarray) -> np.ndarray:
    """(z, y, x) by least squares of one bead's candidates ``spot`` (view,)."""
    views = np.flatnonzero(spot >= 0)
    seen = np.array([spots.position_px[v][spot[v]] for v in views]) - s[views]
    # A whisper of a prior at height 0, for views at one tilt.
    rows = np.vstack([p[views].reshape(-1, 3), [1e-3, 0, 0]])
    return np.asarray(np.linalg.lstsq(rows, np.append(seen.ravel(), 0.0), rcond=None)[0])


def is_inside(p: np.ndarray, s: np.ndarray, at: np.ndarray, half: np.ndarray) -> np.ndarray:
    """(view,) whether the frame shows a place (z, y, x)."""
    return np.asarray((np.abs(p @ at + s) <= half + 0.5).all(1))
