"""CGLS: conjugate gradients on the normal equations."""

from __future__ import annotations

from torch import Tensor

from recon.algorithms.base import (
    Callback,
    Progress,
    bound,
    check_run,
    check_views,
    initial,
    iterations,
    norm,
    one_iteration,
)
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import Method, Needs, Options, same_on_coarse


def cgls(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 20,
    minimum: float | None = None,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """argmin ||A x - y||^2 by conjugate gradients, regularised by stopping early.

    Hestenes and Stiefel 1952, doi:10.6028/jres.049.044. Rows share one step length, so this
    algorithm alone is not independent from row to row. Bounds are applied to the result: within the
    iteration they would break conjugacy.
    """
    check_views(A, y)
    check_run(n_iterations, minimum, maximum, start=start)
    x = initial(A, y, start)
    residual = y.clone() if start is None else y - A(x)
    gradient = A.T(residual)
    direction = gradient.clone()
    gamma = norm(gradient) ** 2
    progress, projected = Progress(y, stop, callback), None
    for _ in track_each("cgls", range(n_iterations)):
        if progress.done(residual) or gamma == 0:
            break
        projected = A(direction, reuse=projected)
        step = gamma / (norm(projected) ** 2 or 1.0)
        x.add_(direction, alpha=step)
        residual.sub_(projected.mul_(step))
        gradient = A.T(residual, reuse=gradient)
        gamma, before = norm(gradient) ** 2, gamma
        direction.mul_(gamma / before).add_(gradient)
    return bound(x, minimum, maximum)


def _needs(options: Options) -> Needs:
    return Needs(4.5, 6, work=iterations(options), steps=iterations(options))


CGLS = Method(cgls, needs=_needs, brief=one_iteration, coarser=same_on_coarse)
