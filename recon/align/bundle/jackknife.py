"""Whole tracks left out: errors that are alike along a track, as those of patches are, fool what
leaves out single observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, solve_triangular

from recon.align.bundle.gauge import Space
from recon.align.bundle.loss import Loss
from recon.align.bundle.minimise import Seen
from recon.align.bundle.model import Cameras
from recon.align.bundle.normal import assemble, linearised, reduce
from recon.align.bundle.plausible import Prior
from recon.errors import UserError

ACROSS, ALONG = 4, 3
ALONE = 1e-6  # of an unknown, what others than the group tell


@dataclass(frozen=True, eq=False)
class Jackknife:
    """``leave_out_px``: (obs,) length of the residual from the best point that views solved for
    without the track's group predict; 0 where that leaves nothing to predict. ``covariance``:
    (unknown, unknown) of the views' unknowns, from how much they change with each group left out.
    ``inverse``: (unknown, unknown) their covariance for independent errors of 1 px.
    """

    leave_out_px: np.ndarray
    covariance: np.ndarray
    inverse: np.ndarray


def jackknife(
    cameras: Cameras,
    beads_xyz: np.ndarray,
    seen: Seen,
    space: Space,
    loss: Loss,
    prior: Prior,
    group: np.ndarray,
) -> Jackknife:
    """At the minimum of ``loss`` and ``prior``. ``group``: (bead,) tracks left out together.

    With the beads eliminated, group g adds ``A_g'A_g`` to the views' normal matrix S, and without
    it the unknowns are other by ``-S^-1 A_g' e_g`` with ``e_g = (1 - A_g S^-1 A_g')^-1 r_g``, its
    residuals then: exact for a linear model (Cook and Weisberg 1982, section 3.6, by groups). The
    covariance is ``(G - 1) / G`` times the sum of their squares (Miller 1974,
    doi:10.1093/biomet/61.1.1): errors may be correlated within a group as they like.

    Raises ``UserError`` when the tracks and the prior do not determine the unknowns.
    """
    residual, to_view, to_bead = linearised(
        cameras, beads_xyz, seen.bead, seen.view, seen.xy, space.columns
    )
    weight = loss.weight(np.hypot(*residual.T))
    normal = assemble(
        residual, to_view, to_bead, weight, seen.bead, seen.view, space, seen.n_beads
    ).with_prior(prior.curvature(space), prior.slope(cameras, space))
    active = len(space.columns)
    by_view = space.basis.reshape(cameras.n_views, active, -1)
    try:
        reduced = reduce(normal)
        lower = np.linalg.cholesky(reduced.schur)
    except LinAlgError as error:
        raise UserError("these tracks do not determine what is asked of them") from error
    tied = np.einsum("oia,oau->oiu", to_view, by_view[seen.view])
    tied -= np.einsum("uoj,oij->oiu", reduced.wv[:, seen.bead], to_bead)
    root = np.sqrt(weight)
    tied, scaled = tied * root[:, None, None], residual * root[:, None]

    left = np.zeros_like(residual)
    covariance = np.zeros_like(lower)
    groups = np.unique(group[seen.bead])
    for one in groups:
        mine = np.flatnonzero(group[seen.bead] == one)
        rows = solve_triangular(lower, tied[mine].reshape(-1, space.n_unknowns).T, lower=True)
        left_out = _without(rows, scaled[mine].ravel())
        left[mine] = left_out.reshape(-1, 2)
        change = solve_triangular(lower, rows @ left_out, lower=True, trans="T")
        covariance += np.outer(change, change)
    inverse = np.asarray(cho_solve((lower, True), np.eye(space.n_unknowns)))
    covariance *= (len(groups) - 1) / len(groups)
    return Jackknife(np.hypot(*left.T) / np.maximum(root, 1e-12), covariance, inverse)


def _without(rows: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """``(1 - B'B)^-1 r`` of ``rows`` B (unknown, number) by the smaller of B'B and BB'. A group
    that alone decides an unknown predicts nothing of it without itself: 0 there."""
    wide = rows.shape[1] <= rows.shape[0]
    values, vectors = np.linalg.eigh(rows.T @ rows if wide else rows @ rows.T)
    rest = 1 - values
    inverse = np.where(rest > ALONE, 1 / np.maximum(rest, ALONE), 0.0)
    if wide:
        return np.asarray(vectors @ (inverse * (vectors.T @ residual)))
    # (1 - B'B)^-1 = 1 + B' (1 - BB')^-1 B
    beside = np.where(rest > ALONE, inverse, -1.0)
    return np.asarray(residual + rows.T @ (vectors @ (beside * (vectors.T @ (rows @ residual)))))


def places(beads_xyz: np.ndarray) -> np.ndarray:
    """(bead,) of which of ``ACROSS`` x ``ALONG`` parts of the field, with as many beads each as can
    be; of few beads each is its own. Neighbouring patches overlap, and err alike."""
    count = len(beads_xyz)
    if count <= ACROSS * ALONG:
        return np.arange(count)
    group = np.empty(count, np.intp)
    for i, column in enumerate(np.array_split(np.argsort(beads_xyz[:, 0], kind="stable"), ACROSS)):
        along = column[np.argsort(beads_xyz[column, 1], kind="stable")]
        for j, cell in enumerate(np.array_split(along, ALONG)):
            group[cell] = i * ALONG + j
    return group
