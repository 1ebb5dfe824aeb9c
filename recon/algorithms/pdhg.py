"""The primal-dual hybrid gradient iteration for TV: its state, and one step of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms import tv_kernels
from recon.algorithms.base import initial
from recon.errors import UserError
from recon.projectors.base import Projector
from recon.projectors.masked import unmasked

# The primal step over the dual step, in the balanced problem. Dual variables (residuals, clipped
# gradients) are about this much smaller than the volume's values; 100 to 300 converged fastest on
# noise-free and noisy phantoms, 10 five times slower.
STEP_RATIO = 150.0


class Pdhg:
    """The iterate ``x`` and its dual variables, on arrays in the memory order of the projector's
    volumes.

    ``misfit`` is A x - y at the extrapolated point of the last step, which costs nothing;
    ``residual()`` is at ``x``.
    """

    def __init__(
        self,
        A: Projector,
        y: Tensor,
        dimensions: int,
        minimum: float | None,
        maximum: float | None,
        start: Tensor | None,
    ) -> None:
        if A.device.type != "cpu":
            raise UserError(
                "algorithm=tv runs on the CPU, a CUDA projector given; use projector=native"
            )
        # A single row's differences along the last axis of memory are those along x.
        self.A, self.weight, self.along_last = A, 0.0, dimensions == 3 or y.shape[1] == 1
        self.norm_A = operator_norm(A)
        self.norm_grad = float(np.sqrt(4 * dimensions))
        # The kernels are compiled for finite numbers: no bound is the largest number, not infinity.
        largest = float(np.finfo(np.float32).max)
        self.low = np.float32(-largest if minimum is None else minimum)
        self.high = np.float32(largest if maximum is None else maximum)
        self.x = initial(A, y, start)
        self.bar = self.x.clone()
        self.y = A(self.x).copy_(y)  # in the projector's memory order
        self.misfit, self.p = torch.zeros_like(self.y), torch.zeros_like(self.y)
        self.back: Tensor | None = None
        shape = _memory(self.x).shape
        self.q = np.zeros((3, *shape), np.float32)
        # ||K||^2 <= 2 for the two balanced operators, so sigma * tau <= 1/2 converges.
        self.tau, self.sigma = (STEP_RATIO / 2**0.5, 1 / (STEP_RATIO * 2**0.5))

    def iterate(self) -> None:
        a, g, sigma, tau = self.norm_A, self.norm_grad, self.sigma, self.tau
        # p <- (p + sigma (A x / a - y / a)) / (1 + sigma)
        self.misfit = self.A(self.bar, reuse=self.misfit).sub_(self.y)
        self.p.add_(self.misfit, alpha=sigma / a).div_(1 + sigma)
        radius = self.weight * g / a**2
        bar, x = _memory(self.bar), _memory(self.x)
        if radius > 0:
            tv_kernels.ascend(
                bar, self.q, np.float32(sigma / g), np.float32(radius), self.along_last
            )
        self.back = self.A.T(self.p, reuse=self.back)
        back = _memory(self.back)
        tv_kernels.descend(
            x, bar, back, self.q, np.float32(tau / a), np.float32(tau / g), self.low, self.high
        )

    def residual(self) -> Tensor:
        return self.A(self.x).sub_(self.y)


def _memory(volume: Tensor) -> np.ndarray:
    """(z, x, row) view of a (z, y, x) volume: C-ordered for the native projector's volumes, and
    rows last for any.

    A single row is seen as (z, 1, x): the kernels' inner loop wants something to run over.
    """
    array = volume.permute(0, 2, 1).numpy()
    return array.reshape(array.shape[0], 1, array.shape[1]) if array.shape[2] == 1 else array


def operator_norm(A: Projector, n_iterations: int = 20) -> float:
    """||A|| by power iteration on one row (rows are alike), a percent too large to be safe."""
    A = unmasked(A)
    n_z, n_x = A.volume_zx
    x = torch.ones(n_z, 1, n_x)
    size = 1.0
    for _ in range(n_iterations):
        x = A.T(A(x / torch.linalg.vector_norm(x)))
        size = float(torch.linalg.vector_norm(x)) ** 0.5
    return 1.01 * size
