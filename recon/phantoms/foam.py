"""A foam: a pillar along the tilt axis with round bubbles that do not touch, as in Hendriksen et
al. 2020, doi:10.1109/TCI.2020.3019647"""

from __future__ import annotations

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import VACUUM, Phantom, Region, generator, render
from recon.phantoms.shapes import Body, body, stamp

RADIUS, HALF_HEIGHT, WALL = (
    0.44,
    0.45,
    0.006,
)  # of the pillar, of the wall between bubbles; box units


def foam(
    *,
    size: int = 128,
    seed: int = 0,
    n_bubbles: int = 150,
    smallest: float = 0.02,
    largest: float = 0.11,
    box_nm: float = 256.0,
) -> Phantom:
    """Density and label 1, bubbles empty; their centres are the positions.

    Radii from ``largest`` to ``smallest`` (share of the box), as many per factor; a bubble that
    finds no room is left out.
    """
    if not (0 < smallest <= largest <= 0.4 and 1 <= n_bubbles <= 20_000):
        raise UserError(
            f"n_bubbles={n_bubbles}, smallest={smallest} and largest={largest} given, "
            "1 to 20000 bubbles and 0 < smallest <= largest <= 0.4 wanted"
        )
    bubbles = _pack(generator(seed), n_bubbles, smallest, largest)

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        disc = z[:, None] ** 2 + x**2 < RADIUS**2
        ids: np.ndarray = (disc[:, None] & (np.abs(y) < HALF_HEIGHT)[:, None]).astype(np.uint8)
        for bubble in bubbles:
            stamp(ids, z, y, x, bubble, 0)
        return ids

    done = render(regions_at, [VACUUM, Region(1, 1.0)], (size, size, size), (3, 3, 3))
    step = (
        f"phantom foam: seed {seed}, {len(bubbles)} bubbles, {size}^3 voxels of "
        f"{box_nm / size:g} nm"
    )
    return done.phantom(
        "foam", step, box_nm / size, size * np.array([b.centre for b in bubbles]).reshape(-1, 3)
    )


def _pack(rng: np.random.Generator, n: int, smallest: float, largest: float) -> list[Body]:
    """The largest first, each at the first of 200 random places where it clears the pillar's
    surface and all before it."""
    centres, radii = np.zeros((0, 3)), np.zeros(0)
    for radius in np.sort(smallest * (largest / smallest) ** rng.random(n))[::-1]:
        tries = rng.uniform(-1, 1, (200, 3)) * np.array([RADIUS, HALF_HEIGHT, RADIUS])
        room = (
            np.minimum(
                RADIUS - np.hypot(tries[:, 0], tries[:, 2]), HALF_HEIGHT - np.abs(tries[:, 1])
            )
            > radius + WALL
        )
        gaps = np.sqrt(((tries[:, None] - centres) ** 2).sum(2)) - radii
        room &= (gaps > radius + WALL).all(1)
        if room.any():
            centres = np.vstack([centres, tries[room.argmax()]])
            radii = np.append(radii, radius)
    return [
        body("sphere", 0.0, radius=float(r), centre=c, turn=np.eye(3))
        for c, r in zip(centres, radii, strict=True)
    ]
