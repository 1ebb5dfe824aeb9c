"""Vesicles, a membrane sheet and protein-like blobs in ice: a cryo specimen. Densities are contrast
above the ice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import VACUUM, Phantom, Region, generator, random_rotation, render
from recon.phantoms.shapes import Body, around, body, stamp
from recon.phantoms.waves import Waves, random_waves

BILAYER_NM, HEAD_NM = 5.0, 1.5  # thickness, and of each of the two layers of head groups
HEAD, TAIL, PROTEIN = 1.0, 0.35, 0.7  # contrast above the ice, our choice
LIMIT = 0.475  # 0.95 of the half box


@dataclass(frozen=True, eq=False)
class Vesicle:
    """A closed surface at ``radius`` (1 + bend), bend = d'Qd + (u d)(v d)(w d) of the direction d
    from ``centre``; box units."""

    centre: np.ndarray
    radius: float
    quadric: np.ndarray
    cubic: np.ndarray

    def surface(self, direction: np.ndarray) -> np.ndarray:
        """Radius (...,) along unit directions (..., 3)."""
        bend = ((direction @ self.quadric) * direction).sum(-1) + (direction @ self.cubic.T).prod(
            -1
        )
        return np.asarray(self.radius * (1 + np.clip(bend, -0.25, 0.25)))


def vesicles(
    *,
    size: int = 128,
    seed: int = 0,
    n_vesicles: int = 4,
    n_proteins: int = 40,
    sheet: bool = True,
    box_nm: float = 200.0,
) -> Phantom:
    """Membranes: label 1, density 1 in the heads and 0.35 in the tails; proteins: label 2, density
    0.7; ice: 0.

    Instances: vesicles from 1, then the sheet, then proteins, which are the positions. Half of the
    proteins sit on vesicles. The sheet is a film that crosses the box in y and x. What finds no
    room is left out.
    """
    if not (
        0 <= n_vesicles <= 100 and 0 <= n_proteins <= 5000 and n_vesicles + n_proteins + sheet >= 1
    ):
        raise UserError(
            f"n_vesicles={n_vesicles}, n_proteins={n_proteins} given, 0 to 100 and 0 to 5000, and "
            f"one thing at least, wanted"
        )
    if not 50 <= box_nm <= 5000:
        raise UserError(
            f"box_nm={box_nm} given, a box from 50 to 5000 nm wanted: it holds membranes of "
            f"{BILAYER_NM:g} nm"
        )
    rng, half = generator(seed), BILAYER_NM / 2 / box_nm
    height = random_waves(rng, 6, 0.5, 1.5, flat=True)
    base = 0.33 * (1 if rng.random() < 0.5 else -1) if sheet else None
    closed = _vesicles(rng, n_vesicles, half, base)
    blobs = _proteins(rng, n_proteins, closed, half, base, box_nm)
    first = len(closed) + int(sheet) + 1  # instance of the first protein
    regions = [VACUUM]
    for k in range(1, first):
        regions += [Region(1, HEAD, k), Region(1, TAIL, k)]
    regions += [Region(2, PROTEIN, first + k) for k in range(len(blobs))]

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = np.zeros((z.size, y.size, x.size), np.int16)
        if base is not None:
            _layers(ids, _sheet_distance(height, base, z, y, x), half, box_nm, 2 * first - 3)
        for k, vesicle in enumerate(closed):
            reach = 1.25 * vesicle.radius + half
            near = [around(a, c, reach) for a, c in zip((z, y, x), vesicle.centre, strict=True)]
            part = ids[near[0], near[1], near[2]]
            if part.size:
                offsets = [
                    a[s] - c for a, s, c in zip((z, y, x), near, vesicle.centre, strict=True)
                ]
                points = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1)
                radius = np.sqrt((points**2).sum(-1))
                points /= np.maximum(radius, 1e-9)[..., None]
                _layers(part, radius - vesicle.surface(points), half, box_nm, 2 * k + 1)
        for k, blob in enumerate(blobs):
            for ball in blob:
                stamp(ids, z, y, x, ball, 2 * first - 1 + k, where=0)
        return ids

    done = render(regions_at, regions, (size, size, size), (3, 3, 3))
    step = (
        f"phantom vesicles: seed {seed}, {len(closed)} vesicles, {len(blobs)} proteins, "
        f"{size}^3 voxels of {box_nm / size:g} nm"
    )
    centres = size * np.array(
        [np.mean([b.centre for b in blob], axis=0) for blob in blobs]
    ).reshape(-1, 3)
    return done.phantom("vesicles", step, box_nm / size, centres)


def _layers(ids: np.ndarray, distance: np.ndarray, half: float, box_nm: float, heads: int) -> None:
    """Writes a bilayer around distance 0: region ``heads`` on both faces, ``heads + 1`` between
    them."""
    ids[np.abs(distance) < half] = heads
    ids[np.abs(distance) < half - HEAD_NM / box_nm] = heads + 1


def _sheet_distance(
    height: Waves, base: float, z: np.ndarray, y: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Distance from z = base + h(y, x), to first order: (z - base - h) / sqrt(1 + |grad h|^2)."""
    h, amplitude = height(np.zeros(1), y, x)[0], 0.03
    slopes = [
        Waves(height.k, height.phase + np.pi / 2, height.amplitude * 2 * np.pi * height.k[:, a])(
            np.zeros(1), y, x
        )[0]
        for a in (1, 2)
    ]
    steep = np.sqrt(1 + amplitude**2 * (slopes[0] ** 2 + slopes[1] ** 2))
    return np.asarray((z[:, None, None] - base - amplitude * h) / steep)


