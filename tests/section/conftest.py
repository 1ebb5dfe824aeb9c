"""Grains in an endless layer, projected exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from recon.geometry import Geometry, centre
from recon.series import TiltSeries
from recon.simulate.film import grain_mass

Layered = Callable[..., TiltSeries]


@pytest.fixture
def layered() -> Layered:
    def make(
        *,
        width: int = 256,
        rows: int = 192,
        thickness: float = 24.0,
        pretilt_deg: float = 0.0,
        x_tilt_deg: float = 0.0,
        z_px: float = 0.0,
        top_deg: float = 60.0,
        noise: float = 1.0,
        seed: int = 0,
    ) -> TiltSeries:
        """Gaussian grains of 1 to 2.5 pixels, whose centres fill the layer z = z_px + x tan(pretilt)
        + y tan(x_tilt). Noise in units of the texture's deviation."""
        rng = np.random.default_rng(seed)
        angles = np.arange(-top_deg, top_deg + 1, 3.0)
        steep = np.deg2rad(top_deg + abs(pretilt_deg))
        field = 1.1 * (width + 2 * abs(z_px) + thickness) / np.cos(steep)
        n = int(field * 1.2 * rows * thickness / 300)
        sigma, density = rng.uniform(1.0, 2.5, n), rng.normal(size=n)
        y, x = 1.2 * rows * rng.uniform(-0.5, 0.5, n), field * rng.uniform(-0.5, 0.5, n)
        slopes = np.tan(np.deg2rad([x_tilt_deg, pretilt_deg]))
        across = thickness * np.sqrt(1 + (slopes**2).sum()) * rng.uniform(-0.5, 0.5, n)
        z = z_px + y * slopes[0] + x * slopes[1] + across
        views = []
        for t in np.deg2rad(angles):
            at = np.stack([y + centre(rows), x * np.cos(t) + z * np.sin(t) + centre(width)], 1)
            views.append(grain_mass((rows, width), at, sigma, density * sigma * np.sqrt(2 * np.pi)))
        stack = np.stack(views) / np.std(views)
        stack = stack + 10 + noise * rng.normal(size=stack.shape)
        return TiltSeries(torch.from_numpy(stack.astype(np.float32)), Geometry(angles, 2.0))

    return make
