"""The samples that choices are made on: views that a reconstruction has to predict, and rows."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from recon.errors import UserError
from recon.projectors.base import Projector
from recon.projectors.masked import of_rows

EVERY = 5  # one view in five
SAMPLE_ROWS = 16  # one SIMD vector of the native projector


def withheld_views(angles_deg: np.ndarray, every: int = EVERY) -> tuple[np.ndarray, np.ndarray]:
    """(kept, withheld) view numbers: every ``every``-th view by angle, never an outermost one,
    which could only be extrapolated."""
    order = np.argsort(angles_deg)
    held = np.sort(order[every // 2 : -1 : every]) if every // 2 > 0 else order[1:-1]
    kept = np.setdiff1d(order, held)
    if held.size == 0 or kept.size < 2:
        raise UserError(
            f"{angles_deg.size} views given, at least {every + 2} wanted to withhold every "
            f"{every}th; use trust=none, and a number for auto"
        )
    return kept, held


def busiest_rows(y: Tensor, count: int = SAMPLE_ROWS) -> Tensor:
    """The ``count`` neighbouring rows of (tilt, y, x) that hold most of the signal's variation."""
    return y if y.shape[1] <= count else y[:, find_busiest(y, count)].clone()


def busiest(A: Projector, y: Tensor, count: int = SAMPLE_ROWS) -> tuple[Projector, Tensor]:
    """The operator and the views of ``busiest_rows``."""
    return of_rows(A, find_busiest(y, count)), busiest_rows(y, count).to(A.device)


def find_busiest(y: Tensor, count: int) -> slice:
    """Where ``busiest_rows`` are; all rows where there are no more."""
    if y.shape[1] <= count:
        return slice(0, y.shape[1])
    power = y.var(dim=(0, 2)).numpy()
    first = int(np.argmax(np.convolve(power, np.ones(count), "valid")))
    return slice(first, first + count)
