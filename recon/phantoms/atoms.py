"""Atoms one by one: a gold particle with a twin plane, and an amorphous particle.

An atom is a Gaussian, averaged over each voxel exactly (differences of error functions); its peak
is 1.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import erf

from recon.phantoms.base import Phantom, check_size, generator, in_range, quantise, random_rotation
from recon.phantoms.shapes import faces

GOLD_NM = 0.4078  # edge of the cubic cell
CLOSEST_NM, PER_NM3 = 0.235, 45.0  # amorphous: smallest distance (silicon's bond), atoms / nm^3


def atoms(
    *,
    size: int = 128,
    seed: int = 0,
    structure: Literal["fcc", "amorphous"] = "fcc",
    twin: bool = True,
    scale: float = 0.8,
    sigma_nm: float = 0.05,
    box_nm: float = 5.0,
) -> Phantom:
    """Positions are the atoms; label 1 where the density is above 0.2, instances number the atoms
    there.

    ``structure``: fcc gold, a truncated octahedron cut in two by a mirror plane {111} when
    ``twin``; or a dense random packing in a sphere. ``scale``: enclosing diameter / box.
    ``sigma_nm``: of an atom (thermal motion and probe).
    """
    rng = generator(seed)
    in_range("scale", scale, 0.05, 0.95)
    in_range("sigma_nm", sigma_nm, 0.01, 0.1)
    in_range("box_nm", box_nm, 0.5, 20.0)
    check_size((size, size, size), 1, 30)
    radius_nm = scale * box_nm / 2 - 3 * sigma_nm  # the atoms' tails stay inside
    if structure == "fcc":
        turn, place = random_rotation(rng), rng.uniform(-0.5, 0.5, 3) * box_nm / 64
        found_nm = _gold(radius_nm, twin) @ turn.T + place * (scale < 0.9)
    else:
        found_nm = _amorphous(rng, radius_nm)
    voxel_nm = box_nm / size
    positions_px = found_nm / voxel_nm
    density, nearest = _draw(positions_px, sigma_nm / voxel_nm, size)
    labels = (density > 0.2).astype(np.int16)
    instances = np.where(labels > 0, nearest, 0).astype(np.int32)
    kind = "twinned fcc" if twin and structure == "fcc" else structure
    step = (
        f"phantom atoms: seed {seed}, {len(found_nm)} atoms, {kind}, {size}^3 voxels of "
        f"{voxel_nm:g} nm"
    )
    return Phantom(
        torch.from_numpy(density),
        torch.from_numpy(labels),
        torch.from_numpy(instances),
        positions_px,
        None,
        voxel_nm,
        "atoms",
        (step,),
    )


def _gold(radius_nm: float, twin: bool) -> np.ndarray:
    """(n, 3) nm: the fcc lattice inside a truncated octahedron, its half n p > 0 mirrored at the
    plane n p = 0 through atoms."""
    reach = int(2 * radius_nm / GOLD_NM) + 2
    grid = np.array(
        [p for p in itertools.product(range(-reach, reach + 1), repeat=3) if sum(p) % 2 == 0],
        dtype=np.float64,
    )
    normals, offsets = faces("truncated_octahedron", 2 / 3)
    points = grid * GOLD_NM / 2
    inside = np.ones(len(points), bool)
    for (a, b, c), offset in zip(normals, offsets, strict=True):
        inside &= (
            a * points[:, 0] + b * points[:, 1] + c * points[:, 2] <= offset * radius_nm + 1e-6
        )
    if not twin:
        return points[inside]
    layer = grid.sum(1)
    above, plane = points[inside & (layer > 0)], points[inside & (layer == 0)]
    mirrored = above - 2 / 3 * above.sum(1, keepdims=True)
    return np.concatenate([plane, above, mirrored])


def _amorphous(rng: np.random.Generator, radius_nm: float) -> np.ndarray:
    """(n, 3) nm: random points pushed apart until none are closer than CLOSEST_NM; those that stay
    too close are dropped.

    Only sums, products and square roots in a fixed order, which every processor rounds alike.
    """
    n = max(2, int(PER_NM3 * 4 / 3 * np.pi * radius_nm**3))
    points = rng.uniform(-1, 1, (8 * n, 3)) * radius_nm
    points = points[(points[:, 0] ** 2 + points[:, 1] ** 2 + points[:, 2] ** 2) < radius_nm**2][:n]
    for _ in range(150):
        pairs = _close_pairs(points, 1.04 * CLOSEST_NM)
        if len(pairs) == 0:
            break
        apart = points[pairs[:, 0]] - points[pairs[:, 1]]
        length = np.maximum(_length(apart), 1e-9)
        push = apart * (0.5 * (1.04 * CLOSEST_NM - length) / length)[:, None]
        np.add.at(points, pairs[:, 0], push)
        np.add.at(points, pairs[:, 1], -push)
        far = np.maximum(_length(points) / radius_nm, 1.0)
        points = points / far[:, None]
    kept = np.ones(len(points), bool)
    for i, j in _close_pairs(points, CLOSEST_NM):
        kept[j] &= not kept[i]
    return np.asarray(points[kept])


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2))


def _close_pairs(points: np.ndarray, distance: float) -> np.ndarray:
    """(p, 2) sorted pairs nearer than ``distance``."""
    pairs = cKDTree(points).query_pairs(distance, output_type="ndarray")
    return np.asarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])


def _draw(positions_px: np.ndarray, sigma_px: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Density (z, y, x) and the number (from 1) of the brightest atom in every voxel that one
    reaches."""
    density, strongest = np.zeros((size,) * 3), np.zeros((size,) * 3, np.float32)
    nearest = np.zeros((size,) * 3, np.int32)
    reach = int(np.ceil(5 * sigma_px)) + 1
    edges = np.arange(-reach, reach + 2) - 0.5
    # The average of exp(-u^2 / 2 s^2) over a voxel.
    height = sigma_px * np.sqrt(np.pi / 2)
    for number, position in enumerate(positions_px, 1):
        middle = position + (size - 1) / 2
        first = np.round(middle).astype(int) - reach
        lines, near = [], []
        for axis in range(3):
            line = height * np.diff(
                erf((first[axis] + reach + edges - middle[axis]) / (sigma_px * np.sqrt(2)))
            )
            low, high = max(first[axis], 0), min(first[axis] + line.size, size)
            lines.append(line[low - first[axis] : high - first[axis]])
            near.append(slice(low, high))
        atom = lines[0][:, None, None] * lines[1][:, None] * lines[2]
        where = (near[0], near[1], near[2])
        density[where] += atom
        brighter = atom > strongest[where]
        nearest[where][brighter] = number
        strongest[where][brighter] = atom[brighter]
    return np.minimum(quantise(density), np.float32(1)), nearest
