"""TV: total-variation regularised least squares with positivity, by the primal-dual hybrid gradient method."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms import tv_kernels
from recon.algorithms.base import Callback, Progress, initial
from recon.algorithms.noise import noise_sigma
from recon.errors import UserError
from recon.projectors.base import Projector

# Dual variables are this much smaller than the volume's values, in the balanced problem; measured, see docs/decisions.
STEP_RATIO = 150.0


def tv(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 300,
    weight: float | str = "auto",
    dimensions: int = 3,
    mismatch: float = 0.005,
    noise: float | None = None,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """argmin over x within bounds of 1/2 ||A x - y||^2 + weight * TV(x), isotropic.

    Chambolle and Pock 2011, doi:10.1007/s10851-010-0251-1, on A / ||A|| and grad / ||grad||. ``dimensions``: 3 couples the rows, 2
    regularises each slice by itself. ``weight='auto'``: the discrepancy principle (Morozov), the residual is to equal the noise:
    ||A x - y||^2 = N (noise^2 + (mismatch * rms(y))^2), with ``noise`` the standard deviation per pixel (None: estimated from
    ``y``) and ``mismatch`` the error of the projection model itself.
    """
    if dimensions not in (2, 3):
        raise UserError(f"dimensions={dimensions} given, 2 (each slice by itself) or 3 wanted; correct algorithm.dimensions")
    if isinstance(weight, str):
        if weight != "auto":
            raise UserError(f"weight={weight} given, auto or a number >= 0 wanted; correct algorithm.weight")
        weight = choose_weight(A, y, dimensions=dimensions, mismatch=mismatch, noise=noise, minimum=minimum, maximum=maximum)
    elif weight < 0:
        raise UserError(f"weight={weight} given, auto or a number >= 0 wanted; correct algorithm.weight")
    state = _Pdhg(A, y, dimensions, minimum, maximum, start)
    state.weight = weight
    progress = Progress(y, stop, callback)
    for _ in range(n_iterations):
        state.iterate()
        if progress.wanted and progress.done(state.residual()):
            break
    return state.volume()


def choose_weight(
    A: Projector,
    y: Tensor,
    *,
    dimensions: int = 3,
    mismatch: float = 0.005,
    noise: float | None = None,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    n_iterations: int = 200,
) -> float:
    """The weight at which the residual equals the noise: the iteration itself, its weight steered after every tenth step."""
    sigma = noise_sigma(y) if noise is None else noise
    power = float((y.double() ** 2).mean())
    target = (sigma**2 + mismatch**2 * power) ** 0.5
    if target == 0:
        return 0.0
    state = _Pdhg(A, y, dimensions, minimum, maximum, None)
    # Start where the weight would be if the whole signal were noise, scaled down by the noise's share of it.
    state.weight = target * float(np.sqrt(A.sinogram_tx[0]))
    for i in range(1, n_iterations + 1):
        state.iterate()
        if i >= 30 and i % 10 == 0:
            rms = float((state.residual().double() ** 2).mean()) ** 0.5
            # Steered gently: an iterate lags behind its weight.
            state.weight *= float(np.clip(target / rms, 0.6, 1.6))
    return state.weight


class _Pdhg:
    """The iterate and its dual variables, on arrays in the memory order of the projector's volumes."""

    def __init__(
        self, A: Projector, y: Tensor, dimensions: int, minimum: float | None, maximum: float | None, start: Tensor | None
    ) -> None:
        self.A, self.weight, self.along_rows = A, 0.0, dimensions == 3
        self.norm_A = operator_norm(A)
        self.norm_grad = float(np.sqrt(4 * dimensions))
        # The kernels are compiled for finite numbers: no bound is the largest number, not infinity.
        largest = float(np.finfo(np.float32).max)
        self.low = np.float32(-largest if minimum is None else minimum)
        self.high = np.float32(largest if maximum is None else maximum)
        self.x = initial(A, y, start)
        self.bar = self.x.clone()
        self.y = A(self.x).copy_(y)  # in the projector's memory order
        self.p = torch.zeros_like(self.y)
        shape = _memory(self.x).shape
        self.q = np.zeros((3, *shape), np.float32)
        # ||K||^2 <= 2 for the two balanced operators, so sigma * tau <= 1/2 converges.
        self.tau, self.sigma = (STEP_RATIO / 2**0.5, 1 / (STEP_RATIO * 2**0.5))

    def iterate(self) -> None:
        a, g, sigma, tau = self.norm_A, self.norm_grad, self.sigma, self.tau
        # p <- (p + sigma (A x / a - y / a)) / (1 + sigma)
        self.p.add_(self.A(self.bar).sub_(self.y), alpha=sigma / a).div_(1 + sigma)
        radius = self.weight * g / a**2
        bar, x = _memory(self.bar), _memory(self.x)
        if radius > 0:
            tv_kernels.ascend(bar, self.q, np.float32(sigma / g), np.float32(radius), self.along_rows)
        back = _memory(self.A.T(self.p))
        tv_kernels.descend(x, bar, back, self.q, np.float32(tau / a), np.float32(tau / g), self.low, self.high)

    def residual(self) -> Tensor:
        return self.A(self.x).sub_(self.y)

    def volume(self) -> Tensor:
        return self.x


def _memory(volume: Tensor) -> np.ndarray:
    """The (z, x, row) array behind a (z, y, x) volume of the native projector, or the volume itself if it is in plain order."""
    return volume.numpy() if volume.is_contiguous() else volume.permute(0, 2, 1).numpy()


def operator_norm(A: Projector, n_iterations: int = 20) -> float:
    """||A|| by power iteration on one row (rows are alike), a percent too large to be safe."""
    n_z, n_x = A.volume_zx
    x = torch.ones(n_z, 1, n_x)
    size = 1.0
    for _ in range(n_iterations):
        x = A.T(A(x / torch.linalg.vector_norm(x)))
        size = float(torch.linalg.vector_norm(x)) ** 0.5
    return 1.01 * size
