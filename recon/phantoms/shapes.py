"""The solids of nanoparticles, as implicit functions: convex polyhedra by their faces, and spheres
and rods by their axis.

Recipe: Skorikov et al. 2021, doi:10.1039/d1nr03232a (the generator's list of shapes and its
ranges). All have circumradius 1 before they are placed. The decahedron is the ideal one, of five
tetrahedra (a Johnson solid J13), whatever its size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from recon.phantoms.base import in_range

Shape = Literal[
    "sphere", "cube", "rod", "octahedron", "truncated_octahedron", "icosahedron", "decahedron", "bipyramid",
    "triangle_plate", "truncated_triangle_plate", "square_plate", "hexagon_plate",
]  # fmt: skip
SHAPES: tuple[Shape, ...] = get_args(Shape)
# What is left to choose about a shape: a rod's diameter / length, how far the tips of an octahedron
# are cut (2/3: the regular truncated octahedron, 1: cuboctahedron), a plate's height / diameter.
FORM = {"rod": (0.25, 1.0), "truncated_octahedron": (0.0, 1.0)} | {
    s: (0.1, 0.3) for s in SHAPES if s.endswith("plate")
}
Level = Callable[
    [np.ndarray, np.ndarray, np.ndarray], np.ndarray
]  # lines dz (k,), dy (m,), dx (n,) -> (k, m, n), <= 0 inside
SHARP = 0.005  # edges rounded over less than this fraction of the circumradius are left sharp


@dataclass(frozen=True, eq=False)
class Body:
    """A solid in box units: ``level`` is <= 0 inside, and nothing of it lies further than
    ``radius`` from ``centre`` (z, y, x)."""

    level: Level
    centre: np.ndarray
    radius: float


def body(
    shape: Shape,
    form: float,
    *,
    radius: float,
    centre: np.ndarray,
    turn: np.ndarray,
    smoothing: float = 0.0,
) -> Body:
    """A shape of circumradius ``radius`` (box units) at ``centre``, its axes turned by the (3, 3)
    rotation ``turn``.

    ``form``: see ``FORM``. ``smoothing``: 0 is sharp; edges and corners are rounded over this
    fraction of the inscribed radius, inwards.
    """
    if shape in FORM:
        in_range("form", form, *FORM[shape])
    if shape in ("sphere", "rod"):
        thick = 1.0 if shape == "sphere" else form
        return Body(_capsule(turn[:, 0], (1 - thick) * radius, thick * radius), centre, radius)
    normals, offsets = faces(shape, form)
    normals, width = normals @ turn.T, smoothing * float(offsets.min())
    level = (
        _convex(normals, offsets * radius)
        if width < SHARP
        else _rounded(normals, offsets * radius, width * radius)
    )
    return Body(level, centre, radius)


def stamp(
    ids: np.ndarray,
    z: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    solid: Body,
    number: int,
    *,
    where: int | None = None,
) -> None:
    """Writes ``number`` into (k, m, n) ``ids`` inside a body, or only over the region ``where``;
    looks at the body's surroundings only."""
    in_z, in_y, in_x = (
        around(a, c, solid.radius) for a, c in zip((z, y, x), solid.centre, strict=True)
    )
    part = ids[in_z, in_y, in_x]
    if part.size:
        inside = (
            solid.level(
                z[in_z] - solid.centre[0], y[in_y] - solid.centre[1], x[in_x] - solid.centre[2]
            )
            <= 0
        )
        part[inside if where is None else inside & (part == where)] = number


def around(axis: np.ndarray, centre: float, radius: float) -> slice:
    """The part of a line of ascending points that lies within ``radius`` of ``centre``."""
    first, last = np.searchsorted(axis, (centre - radius, centre + radius))
    return slice(int(first), int(last))