def _vesicles(
    rng: np.random.Generator, wanted: int, half: float, base: float | None
) -> list[Vesicle]:
    placed: list[Vesicle] = []
    for _ in range(200 * wanted):
        radius, centre = float(rng.uniform(0.07, 0.2)), rng.uniform(-LIMIT, LIMIT, 3)
        quadric, cubic = rng.normal(0, 0.06, (3, 3)), 0.45 * rng.normal(size=(3, 3))
        reach = 1.25 * radius + half
        clear = np.abs(centre).max() + reach + 0.04 < LIMIT  # room for proteins on it
        clear &= all(
            np.sqrt(((centre - v.centre) ** 2).sum()) > reach + 1.25 * v.radius + half + 0.02
            for v in placed
        )
        clear &= base is None or abs(centre[0] - base) > reach + 0.12  # the sheet's waves reach 0.1
        if clear and len(placed) < wanted:
            traceless = (quadric + quadric.T) / 2 - np.eye(3) * np.trace(quadric) / 3
            placed.append(Vesicle(centre, radius, traceless, cubic))
    return placed


def _proteins(
    rng: np.random.Generator,
    wanted: int,
    closed: list[Vesicle],
    half: float,
    base: float | None,
    box_nm: float,
) -> list[list[Body]]:
    """Clusters of three to six overlapping balls, 6 to 12 nm wide; every second one stands on a
    vesicle."""
    placed: list[list[Body]] = []
    taken: list[tuple[np.ndarray, float]] = []
    for attempt in range(60 * wanted):
        reach = float(rng.uniform(3, 6)) / box_nm
        direction = rng.normal(size=3)
        direction /= math.sqrt(float((direction**2).sum()))
        anywhere, turn, count, which = (
            rng.uniform(-LIMIT, LIMIT, 3),
            random_rotation(rng),
            int(rng.integers(3, 7)),
            float(rng.random()),
        )
        shifts = rng.normal(size=(6, 3))
        host = closed[int(which * len(closed))] if closed and attempt % 2 else None
        centre = (
            anywhere
            if host is None
            else host.centre + direction * (host.surface(direction) + half + 0.8 * reach)
        )
        if np.abs(centre).max() + reach > LIMIT or len(placed) == wanted:
            continue
        if any(np.sqrt(((centre - c) ** 2).sum()) < reach + r for c, r in taken):
            continue
        if base is not None and abs(centre[0] - base) < reach + 0.12:
            continue
        off = [centre - v.centre for v in closed]
        depth = [
            abs(float(np.sqrt(o @ o) - v.surface(o / np.sqrt(o @ o))))
            for o, v in zip(off, closed, strict=True)
        ]
        if any(
            d < half + (0.7 if v is host else 1.2) * reach
            for d, v in zip(depth, closed, strict=True)
        ):
            continue
        taken.append((centre, reach))
        ways = shifts / np.sqrt((shifts**2).sum(1, keepdims=True))
        balls = [
            body("sphere", 0, radius=0.5 * reach, centre=centre + 0.48 * reach * ways[k], turn=turn)
            for k in range(count)
        ]
        placed.append(balls)
    return placed
