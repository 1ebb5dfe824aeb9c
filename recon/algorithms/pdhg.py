"""The primal-dual hybrid gradient iteration for TV: its state, and one step of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms import tv_kernels
from recon.algorithms.base import initial
from recon.algorithms.dual_ramp import Ramp
from recon.errors import UserError
from recon.projectors.base import Projector

Steps = tuple[tuple[int, float], ...]
# The primal step, in units of the largest curvature of the filtered data term: (iteration, step),
# geometric between. A short step finds noisy and smooth matter at once, a long one what few views
# leave open. It knows neither data nor weight, so that every slab and every row is reconstructed
# alike.
STEPS: Steps = ((0, 0.2), (60, 2.0))
SHORT_STEPS: Steps = ((0, 0.2), (40, 0.5))  # the residual is right after few iterations
# What ends within 0.05 dB of the minimum where there is little noise. Beside half of it, on the
# needle, +model=irdm was ahead of TV by 6 % on withheld views, and beside all of it by nothing. On
# fewer columns it takes fewer: the needle on 128 leaves .01613 of withheld views after 150, .01611
# after 200 and after 600.
ENOUGH, OF_COLUMNS = 300, 256
DATA_SHARE = 0.6  # of the dual step; the rest is the gradient's
OVER = 1.9  # over-relaxation: below 2 it converges, and 1 takes about 1.7 times as many iterations


class Pdhg:
    """The iterate ``x`` and its dual variables, on arrays in the memory order of the projector's
    volumes.

    Chambolle and Pock 2011, over-relaxed (Condat 2013), the dual step of the data term a ramp
    filter (a diagonal step in Fourier space): A' F A is nearly flat where A' A falls as 1 / |k|,
    and that is what made the plain iteration slow. ``x`` may leave the bounds by what
    over-relaxation adds; ``volume()`` is within. ``misfit`` is A x - y at the extrapolated point of
    the last step, which costs nothing; ``residual()`` is at ``volume()``.
    """

    def __init__(
        self,
        A: Projector,
        y: Tensor,
        dimensions: int,
        minimum: float | None,
        maximum: float | None,
        start: Tensor | None,
        steps: Steps = STEPS,
    ) -> None:
        if A.device.type != "cpu":
            raise UserError(
                "algorithm=tv runs on the CPU, a CUDA projector given; use projector=native"
            )
        # A single row's differences along the last axis of memory are those along x.
        self.A, self.weight, self.along_last = A, 0.0, dimensions == 3 or y.shape[1] == 1
        self.ramp = Ramp(A)
        self.grad2 = 4.0 * dimensions  # ||grad||^2 is no more
        # The kernels are compiled for finite numbers: no bound is the largest number, not infinity.
        largest = float(np.finfo(np.float32).max)
        self.low = np.float32(-largest if minimum is None else minimum)
        self.high = np.float32(largest if maximum is None else maximum)
        self.x = initial(A, y, start)
        self.bar = self.x.clone()
        self.y = A(self.x).copy_(y)  # in the projector's memory order
        self.misfit, self.p = torch.zeros_like(self.y), torch.zeros_like(self.y)
        self.back: Tensor | None = None
        self.q = np.zeros((3, *_memory(self.x).shape), np.float32)
        self.steps, self.done = steps, 0

    def iterate(self) -> None:
        # tau (sigma ||A' F A|| + sigma_q ||grad||^2) <= 1
        tau = step_after(self.steps, self.done) / self.ramp.norm
        sigma, sigma_q = DATA_SHARE / (tau * self.ramp.norm), (1 - DATA_SHARE) / (tau * self.grad2)
        self.misfit = self.A(self.bar, reuse=self.misfit).sub_(self.y)
        # p <- (1 + sigma F)^-1 (p + sigma F (A x - y))
        self.ramp.ascend(self.p, self.misfit, sigma, OVER)
        bar, x = _memory(self.bar), _memory(self.x)
        # A ball of no radius: the dual variable of a prior without weight is zero.
        if self.weight > 0:
            tv_kernels.ascend(
                bar,
                self.q,
                np.float32(sigma_q),
                np.float32(self.weight),
                np.float32(OVER),
                self.along_last,
            )
        self.back = self.A.T(self.p, reuse=self.back)
        back = _memory(self.back)
        tv_kernels.descend(
            x, bar, back, self.q, np.float32(tau), np.float32(OVER), self.low, self.high
        )
        self.done += 1

    def volume(self) -> Tensor:
        """A copy of the iterate, within the bounds."""
        return self.x.clamp(float(self.low), float(self.high))

    def residual(self) -> Tensor:
        return self.A(self.volume()).sub_(self.y)


def enough_iterations(columns: int) -> int:
    """Of TV on views of so many columns."""
    return min(ENOUGH, max(ENOUGH // 3, -(-ENOUGH * columns // OF_COLUMNS)))


def step_after(steps: Steps, done: int) -> float:
    """The step after ``done`` iterations."""
    at, lengths = zip(*steps, strict=True)
    return float(np.exp(np.interp(done, at, np.log(lengths))))


def _memory(volume: Tensor) -> np.ndarray:
    """(z, x, row) view of a (z, y, x) volume: C-ordered for the native projector's volumes, and
    rows last for any.

    A single row is seen as (z, 1, x): the kernels' inner loop wants something to run over.
    """
    array = volume.permute(0, 2, 1).numpy()
    return array.reshape(array.shape[0], 1, array.shape[1]) if array.shape[2] == 1 else array