def faces(shape: Shape, form: float) -> tuple[np.ndarray, np.ndarray]:
    """Outward unit normals (n, 3) and distances (n,) of the faces of a polyhedron of circumradius
    1."""
    golden = (1 + math.sqrt(5)) / 2
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    diagonals = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    if shape == "cube":
        normals, offsets = axes, np.ones(6)
    elif shape == "octahedron":
        normals, offsets = diagonals, np.ones(8)
    elif shape == "truncated_octahedron":
        normals, offsets = (
            np.concatenate([diagonals, axes]),
            np.concatenate([np.ones(8), np.full(6, 1 - form / 2)]),
        )
    elif shape == "icosahedron":  # its faces lie over the corners of a dodecahedron
        ring = np.array(
            [[0, a / golden, b * golden] for a, b in itertools.product((-1, 1), repeat=2)]
        )
        normals, offsets = (
            np.concatenate([diagonals, *(np.roll(ring, k, 1) for k in range(3))]),
            np.ones(20),
        )
    elif shape in (
        "decahedron",
        "bipyramid",
    ):  # over a pentagon of radius 1; half-height 1/golden: all edges equal
        height, apothem = (
            (1 / golden if shape == "decahedron" else 2 + math.sqrt(3)),
            math.cos(math.pi / 5),
        )
        ring = _ring(5)
        normals = np.concatenate(
            [np.column_stack([np.full(5, s * apothem / height), ring]) for s in (-1.0, 1.0)]
        )
        offsets = np.full(10, apothem)
    else:
        corners = {
            "triangle_plate": 3,
            "truncated_triangle_plate": 6,
            "square_plate": 4,
            "hexagon_plate": 6,
        }[shape]
        sides, reach = _ring(corners), np.full(corners, math.cos(math.pi / corners))
        if (
            shape == "truncated_triangle_plate"
        ):  # a triangle with its tips cut: every other side is further out
            reach = np.tile([0.5, 0.72], 3)
        # Where two neighbouring sides at distances a and b, 2 pi / n apart, meet.
        a, b, turn = float(reach[0]), float(reach[1]), 2 * math.pi / corners
        flat = math.sqrt(a * a + b * b - 2 * a * b * math.cos(turn)) / math.sin(turn)
        normals = np.concatenate(
            [np.column_stack([np.zeros(corners), sides]), [[1.0, 0, 0], [-1.0, 0, 0]]]
        )
        offsets = np.concatenate([reach / flat, [form, form]])
    length = np.sqrt((normals**2).sum(1))
    normals, offsets = normals / length[:, None], offsets / length
    return normals, offsets / _circumradius(normals, offsets)


def _ring(n: int) -> np.ndarray:
    """(n, 2) unit vectors around a circle."""
    return np.array(
        [[math.sin(2 * math.pi * k / n), math.cos(2 * math.pi * k / n)] for k in range(n)]
    )


def _circumradius(normals: np.ndarray, offsets: np.ndarray) -> float:
    """Distance of the furthest corner: corners are where three faces meet and no other face
    cuts."""
    triples = np.array(list(itertools.combinations(range(len(normals)), 3)))
    triples = triples[np.abs(np.linalg.det(normals[triples])) > 1e-6]
    corners = np.linalg.solve(normals[triples], offsets[triples][..., None])[..., 0]
    corners = corners[(corners @ normals.T <= offsets + 1e-9).all(1)]
    return float(np.sqrt((corners**2).sum(1).max()))


def _capsule(axis: np.ndarray, half_length: float, radius: float) -> Level:
    def level(dz: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        z, y = dz[:, None, None], dy[:, None]
        along = axis[0] * z + axis[1] * y + axis[2] * dx
        nearest = np.clip(along, -half_length, half_length)
        return np.asarray(
            z * z + y * y + dx * dx - 2 * nearest * along + nearest * nearest - radius * radius
        )

    return level


def _convex(normals: np.ndarray, offsets: np.ndarray) -> Level:
    """max_i (n_i p - d_i)"""

    def level(dz: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        highest = np.full((dz.size, dy.size, dx.size), -np.inf)
        for (a, b, c), offset in zip(normals, offsets, strict=True):
            np.maximum(
                highest,
                (a * dz - offset)[:, None, None] + ((b * dy)[:, None] + c * dx),
                out=highest,
            )
        return highest

    return level


def _rounded(normals: np.ndarray, offsets: np.ndarray, width: float) -> Level:
    """sum_i exp((n_i p - d_i) / w) - 1, the smooth maximum of the faces, which lies above it, so
    that edges and corners move inwards.

    Every term is a product of three, one for each axis, so all faces together are one matrix
    product.
    """

    def level(dz: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        in_z = np.exp((dz[:, None] * normals[:, 0] - offsets) / width)
        in_y, in_x = (
            np.exp(dy[:, None] * normals[:, 1] / width),
            np.exp(dx[:, None] * normals[:, 2] / width),
        )
        product = (in_z[:, None] * in_y).reshape(-1, len(offsets)) @ in_x.T
        return np.asarray(product.reshape(dz.size, dy.size, dx.size) - 1)

    return level
