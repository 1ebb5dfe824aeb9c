"""A needle-like specimen in a tilt series: bright, in vacuum, drifting a little."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.series import TiltSeries

N, ROWS, COLUMNS = 21, 48, 56


@pytest.fixture
def views() -> np.ndarray:
    """(tilt, y, x) float32: level 100, noise 2, a specimen of 300 with two particles."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(float)
    stack = np.empty((N, ROWS, COLUMNS))
    for k, tilt in enumerate(np.deg2rad(np.linspace(-60, 60, N))):
        dy, dx = 2 * np.sin(k), 1.5 * np.cos(1.3 * k)
        at_y, at_x = y - ROWS / 2 - dy, x - COLUMNS / 2 - dx
        body = 300 * np.exp(-((at_x / 9) ** 2) - (at_y / 16) ** 2)
        for side, height in ((8, -7), (-6, 9)):
            body += 200 * np.exp(
                -(((at_x - side * np.cos(tilt)) / 3) ** 2) - ((at_y - height) / 3) ** 2
            )
        stack[k] = 100 + body
    return (stack + rng.normal(0, 2, stack.shape)).astype(np.float32)


@pytest.fixture
def series_of() -> Callable[[np.ndarray], TiltSeries]:
    def make(stack: np.ndarray) -> TiltSeries:
        angles = np.linspace(-60, 60, len(stack))
        return TiltSeries(torch.from_numpy(np.asarray(stack, np.float32)), Geometry(angles, 1.0))

    return make
