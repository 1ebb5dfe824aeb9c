"""One solid nanoparticle, of any of twelve shapes, at a random orientation.  Skorikov et al. 2021,
doi:10.1039/d1nr03232a"""

from __future__ import annotations

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
from recon.phantoms.shapes import FORM, SHAPES, Body, Shape, body, stamp


def nanoparticle(
    *,
    size: int = 128,
    seed: int = 0,
    shape: Literal["random"] | Shape = "random",
    form: float | None = None,
    smoothing: float | None = None,
    scale: float | None = None,
    box_nm: float = 60.0,
) -> Phantom:
    """Density 1, label 1, instance 1; the particle's centre is its position.

    ``form``: a rod's diameter / length (0.25 to 1), the cut of a truncated octahedron (0 to 1), a
    plate's height / diameter (0.1 to 0.3). ``smoothing``: rounding of edges, 0 to 0.1. ``scale``:
    enclosing diameter / box, at most 0.95. null: drawn, scale from 0.75 to 0.9. Where there is
    room, the particle lies off the centre, within 0.95 of the box.
    """
    rng = generator(seed)
    solid, kind, _ = draw(rng, shape, SHAPES, form, smoothing, scale)

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = np.zeros((z.size, y.size, x.size), np.uint8)
        stamp(ids, z, y, x, solid, 1)
        return ids

    done = render(regions_at, [VACUUM, Region(1, 1.0, 1)], (size, size, size), (3, 3, 3))
    step = f"phantom nanoparticle: seed {seed}, {kind}, {size}^3 voxels of {box_nm / size:g} nm"
    return done.phantom("nanoparticle", step, box_nm / size, size * solid.centre[None])


def draw(
    rng: np.random.Generator,
    shape: Literal["random"] | Shape,
    among: tuple[Shape, ...],
    form: float | None,
    smoothing: float | None,
    scale: float | None,
) -> tuple[Body, Shape, np.ndarray]:
    """A particle, its shape and its (3, 3) rotation; all is drawn, asked for or not, so that one
    option changes nothing else."""
    drawn = among[int(rng.integers(len(among)))]
    kind: Shape = drawn if shape == "random" else shape
    u_form, u_smoothing, u_scale = rng.random(3)
    turn, place = random_rotation(rng), rng.uniform(-1, 1, 3)
    low, high = FORM.get(kind, (0.0, 0.0))
    share = in_range("scale", 0.75 + 0.15 * u_scale if scale is None else scale, 0.01, 0.95)
    rounding = in_range(
        "smoothing", 0.1 * u_smoothing if smoothing is None else smoothing, 0.0, 0.1
    )
    cut = low + (high - low) * u_form if form is None else form
    # A body's enclosing sphere stays within 0.95 of the box.
    centre = place * (0.95 - share) / 2
    return (
        body(kind, cut, radius=share / 2, centre=centre, turn=turn, smoothing=rounding),
        kind,
        turn,
    )
