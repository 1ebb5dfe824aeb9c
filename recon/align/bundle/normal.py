"""The normal equations in blocks, and their solution with the beads eliminated.

With U the views' part, V the beads' (3, 3) blocks and W what couples them, the views' step solves
``(U - W V^-1 W') d = g - W V^-1 h`` (the Schur complement); the beads' follow one by one. Brown
1976; Triggs et al. 2000, doi:10.1007/3-540-44480-7_21.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from recon.align.bundle.gauge import Space
from recon.align.bundle.model import Cameras, jacobian


@dataclass(frozen=True, eq=False)
class Normal:
    """``u``: (unknown, unknown). ``w``: (unknown, bead, 3). ``v``: (bead, 3, 3). ``g``, ``h``:
    right-hand sides (unknown,), (bead, 3)."""

    u: np.ndarray
    w: np.ndarray
    v: np.ndarray
    g: np.ndarray
    h: np.ndarray

    def with_prior(self, curvature: np.ndarray, slope: np.ndarray) -> Normal:
        """With a prior on the views' unknowns of ``curvature`` (unknown, unknown) and, here,
        ``slope`` (unknown,)."""
        return Normal(self.u + curvature, self.w, self.v, self.g - slope, self.h)

    def damped(self, damping: float) -> Normal:
        """Levenberg and Marquardt: the diagonal larger by ``damping`` times itself."""
        u, v = self.u.copy(), self.v.copy()
        u[np.diag_indices_from(u)] *= 1 + damping
        v[:, range(3), range(3)] *= 1 + damping
        return Normal(u, self.w, v, self.g, self.h)


def linearised(
    cameras: Cameras,
    beads_xyz: np.ndarray,
    bead: np.ndarray,
    view: np.ndarray,
    seen_xy: np.ndarray,
    columns: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((obs, 2) residuals seen - predicted, (obs, 2, active), (obs, 2, 3) slopes of the
    prediction)."""
    predicted, to_view, to_bead = jacobian(cameras, beads_xyz, bead, view)
    return seen_xy - predicted, to_view[:, :, columns], to_bead


def assemble(
    residual: np.ndarray,
    to_view: np.ndarray,
    to_bead: np.ndarray,
    weight: np.ndarray,
    bead: np.ndarray,
    view: np.ndarray,
    space: Space,
    n_beads: int,
) -> Normal:
    """Normal equations of ``sum weight |residual - J step|^2`` in the unknowns of ``space`` and the
    beads' positions."""
    active = to_view.shape[2]
    n_views = len(space.basis) // active
    weighted_view, weighted_bead = to_view * weight[:, None, None], to_bead * weight[:, None, None]
    views = _summed(np.einsum("oia,oib->oab", weighted_view, to_view), view, n_views)
    beads = _summed(np.einsum("oia,oib->oab", weighted_bead, to_bead), bead, n_beads)
    couple = np.zeros((n_views, n_beads, active, 3))
    couple[view, bead] = np.einsum(
        "oia,oib->oab", weighted_view, to_bead
    )  # a bead is once in a view at most
    view_side = _summed(np.einsum("oia,oi->oa", weighted_view, residual), view, n_views)
    bead_side = _summed(np.einsum("oia,oi->oa", weighted_bead, residual), bead, n_beads)

    basis = space.basis
    tied = (views @ basis.reshape(n_views, active, -1)).reshape(basis.shape)
    flat = couple.transpose(0, 2, 1, 3).reshape(n_views * active, n_beads * 3)
    return Normal(
        basis.T @ tied,
        (basis.T @ flat).reshape(-1, n_beads, 3),
        beads,
        basis.T @ view_side.ravel(),
        bead_side,
    )


@dataclass(frozen=True, eq=False)
class Reduced:
    """``schur``: (unknown, unknown). ``side``: (unknown,). ``inverse_v``: (bead, 3, 3). ``wv``:
    (unknown, bead, 3) = W V^-1."""

    schur: np.ndarray
    side: np.ndarray
    inverse_v: np.ndarray
    wv: np.ndarray


def reduce(normal: Normal) -> Reduced:
    """Eliminate the beads. Raises ``LinAlgError`` when a bead's own block is singular."""
    inverse_v = np.linalg.inv(normal.v)
    if not np.isfinite(inverse_v).all():
        raise LinAlgError("a bead's position is not determined")
    wv = np.einsum("ubi,bij->ubj", normal.w, inverse_v)
    n = len(normal.u)
    schur = normal.u - wv.reshape(n, -1) @ normal.w.reshape(n, -1).T
    return Reduced(
        (schur + schur.T) / 2, normal.g - np.einsum("ubi,bi->u", wv, normal.h), inverse_v, wv
    )


def step(normal: Normal) -> tuple[np.ndarray, np.ndarray]:
    """((unknown,), (bead, 3)) solution. Raises ``LinAlgError`` when the equations are singular."""
    reduced = reduce(normal)
    views = np.asarray(cho_solve(cho_factor(reduced.schur), reduced.side))
    beads = np.einsum(
        "bij,bj->bi", reduced.inverse_v, normal.h - np.einsum("ubi,u->bi", normal.w, views)
    )
    return views, beads


def _summed(parts: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    out = np.zeros((count, *parts.shape[1:]))
    np.add.at(out, index, parts)
    return out
