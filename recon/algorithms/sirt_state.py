"""SIRT as it goes on: so that a run and the choice of its length share every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.base import bound, initial, inverse_sums, norm
from recon.algorithms.sart_scheme import golden_order
from recon.projectors.base import Projector

MOST_SUBSETS = 4
SUBSET_VIEWS = 8  # a subset has at least: a few views alone pull the volume their own way


@dataclass(frozen=True, eq=False)
class _Subset:
    """Views that a step looks at. ``size``: the norm of ``y``. ``R``, ``C``:
    see ``inverse_sums``."""

    A: Projector
    y: Tensor
    size: float
    R: Tensor
    C: Tensor


class Sirt:
    """``x`` after so many of ``iterate``: x <- x + relaxation * C A'R (y - A x), bounded.

    ``momentum``: steps start from x + beta (x - x before), with beta of Nesterov's sequence as in
    FISTA (Beck and Teboulle 2009, doi:10.1137/080716542); C and R are a diagonal metric in which
    the step is short enough and the bounds remain a clamp. The views are
    fitted in a third to an eighth of the steps. ``n_subsets``: each step looks at one of so many
    interleaved subsets of the views in turn (ordered subsets, Hudson and Larkin 1994,
    doi:10.1109/42.363108), and costs that much less. ``residual``: y - A of where the last step
    started, of its views.
    """

    def __init__(
        self,
        A: Projector,
        y: Tensor,
        *,
        relaxation: float = 1.0,
        momentum: bool = False,
        n_subsets: int = 1,
        minimum: float | None = 0.0,
        maximum: float | None = None,
        start: Tensor | None = None,
    ) -> None:
        self._bounds = minimum, maximum
        self._subsets = [
            _weighed(A if views is None else A.views(views), y, views, relaxation)
            for views in _interleaved(A.geometry.angles_deg, n_subsets)
        ]
        self._steps = 0
        self.x = initial(A, y, start)
        # Where a step starts; without momentum x itself.
        self._ahead = self.x.clone() if momentum else self.x
        self._t = 1.0
        self._back: Tensor | None = None
        self.residual: Tensor | None = None

    @property
    def _next(self) -> _Subset:
        return self._subsets[self._steps % len(self._subsets)]

    @property
    def size(self) -> float:
        """The norm of the views that the next step looks at."""
        return self._next.size

    def measure(self) -> Tensor:
        """The residual y - A x that the next step starts from."""
        one = self._next
        self.residual = one.A(self._ahead, reuse=self.residual).neg_().add_(one.y)
        return self.residual

    def step(self) -> None:
        """By the residual that was measured, which is used up."""
        assert self.residual is not None
        one = self._next
        self._steps += 1
        self._back = one.A.T(self.residual.mul_(one.R), reuse=self._back)
        ahead = bound(self._ahead.addcmul_(one.C, self._back), *self._bounds)
        if ahead is self.x:
            return
        t = (1 + (1 + 4 * self._t**2) ** 0.5) / 2
        # x before becomes the point ahead of the next step: x + beta (x - x before).
        self.x.mul_((1 - self._t) / t).add_(ahead, alpha=1 + (self._t - 1) / t)
        self.x, self._ahead, self._t = ahead, self.x, t

    def iterate(self) -> None:
        self.measure()
        self.step()


def subsets_of(n_views: int) -> int:
    """Into how many subsets so many views are divided."""
    return max(1, min(MOST_SUBSETS, n_views // SUBSET_VIEWS))


def _interleaved(angles_deg: np.ndarray, n_subsets: int) -> list[np.ndarray | None]:
    """Numbers of views, each subset's evenly over the tilt range and far from the subset before;
    None where they are all in one."""
    if n_subsets == 1:
        return [None]
    order = np.argsort(angles_deg, kind="stable")
    ranks = golden_order(180 / n_subsets * np.arange(n_subsets))
    return [np.sort(order[rank::n_subsets]) for rank in ranks]


def _weighed(A: Projector, y: Tensor, views: np.ndarray | None, relaxation: float) -> _Subset:
    """``A`` is of the ``views`` of ``y`` already."""
    R, C = inverse_sums(A, torch.ones(A.volume_zx[0], 1, A.volume_zx[1], device=y.device))
    seen = y if views is None else y[views.tolist()]
    return _Subset(A, seen, norm(seen), R, C.mul_(relaxation))
