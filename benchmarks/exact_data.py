"""Data whose truth is known and shares no discretisation with any projector, and how near a result
comes to it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry, centre
from recon.simulate.ellipsoids import Ellipsoids, catalyst, project_ellipsoids


def specimen(n: int) -> Ellipsoids:
    return catalyst(n, np.random.default_rng(0))


def views(n: int, rows: int, geometry: Geometry) -> Tensor:
    """(tilt, rows, n) exact line integrals of the middle rows."""
    return torch.from_numpy(project_ellipsoids(specimen(n), geometry, (rows, n)).astype(np.float32))


def truth(n: int, rows: int, oversample: int = 3) -> Tensor:
    """(n, rows, n) densities of the middle rows, averaged over ``oversample``^3 points per
    voxel."""
    fine = (np.arange(oversample) + 0.5) / oversample - 0.5
    line = [((np.arange(m) - centre(m))[:, None] + fine).ravel() for m in (n, rows, n)]
    total = np.zeros([len(points) for points in line], np.float32)
    bodies = specimen(n)
    for middle, axes, density in zip(bodies.centre_px, bodies.axes_px, bodies.density, strict=True):
        reach = np.linalg.norm(axes, axis=1)  # half the bounding box of the ellipsoid
        box = tuple(
            slice(*np.searchsorted(p, [m - r, m + r]))
            for p, m, r in zip(line, middle, reach, strict=True)
        )
        grid = np.meshgrid(
            *[p[b] - m for p, b, m in zip(line, box, middle, strict=True)], indexing="ij"
        )
        inside = (np.tensordot(np.linalg.inv(axes), np.stack(grid), 1) ** 2).sum(0) <= 1
        total[box] += density * inside
    o = oversample
    return torch.from_numpy(total.reshape(n, o, rows, o, n, o).mean((1, 3, 5)))


def psnr_db(volume: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio; the peak is the largest true value."""
    error = float(((volume - wanted).double() ** 2).mean())
    return float(10 * np.log10(float(wanted.max()) ** 2 / error))
