"""What the measured views say to a network's output: how much of it they bear out, and what they
correct in it."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.algorithms.sirt import sirt
from recon.projectors.base import Projector

ITERATIONS = (0, 1, 2, 4, 8, 16)  # of SIRT that are tried
AS_WELL = 0.003  # of the error on withheld views: more than chance makes of some 10,000 pixels


def choose_strength(A: Projector, y: Tensor, before: Tensor, after: Tensor) -> float:
    """1 where ``after`` predicts the views ``y`` as well as ``before`` does, else the a in 0 ... 1
    for which ``before`` + a (``after`` - ``before``) predicts them best: a least-squares problem of
    one unknown.

    With ``A`` and ``y`` of views that neither volume was made from, an invention that the specimen
    does not have costs the network its say.
    """
    change, wanted = A(after - before).double(), (y - A(before)).double()
    if float(torch.linalg.vector_norm(wanted - change)) <= (1 + AS_WELL) * float(
        torch.linalg.vector_norm(wanted)
    ):
        return 1.0
    power = float((change**2).sum())
    return min(1.0, max(0.0, float((change * wanted).sum()) / power)) if power > 0 else 0.0


def make_consistent(
    A: Projector, y: Tensor, x: Tensor, n_iterations: int, *, minimum: float | None = 0.0
) -> Tensor:
    """``n_iterations`` of SIRT from ``x``: what the views measured is put right, what they did not
    measure stays as it is."""
    return (
        x if n_iterations == 0 else sirt(A, y, start=x, n_iterations=n_iterations, minimum=minimum)
    )


def choose_consistency(
    seen: Projector,
    y_seen: Tensor,
    unseen: Projector,
    y_unseen: Tensor,
    x: Tensor,
    *,
    minimum: float | None = 0.0,
) -> int:
    """How many of ``ITERATIONS`` on the ``seen`` views, from ``x``, predict the ``unseen`` ones
    best. All views: (tilt, y, x)."""
    errors: list[float] = []
    done = 0
    for count in ITERATIONS:
        x = make_consistent(seen, y_seen, x, count - done, minimum=minimum)
        done = count
        errors.append(float(torch.linalg.vector_norm((unseen(x) - y_unseen).double())))
    return ITERATIONS[errors.index(min(errors))]
