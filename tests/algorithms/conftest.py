"""One small problem that the algorithms share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.geometry import Geometry
from recon.projectors.native import NativeProjector


@dataclass(frozen=True)
class Problem:
    A: NativeProjector
    truth: Tensor  # (z, y, x), piecewise constant
    y: Tensor  # (tilt, y, x), exact
    noisy: Tensor  # y with white noise of standard deviation ``sigma``
    sigma: float


def blocks(n: int, rows: int) -> Tensor:
    """A box with a hole and a bright bar that ends half-way along y: all of it piecewise
    constant."""
    x = torch.zeros(n, rows, n)
    x[n // 5 : 4 * n // 5, :, n // 4 : 3 * n // 4] = 1.0
    x[2 * n // 5 : 3 * n // 5, :, 2 * n // 5 : n // 2] = 0.0
    x[n // 4 : n // 3, : rows // 2 + 1, n // 3 : 2 * n // 3] = 2.0
    return x


@pytest.fixture(scope="session")
def problem() -> Problem:
    """26 x 26 pixels, 9 rows, 31 views to +-60 degrees, 3 % noise."""
    A = NativeProjector(Geometry(np.linspace(-60, 60, 31), 1.0), (26, 26), 30)
    truth = blocks(26, 9)
    y = A(truth)
    sigma = 0.03 * float(y.max())
    noise = torch.from_numpy(
        np.random.default_rng(5).normal(0, sigma, tuple(y.shape)).astype(np.float32)
    )
    return Problem(A, truth, y, y + noise, sigma)
