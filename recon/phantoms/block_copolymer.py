"""A thin section of a block copolymer, one block stained: double gyroid, lamellae or hexagonal
cylinders.

All three are level sets of a few plane waves.  Wohlgemuth et al. 2001, doi:10.1021/ma0019499
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from recon.phantoms.base import (
    VACUUM,
    Phantom,
    Region,
    generator,
    in_range,
    random_rotation,
    render,
)
from recon.phantoms.waves import Waves, spread


def block_copolymer(
    *,
    size: int = 128,
    seed: int = 0,
    morphology: Literal["gyroid", "lamellae", "cylinders"] = "gyroid",
    fraction: float = 0.35,
    period: float = 0.25,
    thickness: float = 0.6,
    matrix_density: float = 0.4,
    box_nm: float = 200.0,
) -> Phantom:
    """Matrix: label 1, density ``matrix_density``; stained minority block: label 2, density 1,
    ``fraction`` of the section's volume.

    The section is a film of ``thickness`` (share of the box) across z that fills y and x; the
    pattern repeats over ``period`` (share of the box; gyroid: the cubic cell's edge) and is turned
    at random. Instances: the gyroid's two networks are 1 and 2.
    """
    rng = generator(seed)
    in_range("fraction", fraction, 0.02, 0.98)
    in_range("period", period, 0.04, 1.0)
    in_range("thickness", thickness, 0.05, 0.95)
    in_range("matrix_density", matrix_density, 0.0, 1.0)
    cell, phase = _cell(morphology)
    wave = Waves(cell @ random_rotation(rng).T / period, phase, np.ones(len(cell)))
    shift = wave.k @ rng.uniform(-0.5, 0.5, 3) * 2 * np.pi
    wave = Waves(wave.k, wave.phase + shift, wave.amplitude)
    values = Waves(cell, phase, np.ones(len(cell))).at(8 * spread(60_000))  # many cells, evenly
    double = morphology == "gyroid"
    level = float(np.quantile(np.abs(values) if double else values, 1 - fraction))

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        here = wave(z, y, x)
        ids = 1 + (here > level).astype(np.uint8)
        if double:
            ids[here < -level] = 3
        ids[np.abs(z) > thickness / 2] = 0
        return ids

    regions = [
        VACUUM,
        Region(1, matrix_density),
        Region(2, 1.0, int(double)),
        Region(2, 1.0, 2 * double),
    ]
    done = render(regions_at, regions, (size, size, size), (3, 3, 3))
    step = (
        f"phantom block_copolymer: seed {seed}, {morphology}, fraction {fraction:g}, {size}^3 "
        f"voxels of {box_nm / size:g} nm"
    )
    return done.phantom("block_copolymer", step, box_nm / size)


def _cell(morphology: str) -> tuple[np.ndarray, np.ndarray]:
    """Wave vectors (n, 3) in cycles per period, and phases (n,)."""
    if morphology == "lamellae":
        return np.array([[1.0, 0.0, 0.0]]), np.zeros(1)
    if (
        morphology == "cylinders"
    ):  # along x; 2 / sqrt 3 sets the distance of neighbours to one period
        c, s = 0.5, np.sqrt(3) / 2
        return np.array([[1, 0, 0], [-c, s, 0], [-c, -s, 0]]) * 2 / np.sqrt(3), np.zeros(3)
    # sin Z cos Y + sin Y cos X + sin X cos Z, each product as (sin(a + b) + sin(a - b)) / 2
    vectors = []
    for (a, b), sign in itertools.product(((0, 1), (1, 2), (2, 0)), (1.0, -1.0)):
        k = np.zeros(3)
        k[a], k[b] = 1.0, sign
        vectors.append(k)
    return np.array(vectors), np.full(6, -np.pi / 2)
