"""Which point of one view is which of another: a vote for the shift, then rotation and
magnification from those that agree."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

ROUNDS = 4


def voted_shift(
    moving: np.ndarray, fixed: np.ndarray, *, within_px: float, reach_px: float
) -> tuple[np.ndarray, int]:
    """((dy, dx) to add to ``moving``, votes) for (n, 2) and (m, 2) points: the shift that most
    pairs of them ask for.

    A consensus as in RANSAC (Fischler and Bolles 1981, doi:10.1145/358669.358692), but one pair
    fixes a shift and there are few pairs, so all are tried. Shifts up to ``reach_px``; pairs agree
    ``within_px``.
    """
    if len(moving) == 0 or len(fixed) == 0:
        return np.zeros(2), 0
    asked = (fixed[None] - moving[:, None]).reshape(-1, 2)
    asked = asked[np.hypot(*asked.T) <= reach_px]
    if len(asked) == 0:
        return np.zeros(2), 0
    tree = cKDTree(asked)
    votes = tree.query_ball_point(asked, within_px, return_length=True)
    # Equal votes: the smaller shift is likelier.
    best = int(np.lexsort((np.hypot(*asked.T), -votes))[0])
    near = asked[tree.query_ball_point(asked[best], within_px)]
    return np.median(near, axis=0), int(votes[best])


def match_points(
    moving: np.ndarray, fixed: np.ndarray, *, within_px: float, reach_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((k, 2) pairs of indices, (2, 2) matrix, (2,) shift): ``fixed = matrix moving + shift`` for
    the pairs, mutual nearest neighbours.

    The voted shift first; then a similarity from the pairs within reach, which finds further pairs,
    and so on; with eight pairs and more, an affine map at last, as neighbouring tilts stretch the
    view across the axis.
    """
    shift, votes = voted_shift(moving, fixed, within_px=within_px, reach_px=reach_px)
    matrix = np.eye(2)
    pairs = np.zeros((0, 2), int)
    if votes == 0:
        return pairs, matrix, shift
    for round_ in range(ROUNDS):
        pairs = match_mutually(moving @ matrix.T + shift, fixed, within_px)
        if len(pairs) < 3:
            break
        a, b = moving[pairs[:, 0]], fixed[pairs[:, 1]]
        kind = similarity if len(pairs) < 8 or round_ == 0 else affine
        matrix, shift = kind(a, b)
        # What a handful of pairs says of the corners must stay near what views of one specimen can
        # do.
        if np.abs(matrix - np.eye(2)).max() > 0.3:
            matrix = np.eye(2)
            shift = np.median(b - a, axis=0)
    return pairs, matrix, shift


def match_mutually(a: np.ndarray, b: np.ndarray, within_px: float) -> np.ndarray:
    """(k, 2) indices of points of ``a`` (n, 2) and ``b`` (m, 2) that are each other's nearest, not
    farther than ``within_px``."""
    if len(a) == 0 or len(b) == 0:
        return np.zeros((0, 2), int)
    distance, to_b = cKDTree(b).query(a)
    _, to_a = cKDTree(a).query(b)
    mine = np.flatnonzero((distance <= within_px) & (to_a[to_b] == np.arange(len(a))))
    return np.stack([mine, to_b[mine]], axis=1)


def similarity(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(matrix, shift) of the rotation and magnification that bring (n, 2) ``a`` onto ``b`` best:
    Umeyama 1991, doi:10.1109/34.88573."""
    middle_a, middle_b = a.mean(0), b.mean(0)
    u, sizes, v = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    sign = np.array([1.0, np.linalg.det(u @ v)])
    matrix = (
        (u * sign) @ v * ((sizes * sign).sum() / max(float(((a - middle_a) ** 2).sum()), 1e-12))
    )
    return matrix, middle_b - matrix @ middle_a


def affine(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(matrix, shift) by least squares."""
    solved, *_ = np.linalg.lstsq(np.column_stack([a, np.ones(len(a))]), b, rcond=None)
    return solved[:2].T, solved[2]
