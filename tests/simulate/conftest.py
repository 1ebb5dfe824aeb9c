"""A specimen that costs nothing to make."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from recon.phantoms.base import Phantom

BALLS = (
    (0.1, -0.2, 0.15, 0.09),
    (-0.15, 0.1, -0.1, 0.12),
    (0.0, 0.22, 0.2, 0.07),
    (-0.2, -0.25, -0.22, 0.08),
)  # z, y, x, radius


def make_marbles(*, size: int = 32, density: float = 1.0) -> Phantom:
    """Four numbered balls in a box of 60 nm, not anti-aliased; an empty box when ``density`` is
    0."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    instances = np.zeros((size, size, size), np.int32)
    for number, (z, y, x, radius) in enumerate(BALLS, 1):
        inside = (axis[:, None, None] - z) ** 2 + (axis[:, None] - y) ** 2 + (
            axis - x
        ) ** 2 < radius**2
        instances[inside] = number
    solid = torch.from_numpy((instances > 0).astype(np.float32))
    positions = size * np.array(BALLS)[:, :3]
    return Phantom(
        density * solid,
        solid.to(torch.int16),
        torch.from_numpy(instances),
        positions,
        None,
        60 / size,
        "marbles",
        ("marbles",),
    )


@pytest.fixture(scope="session")
def marbles() -> Callable[..., Phantom]:
    return make_marbles
