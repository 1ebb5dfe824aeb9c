"""SART and ordered-subset SIRT: one update per view, or per subset of views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.base import (
    Callback,
    Progress,
    bound,
    check_run,
    check_views,
    initial,
    inverse_sums,
    iterations,
    one_iteration,
)
from recon.algorithms.sart_scheme import Scheme, golden_order, hamming_window
from recon.errors import UserError
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import Method, Needs, Options, same_on_coarse

RANDOM = Scheme()


def sart(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 10,
    n_subsets: int | None = None,
    relaxation: float = 0.3,
    scheme: Scheme = RANDOM,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """For each subset s in turn: x <- x + relaxation * C_s A_s'R_s (y_s - A_s x).

    Andersen and Kak 1984, doi:10.1177/016173468400600107. ``n_subsets=None`` is one view at a time
    (SART); smaller numbers interleave the views (ordered subsets), 1 is SIRT. ``scheme``: in which
    order, and how a correction is spread along the ray; with window='hamming', as the authors did,
    within the ellipse inscribed in the slice, nothing is reconstructed outside it. scikit-image's
    ``iradon_sart`` is Scheme(order='golden', window='hamming'), minimum=None with 4.5 times its own
    ``relaxation``: it divides by the sum of squared weights of two samples a pixel.
    """
    check_views(A, y)
    check_run(n_iterations, minimum, maximum, relaxation, start)
    n_views = A.sinogram_tx[0]
    n = n_views if n_subsets is None else n_subsets
    if not 1 <= n <= n_views:
        raise UserError(
            f"n_subsets={n_subsets} given, 1 to {n_views} (the number of views) wanted; use null "
            f"for one view each"
        )
    scheme.check(one_view_each=n == n_views)
    angles = A.geometry.angles_deg
    subsets = [np.arange(i, n_views, n) for i in range(n)]
    projectors = [A.views(s) for s in subsets]
    support = torch.ones(A.volume_zx[0], 1, A.volume_zx[1], device=y.device)
    if scheme.window == "hamming":
        support *= _slice(hamming_window(float(angles[0]), A.volume_zx) > 0, y)
    R, C = (
        list(sums) for sums in zip(*(inverse_sums(B, support) for B in projectors), strict=True)
    )
    for c in C:
        c.mul_(relaxation)
    if scheme.window == "hamming":
        C = [
            c.mul_(_slice(hamming_window(float(angles[s[0]]), A.volume_zx), y))
            for c, s in zip(C, subsets, strict=True)
        ]
    parts = [y[torch.as_tensor(s)] for s in subsets]

    x = initial(A, y, start)
    progress = Progress(y, stop, callback)
    rng, fixed = (
        np.random.default_rng(scheme.seed),
        golden_order(np.array([angles[s[0]] for s in subsets])),
    )
    residual = back = None
    for _ in track_each("sart", range(n_iterations)):
        if progress.wanted and progress.done(y - A(x)):
            break
        for i in rng.permutation(n) if scheme.order == "random" else fixed:
            residual = projectors[i](x, reuse=residual).neg_().add_(parts[i]).mul_(R[i])
            back = projectors[i].T(residual, reuse=back)
            x.addcmul_(C[i], back)
            bound(x, minimum, maximum)
    return x


def _slice(weights: np.ndarray, like: Tensor) -> Tensor:
    """(z, x) -> (z, 1, x) float32 beside ``like``."""
    return torch.from_numpy(weights.astype(np.float32))[:, None].to(like.device)


def _needs(options: Options) -> Needs:
    return Needs(2.5, 5, work=iterations(options), steps=iterations(options))


SART = Method(sart, needs=_needs, brief=one_iteration, coarser=same_on_coarse)
