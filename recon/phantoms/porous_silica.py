"""Porous silica: a grain with connected, worm-like pores, cut from a Gaussian random field.  Berk
1991, doi:10.1103/PhysRevA.44.5069"""

from __future__ import annotations

import numpy as np

from recon.phantoms.base import VACUUM, Phantom, Region, generator, in_range, render
from recon.phantoms.waves import random_waves, spread

RADIUS = 0.44  # of the grain, box units


def porous_silica(
    *,
    size: int = 128,
    seed: int = 0,
    porosity: float = 0.5,
    period: float = 0.12,
    box_nm: float = 200.0,
) -> Phantom:
    """Density and label 1 where the field lies below the level that leaves ``porosity`` of the
    round grain empty.

    ``period``: from pore to pore, as a share of the box, +-15 %.
    """
    rng = generator(seed)
    in_range("porosity", porosity, 0.05, 0.95)
    in_range("period", period, 0.03, 0.5)
    field = random_waves(rng, 64, 0.85 * period, 1.15 * period)
    grain = random_waves(rng, 12, 0.3, 0.6)  # the grain is not quite round
    points = spread(60_000)
    within = points[_inside(np.sqrt((points**2).sum(1)), grain.at(points))]
    level = float(np.quantile(field.at(within), 1 - porosity))

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        radius = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
        return np.asarray(_inside(radius, grain(z, y, x)) & (field(z, y, x) < level)).astype(
            np.uint8
        )

    done = render(regions_at, [VACUUM, Region(1, 1.0)], (size, size, size), (3, 3, 3))
    step = (
        f"phantom porous_silica: seed {seed}, porosity {porosity:g}, pores {period * box_nm:g} "
        f"nm apart, {size}^3 voxels of {box_nm / size:g} nm"
    )
    return done.phantom("porous_silica", step, box_nm / size)


def _inside(radius: np.ndarray, roughness: np.ndarray) -> np.ndarray:
    return np.asarray(radius < RADIUS * (1 - 0.08 + 0.04 * np.clip(roughness, -2, 2)))
