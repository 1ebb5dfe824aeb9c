"""Random polygons, the training images of IRDM.  Wang et al. 2020, doi:10.1002/aisy.202000152;
ranges from the authors' generator.

On a picture of 256 pixels, up to three star-shaped polygons near its centre: a large one, with p =
0.5 a second, and with p = 0.5 a third that is a hole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.phantoms.base import Phantom, generator
from recon.phantoms.planar import Picture, lift

CANVAS_PX = 256.0  # the picture that the numbers below are given for


@dataclass(frozen=True)
class Recipe:
    """``radius_px``: whole pixels, both ends included, before a factor of 0.9 to 1.1; ``vertices``:
    both ends included."""

    radius_px: tuple[int, int]
    irregularity: float
    spikiness: float
    vertices: tuple[int, int]


RECIPES = (
    Recipe((20, 50), 0.5, 0.4, (3, 60)),
    Recipe((20, 30), 0.5, 0.1, (3, 100)),
    Recipe((15, 25), 0.5, 0.9, (3, 20)),
)


@dataclass(frozen=True, eq=False)
class Polygon:
    """``corners``: (n, 2) as (z, x) in box units, in order around; ``value``: 1 for matter, 0 for a
    hole."""

    corners: np.ndarray
    value: int


def polygons(
    *, size: int = 128, seed: int = 0, rows: int | None = None, box_nm: float = 128.0
) -> Phantom:
    """One to three polygons in the (z, x) plane, density and label 1, holes 0. ``rows``: voxels
    along y; null: as many as ``size``."""
    drawn = draw(generator(seed))
    step = (
        f"seed {seed}, {len(drawn)} polygons of "
        f"{', '.join(str(len(p.corners)) for p in drawn)} "
        f"corners"
    )
    return lift(_fill(drawn), size=size, rows=rows, name="polygons", step=step, box_nm=box_nm)


def draw(rng: np.random.Generator) -> list[Polygon]:
    """The first polygon, perhaps the second, perhaps the hole."""
    there = (True, rng.random() < 0.5, rng.random() < 0.5)
    return [Polygon(_star(rng, recipe), int(k < 2)) for k, recipe in enumerate(RECIPES) if there[k]]


def _star(rng: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """(n, 2) corners around a centre: uneven steps of angle that sum to a turn, radii normal around
    the mean and cut at 0 and twice it."""
    centre = CANVAS_PX / 2 * rng.uniform(0.9, 1.1, 2)
    mean = rng.integers(recipe.radius_px[0], recipe.radius_px[1] + 1) * rng.uniform(0.9, 1.1)
    irregularity, spikiness = rng.uniform(0, recipe.irregularity), rng.uniform(0, recipe.spikiness)
    n = int(rng.integers(recipe.vertices[0], recipe.vertices[1] + 1))
    steps = rng.uniform(1 - irregularity, 1 + irregularity, n)
    angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.cumsum(steps) / steps.sum()
    radius = np.clip(rng.normal(mean, spikiness * mean, n), 0, 2 * mean)
    corners_px = centre + radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return np.asarray((corners_px - CANVAS_PX / 2) / CANVAS_PX)


def _fill(drawn: list[Polygon]) -> Picture:
    """Even-odd rule: a point is inside when an odd number of edges cross its line to its left."""

    def picture(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        label = np.zeros((z.size, x.size), np.int16)
        for polygon in drawn:
            (z0, x0), (z1, x1) = polygon.corners.T, np.roll(polygon.corners, -1, axis=0).T
            for row, at in enumerate(z):
                cut = (z0 <= at) != (z1 <= at)
                crossings = np.sort(
                    x0[cut] + (at - z0[cut]) / (z1[cut] - z0[cut]) * (x1[cut] - x0[cut])
                )
                label[row, np.searchsorted(crossings, x) % 2 == 1] = polygon.value
        return label.astype(np.float64), label

    return picture
