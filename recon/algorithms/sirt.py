"""SIRT: simultaneous iterative reconstruction."""

from __future__ import annotations

import functools
from typing import Any, Literal

import torch
from torch import Tensor

from recon.algorithms.base import (
    Callback,
    Progress,
    bound,
    check_run,
    check_views,
    initial,
    inverse,
    iterations,
    one_iteration,
)
from recon.algorithms.sirt_iterations import choose_iterations
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import BoundMethod, Method, Needs, Options, Settled, same_on_coarse


def sirt(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int | Literal["auto"] = 50,
    relaxation: float = 1.0,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """x <- x + relaxation * C A'R (y - A x), with R and C the inverse row and column sums of A.

    Gilbert 1972, doi:10.1016/0022-5193(72)90180-4. ``y``: (tilt, y, x); returns (z, y, x).
    ``stop``: end early once the residual falls by less than this fraction per iteration.
    ``n_iterations='auto'``: as many as predict withheld views best.
    """
    check_views(A, y)
    if n_iterations == "auto":
        options: dict[str, Any] = {"relaxation": relaxation, "minimum": minimum, "maximum": maximum}
        n_iterations = choose_iterations(functools.partial(sirt, **options), A, y)
    check_run(n_iterations, minimum, maximum, relaxation, start)
    R = inverse(
        A(torch.ones(A.volume_zx[0], 1, A.volume_zx[1], device=y.device))
    )  # (tilt, 1, x): rows are alike
    C = inverse(A.T(torch.ones(A.sinogram_tx[0], 1, A.sinogram_tx[1], device=y.device))).mul_(
        relaxation
    )
    x = initial(A, y, start)
    progress = Progress(y, stop, callback)
    residual = back = None
    for _ in track_each("sirt", range(n_iterations)):
        residual = A(x, reuse=residual).neg_().add_(y)
        if progress.done(residual):
            break
        back = A.T(residual.mul_(R), reuse=back)
        x.addcmul_(C, back)
        bound(x, minimum, maximum)
    return x


def _needs(options: Options) -> Needs:
    return Needs(2.5, 4, work=iterations(options), steps=iterations(options))


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    if method.options["n_iterations"] != "auto":
        return Settled(method)
    fixed = {k: method.options[k] for k in ("relaxation", "minimum", "maximum")}
    count = choose_iterations(functools.partial(sirt, **fixed), A, y)
    return Settled(method.but({"n_iterations": count}), {"sirt_iterations": count})


SIRT = Method(sirt, needs=_needs, settle=_settle, brief=one_iteration, coarser=same_on_coarse)
