"""Levenberg-Marquardt with the beads eliminated, for one loss and one space of parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError

from recon.align.bundle.gauge import Space
from recon.align.bundle.loss import Loss
from recon.align.bundle.model import Cameras
from recon.align.bundle.normal import assemble, linearised, step
from recon.align.bundle.plausible import Prior


@dataclass(frozen=True, eq=False)
class Seen:
    """Observations with beads numbered without gaps. ``xy``: (obs, 2) as (x, y) from the image
    centre."""

    bead: np.ndarray
    view: np.ndarray
    xy: np.ndarray
    n_beads: int

    def keep(self, chosen: np.ndarray) -> Seen:
        return Seen(self.bead[chosen], self.view[chosen], self.xy[chosen], self.n_beads)


def residuals(cameras: Cameras, beads_xyz: np.ndarray, seen: Seen) -> np.ndarray:
    """(obs, 2) seen minus predicted, (x, y)."""
    return linearised(cameras, beads_xyz, seen.bead, seen.view, seen.xy, np.array([0]))[0]


def minimise(
    cameras: Cameras,
    beads_xyz: np.ndarray,
    seen: Seen,
    space: Space,
    loss: Loss,
    prior: Prior,
    *,
    steps: int = 60,
    tolerance: float = 1e-10,
) -> tuple[Cameras, np.ndarray]:
    """The views and beads of least loss and ``prior`` near the given ones. A step is taken only if
    it lowers their sum.

    Ends when a step gains less than ``tolerance`` of it. Marquardt 1963, doi:10.1137/0111030,
    on iteratively reweighted squares. Raises ``LinAlgError`` when no damping makes the equations
    solvable.
    """
    damping, solvable = 1e-7, False
    residual, to_view, to_bead = linearised(
        cameras, beads_xyz, seen.bead, seen.view, seen.xy, space.columns
    )
    length = np.hypot(*residual.T)
    cost = loss.value(length) + prior.value(cameras, space)
    curvature = prior.curvature(space)
    for _ in range(steps):
        equations = assemble(
            residual,
            to_view,
            to_bead,
            loss.weight(length),
            seen.bead,
            seen.view,
            space,
            seen.n_beads,
        ).with_prior(curvature, prior.slope(cameras, space))
        while True:
            try:
                views, beads = step(equations.damped(damping))
                solvable = True
                tried = space.change(cameras, views), beads_xyz + beads
                new = linearised(*tried, seen.bead, seen.view, seen.xy, space.columns)
                new_length = np.hypot(*new[0].T)
                new_cost = np.inf
                if np.isfinite(new_length).all():
                    new_cost = loss.value(new_length) + prior.value(tried[0], space)
            except LinAlgError:
                new_cost = np.inf
            if new_cost <= cost:
                break
            damping *= 10
            if damping > 1e6:
                if not solvable:
                    raise LinAlgError("no damping makes the normal equations solvable")
                return cameras, beads_xyz
        gain = cost - new_cost
        (cameras, beads_xyz), (residual, to_view, to_bead), length, cost = (
            tried,
            new,
            new_length,
            new_cost,
        )
        damping = max(damping / 10, 1e-12)
        if gain <= tolerance * cost or cost < 1e-22 * len(length):
            break
    return cameras, beads_xyz
