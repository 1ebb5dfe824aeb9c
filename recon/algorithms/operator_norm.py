"""The largest singular value of a projector, alone or under a filter."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from recon.projectors.base import Projector
from recon.projectors.masked import unmasked


def operator_norm(A: Projector, n_iterations: int = 20) -> float:
    """||A|| by power iteration on one row (rows are alike), a percent too large to be safe."""
    A = unmasked(A)
    n_z, n_x = A.volume_zx
    square = _largest(A, torch.ones(n_z, 1, n_x), lambda views: views, n_iterations)
    return 1.01 * math.sqrt(square)


def filtered_norm(
    A: Projector, filtered: Callable[[Tensor], Tensor], n_iterations: int = 30
) -> float:
    """||A' F A|| of whole views in the same way, five percent too large: its largest eigenvalues
    lie close together. ``filtered``: F, symmetric and positive."""
    A = unmasked(A)
    n_z, n_x = A.volume_zx
    # With noise, as under a filter the largest need not be near the mean.
    noise = torch.randn(n_z, 1, n_x, generator=torch.Generator().manual_seed(0))
    return 1.05 * _largest(A, 1 + noise, filtered, n_iterations)


def _largest(
    A: Projector, x: Tensor, filtered: Callable[[Tensor], Tensor], n_iterations: int
) -> float:
    size = 1.0
    for _ in range(n_iterations):
        x = A.T(filtered(A(x / torch.linalg.vector_norm(x))))
        size = float(torch.linalg.vector_norm(x))
    return size
