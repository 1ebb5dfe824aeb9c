"""SART and ordered-subset SIRT: one update per view, or per subset of views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound, check_run, initial, inverse
from recon.errors import UserError
from recon.projectors.base import Projector


def sart(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 10,
    n_subsets: int | None = None,
    relaxation: float = 0.3,
    seed: int = 0,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """For each subset s in turn: x <- x + relaxation * C_s A_s'R_s (y_s - A_s x).

    Andersen and Kak 1984, doi:10.1177/016173468400600107. ``n_subsets=None`` is one view at a time (SART); smaller numbers
    interleave the views (ordered subsets), 1 is SIRT. Subsets are visited in a new random order (``seed``) every iteration.
    """
    check_run(n_iterations, minimum, maximum, relaxation, start)
    n_views = A.sinogram_tx[0]
    n = n_views if n_subsets is None else n_subsets
    if not 1 <= n <= n_views:
        raise UserError(f"n_subsets={n_subsets} given, 1 to {n_views} (the number of views) wanted; use null for one view each")
    subsets = [np.arange(i, n_views, n) for i in range(n)]
    projectors = [A.views(s) for s in subsets]
    ones = torch.ones(A.volume_zx[0], 1, A.volume_zx[1], device=y.device)
    R = [inverse(B(ones)) for B in projectors]
    C = [inverse(B.T(torch.ones_like(r))).mul_(relaxation) for B, r in zip(projectors, R, strict=True)]
    parts = [y[torch.as_tensor(s)] for s in subsets]

    x = initial(A, y, start)
    progress = Progress(y, stop, callback)
    rng = np.random.default_rng(seed)
    for _ in range(n_iterations):
        if progress.wanted and progress.done(y - A(x)):
            break
        for i in rng.permutation(n):
            residual = projectors[i](x).neg_().add_(parts[i]).mul_(R[i])
            x.addcmul_(C[i], projectors[i].T(residual))
            bound(x, minimum, maximum)
    return x
