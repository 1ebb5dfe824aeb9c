"""Round needles that an axis can be mistaken on: alike from all sides, they look as steady across
themselves as along."""

from __future__ import annotations

import numpy as np
import torch

from recon.geometry import Geometry
from recon.series import TiltSeries
from recon.simulate.ellipsoids import Ellipsoids, project_ellipsoids


def needle(
    axis_deg: float, *, seed: int = 0, size: int = 64, step_deg: float = 2.0, drift_px: float = 3.0
) -> tuple[TiltSeries, Geometry]:
    """A layered needle over 180 degrees along the tilt axis, cut off by the frame at one end: edges
    across it lie along the rows when the axis is vertical. 400 counts, a random drift."""
    rng = np.random.default_rng(seed)
    radius, middles, axes, density = 0.16 * size, [np.zeros(3)], [], [1.0]
    middles[0] = np.array([0, -0.15 * size, 0])
    axes.append(np.diag([radius, 0.62 * size, radius]))
    for y in np.linspace(-0.4, 0.3, 6):
        middles.append(np.array([0, y * size + rng.normal(), 0]))
        axes.append(np.diag([0.85 * radius, 0.02 * size * rng.uniform(0.7, 1.5), 0.85 * radius]))
        density.append(rng.uniform(0.5, 2))
    for _ in range(6):
        turn, away = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.uniform(0, 0.8))
        at = [away * np.cos(turn), rng.uniform(-0.42, 0.35) * size, away * np.sin(turn)]
        middles.append(np.array(at))
        axes.append(np.diag(size * rng.uniform(0.015, 0.05, 3)))
        density.append(rng.uniform(0.5, 3))
    bodies = Ellipsoids(np.array(middles), np.array(axes), np.array(density))
    angles = np.arange(-90.0, 90.1, step_deg)
    drift = np.cumsum(rng.normal(size=(angles.size, 2)), axis=0)
    drift = drift_px * (drift - drift.mean(0)) / drift.std(0)
    geometry = Geometry(angles, 1.0, axis_deg, drift)
    clean = project_ellipsoids(bodies, geometry, (size, size))
    counts = rng.poisson(400 * clean / clean.max()) + rng.normal(0, 1, clean.shape)
    return TiltSeries(torch.from_numpy(counts.astype(np.float32)), Geometry(angles, 1.0)), geometry
