"""A supported catalyst: a big, rough, porous grain of support with small dense metal particles on
its inner and outer surfaces."""

from __future__ import annotations

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import (
    VACUUM,
    Phantom,
    Region,
    generator,
    in_range,
    random_rotation,
    render,
)
from recon.phantoms.shapes import Body, body, stamp
from recon.phantoms.waves import Waves, random_waves, spread


def supported_catalyst(
    *,
    size: int = 128,
    seed: int = 0,
    n_particles: int = 60,
    porosity: float = 0.35,
    support_density: float = 0.12,
    diameter_nm: float = 4.0,
    box_nm: float = 128.0,
) -> Phantom:
    """Support: label 1, density ``support_density`` (alumina beside platinum in HAADF: about 0.06
    to 0.15). Metal: label 2, density 1.

    Particles are rounded truncated octahedra of ``diameter_nm`` on average (log-normal, 25 %),
    numbered as instances, and do not touch; fewer than ``n_particles`` when there is no more room.
    Their centres are the positions.
    """
    rng = generator(seed)
    in_range("porosity", porosity, 0.0, 0.8)
    in_range("support_density", support_density, 1e-3, 1.0)
    in_range("n_particles", n_particles, 0, 5000)
    if not 0 < diameter_nm <= box_nm / 16:
        raise UserError(
            f"diameter_nm={diameter_nm} given, a number from 0 to {box_nm / 16:g} (box_nm / 16) "
            f"wanted"
        )
    turn, half = random_rotation(rng), rng.uniform(0.24, 0.33, 3)
    support = Support(
        turn / half, random_waves(rng, 24, 0.15, 0.5), random_waves(rng, 48, 0.08, 0.16), porosity
    )
    metal = _decorate(rng, support, n_particles, diameter_nm / box_nm)

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = support.inside(z, y, x).astype(np.int16)
        for number, particle in enumerate(metal, 2):
            stamp(ids, z, y, x, particle, number)
        return ids

    regions = [
        VACUUM,
        Region(1, support_density),
        *(Region(2, 1.0, k + 1) for k in range(len(metal))),
    ]
    done = render(regions_at, regions, (size, size, size), (3, 3, 3))
    step = (
        f"phantom supported_catalyst: seed {seed}, {len(metal)} particles, porosity "
        f"{porosity:g}, {size}^3 voxels of {box_nm / size:g} nm"
    )
    centres = size * np.array([m.centre for m in metal]).reshape(-1, 3)
    return done.phantom("supported_catalyst", step, box_nm / size, centres)


class Support:
    """An ellipsoid with a rough surface, |M p| < 1 + 0.1 f(p), less the pores, g(p) > c; c leaves
    the porosity asked for."""

    def __init__(self, to_unit: np.ndarray, rough: Waves, pores: Waves, porosity: float) -> None:
        self.to_unit, self.rough, self.pores = to_unit.T, rough, pores
        points = spread(40_000)
        within = points[self._depth(points, rough.at(points)) > 0]
        self.cut = float(np.quantile(pores.at(within), 1 - porosity)) if porosity > 0 else np.inf

    def at(self, points: np.ndarray) -> np.ndarray:
        """(p,) bool: which of (p, 3) points are support."""
        return np.asarray(
            (self._depth(points, self.rough.at(points)) > 0) & (self.pores.at(points) <= self.cut)
        )

    def inside(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        m = self.to_unit
        squared = sum(
            (m[i, 0] * z[:, None, None] + m[i, 1] * y[:, None] + m[i, 2] * x) ** 2 for i in range(3)
        )
        whole = np.sqrt(squared) < 1 + 0.1 * np.clip(self.rough(z, y, x), -2, 2)
        return np.asarray(whole & (self.pores(z, y, x) <= self.cut))

    def _depth(self, points: np.ndarray, rough: np.ndarray) -> np.ndarray:
        return np.asarray(
            1 + 0.1 * np.clip(rough, -2, 2) - np.sqrt(((points @ self.to_unit.T) ** 2).sum(1))
        )


def _decorate(
    rng: np.random.Generator, support: Support, wanted: int, diameter: float
) -> list[Body]:
    """Particles whose centres lie on the surface: between a point inside and a point outside, found
    by bisection."""
    placed: list[Body] = []
    n = 12 * wanted + 50
    inner, outer = rng.uniform(-0.42, 0.42, (n, 3)), rng.uniform(-0.42, 0.42, (n, 3))
    usable = support.at(inner) & ~support.at(outer)
    inner, outer = inner[usable], outer[usable]
    for _ in range(30):
        middle = (inner + outer) / 2
        solid = support.at(middle)[:, None]
        inner, outer = np.where(solid, middle, inner), np.where(solid, outer, middle)
    for centre in outer:
        radius = diameter / 2 * float(np.exp(np.clip(rng.normal(0, 0.25), -0.6, 0.6)))
        turn = random_rotation(rng)
        apart = all(
            np.sqrt(((centre - other.centre) ** 2).sum()) > 1.1 * (radius + other.radius)
            for other in placed
        )
        if len(placed) < wanted and apart and np.abs(centre).max() + radius < 0.475:
            placed.append(
                body(
                    "truncated_octahedron",
                    0.7,
                    radius=radius,
                    centre=centre,
                    turn=turn,
                    smoothing=0.08,
                )
            )
    return placed
