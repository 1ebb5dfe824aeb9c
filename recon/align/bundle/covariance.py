"""What the tracks leave undetermined: error bars, unsolvable combinations, and leave-one-out
residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from recon.align.bundle.freedom import COLUMNS
from recon.align.bundle.gauge import Space
from recon.align.bundle.loss import Loss
from recon.align.bundle.minimise import Seen
from recon.align.bundle.model import (
    COUNT,
    MAGNIFICATION,
    ROTATION,
    SCAN_SKEW,
    SKEW,
    THINNING,
    TILT,
    X_TILT,
    Cameras,
    X,
    Y,
)
from recon.align.bundle.normal import assemble, linearised, reduce
from recon.align.bundle.plausible import Prior
from recon.errors import UserError

# least eigenvalue of the reduced normal matrix with unit diagonal; exact freedoms give 1e-15
SINGULAR = 1e-10

# An error bar beyond this says that noise was fitted, as when all beads lie in a plane: 5 degrees,
# or 5 percent, of what is known to a tenth.
HOPELESS = 0.05
HOPELESS_DEG = 5.0


@dataclass(frozen=True, eq=False)
class ErrorBars:
    """Standard deviations, in the gauge of ``gauge.py``. ``parameters``: (view, 10) as ``Cameras``.
    ``beads_px``: (bead, 3) as (z, y, x).

    ``axis_deg``: of the mean rotation. ``sigma_px``: of one coordinate of one observation,
    estimated from the residuals.
    """

    parameters: np.ndarray
    beads_px: np.ndarray
    axis_deg: float
    sigma_px: float

    @property
    def shift_px(self) -> np.ndarray:
        """(view, 2) as (dy, dx)."""
        return np.asarray(self.parameters[:, [Y, X]])

    @property
    def rotation_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, ROTATION]))

    @property
    def magnification(self) -> np.ndarray:
        """(view,) relative."""
        return np.asarray(self.parameters[:, MAGNIFICATION])

    @property
    def tilt_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, TILT]))

    @property
    def x_tilt_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, X_TILT]))

    @property
    def skew_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, SKEW]))

    @property
    def thinning(self) -> np.ndarray:
        """(view,) relative."""
        return np.asarray(self.parameters[:, THINNING])


@dataclass(frozen=True, eq=False)
class Quality:
    """``errors``: standard deviations. ``leave_out_xy``: (obs, 2) what each residual would be had
    its observation not been used."""

    errors: ErrorBars
    leave_out_xy: np.ndarray


def quality(
    cameras: Cameras, beads_xyz: np.ndarray, seen: Seen, space: Space, loss: Loss, prior: Prior
) -> Quality:
    """At the minimum of ``loss`` and ``prior``.

    Error bars: ``s^2 N^-1`` with N = J'J and the prior's curvature, and ``s^2 = sum psi^2 /
    (numbers - unknowns) / mean(psi')^2`` (Huber and Ronchetti 2009, section 7.6; for squares the
    usual residual variance).
    Leave-one-out: ``(1 - w J_i (J'wJ)^-1 J_i')^-1 r_i``, exact for a linear model with fixed
    weights (Cook and Weisberg 1982), and so to second order here: no refits.

    Raises ``UserError`` when tracks do not determine what is asked of them, naming what.
    """
    numbers, unknowns = 2 * len(seen.bead), space.n_unknowns + 3 * seen.n_beads
    if numbers <= unknowns:
        raise UserError(
            f"{len(seen.bead)} observations of {seen.n_beads} beads give {numbers} numbers for "
            f"{unknowns} unknowns; track more beads, or solve for "
            "less (rotation=global magnification=fixed tilt=fixed)"
        )
    residual, to_view, to_bead = linearised(
        cameras, beads_xyz, seen.bead, seen.view, seen.xy, space.columns
    )
    length = np.hypot(*residual.T)
    weight = loss.weight(length)
    plain = assemble(
        residual, to_view, to_bead, np.ones_like(weight), seen.bead, seen.view, space, seen.n_beads
    )
    try:
        reduced = reduce(plain)
    except LinAlgError as error:
        raise UserError(
            "a bead's views do not tell where it is; leave it out, or track it through more tilts"
        ) from error
    check_determined(reduced.schur, space, seen.n_beads)
    curvature = prior.curvature(space)
    views = np.asarray(cho_solve(cho_factor(reduced.schur + curvature), np.eye(space.n_unknowns)))
    variance = (
        float((weight**2 * length**2).sum()) / (numbers - unknowns) / loss.mean_slope(length) ** 2
    )

    n, active = cameras.n_views, len(space.columns)
    bars = np.zeros((n, COUNT))
    spread = np.einsum("ru,uk,rk->r", space.basis, views, space.basis, optimize=True)
    bars[:, space.columns] = np.sqrt(np.maximum(variance * spread, 0)).reshape(n, active)
    _check_bars(bars, seen.n_beads)
    rotations = np.flatnonzero(space.columns == ROTATION)
    axis = 0.0
    if rotations.size:
        mean = space.basis.reshape(n, active, -1)[:, rotations[0]].mean(0)
        axis = float(np.rad2deg(np.sqrt(variance * max(float(mean @ views @ mean), 0.0))))
    of_beads = reduced.inverse_v + np.einsum(
        "ubi,uk,kbj->bij", reduced.wv, views, reduced.wv, optimize=True
    )
    beads = np.sqrt(variance * of_beads[:, range(3), range(3)])[:, ::-1]
    errors = ErrorBars(bars, np.ascontiguousarray(beads), axis, float(np.sqrt(variance)))

    weighted = assemble(
        residual, to_view, to_bead, weight, seen.bead, seen.view, space, seen.n_beads
    )
    reduced = reduce(weighted)
    factor = cho_factor(reduced.schur + curvature)
    # Row i of J in terms of the unknowns, less what the bead takes up: the part that the views'
    # covariance acts on.
    tied = np.einsum("oia,oau->oiu", to_view, space.basis.reshape(n, active, -1)[seen.view])
    tied -= np.einsum("uoj,oij->oiu", reduced.wv[:, seen.bead], to_bead)
    solved = cho_solve(factor, tied.reshape(-1, space.n_unknowns).T).T.reshape(tied.shape)
    leverage = np.einsum("oiu,oju->oij", tied, solved)
    leverage += np.einsum("oij,ojk,olk->oil", to_bead, reduced.inverse_v[seen.bead], to_bead)
    left = np.eye(2) - weight[:, None, None] * leverage
    # An observation that alone decides an unknown (leverage 1) has no leave-one-out residual; it is
    # taken for very bad, not infinite.
    left += 1e-6 * np.eye(2)
    return Quality(errors, np.linalg.solve(left, residual[:, :, None])[:, :, 0])


def _check_bars(bars: np.ndarray, n_beads: int) -> None:
    """Raises ``UserError`` when a parameter is known so badly that its value is noise."""
    angles = (ROTATION, TILT, X_TILT, SKEW, SCAN_SKEW)
    for name, column in COLUMNS.items():
        angle = column in angles
        worst = float(bars[:, column].max())
        if worst > (np.deg2rad(HOPELESS_DEG) if angle else HOPELESS):
            size = f"{np.rad2deg(worst):.1f} deg" if angle else f"{100 * worst:.1f} %"
            raise UserError(
                f"{_said(n_beads)} not determine {name}, its error bar is {size} (few beads, or "
                f"all in one plane); solve for less, for example "
                f"{name}=fixed or grouped, or track beads at other heights"
            )


def _said(n_beads: int) -> str:
    return "1 bead does" if n_beads == 1 else f"{n_beads} beads do"


def check_determined(schur: np.ndarray, space: Space, n_beads: int) -> None:
    """Raises ``UserError`` when some combination of unknowns changes no prediction, naming the
    parameters in it."""
    if len(schur) == 0:
        return
    size = np.sqrt(np.maximum(np.diag(schur), 0))
    scale = np.where(size > 0, size, 1)
    values, vectors = eigh(schur / scale[:, None] / scale[None], subset_by_index=[0, 0])
    if values[0] > SINGULAR and (size > 0).all():
        return
    names = np.array(space.names)
    culprit = vectors[:, 0] ** 2 if (size > 0).all() else (size == 0).astype(float)
    share = {name: float(culprit[names == name].sum()) for name in dict.fromkeys(space.names)}
    blamed = [
        n for n in sorted(share, key=lambda name: -share[name]) if share[n] > 0.1 and n != "shift"
    ] or ["shift"]
    raise UserError(
        f"{_said(n_beads)} not determine {' and '.join(blamed)} (few beads, or all in one plane); "
        f"solve for less, for example "
        f"{blamed[0]}=fixed, or track beads at other heights"
    )
