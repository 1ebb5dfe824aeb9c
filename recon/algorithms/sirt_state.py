"""SIRT as it goes on: so that a run and the choice of its length share every step."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.algorithms.base import bound, initial, inverse
from recon.projectors.base import Projector


class Sirt:
    """``x`` after so many of ``iterate``: x <- x + relaxation * C A'R (y - A x), bounded.

    ``momentum``: steps start from x + beta (x - x before), with beta of Nesterov's sequence as in
    FISTA (Beck and Teboulle 2009, doi:10.1137/080716542); C and R are a diagonal metric in which
    the step is short enough and the bounds remain a clamp. The views are
    fitted in a third to an eighth of the steps. ``residual``: y - A of where the last step started.
    """

    def __init__(
        self,
        A: Projector,
        y: Tensor,
        *,
        relaxation: float = 1.0,
        momentum: bool = False,
        minimum: float | None = 0.0,
        maximum: float | None = None,
        start: Tensor | None = None,
    ) -> None:
        self._A, self._y = A, y
        self._bounds = minimum, maximum
        # (tilt, 1, x) and (z, 1, x): rows are alike
        self._R = inverse(A(torch.ones(A.volume_zx[0], 1, A.volume_zx[1], device=y.device)))
        self._C = inverse(
            A.T(torch.ones(A.sinogram_tx[0], 1, A.sinogram_tx[1], device=y.device))
        ).mul_(relaxation)
        self.x = initial(A, y, start)
        # Where a step starts; without momentum x itself.
        self._ahead = self.x.clone() if momentum else self.x
        self._t = 1.0
        self._back: Tensor | None = None
        self.residual: Tensor | None = None

    def measure(self) -> Tensor:
        """The residual y - A x that the next step starts from."""
        self.residual = self._A(self._ahead, reuse=self.residual).neg_().add_(self._y)
        return self.residual

    def step(self) -> None:
        """By the residual that was measured, which is used up."""
        assert self.residual is not None
        self._back = self._A.T(self.residual.mul_(self._R), reuse=self._back)
        ahead = bound(self._ahead.addcmul_(self._C, self._back), *self._bounds)
        if ahead is self.x:
            return
        t = (1 + (1 + 4 * self._t**2) ** 0.5) / 2
        # x before becomes the point ahead of the next step: x + beta (x - x before).
        self.x.mul_((1 - self._t) / t).add_(ahead, alpha=1 + (self._t - 1) / t)
        self.x, self._ahead, self._t = ahead, self.x, t

    def iterate(self) -> None:
        self.measure()
        self.step()
