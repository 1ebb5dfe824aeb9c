"""A core-shell-shell quantum dot InP/ZnSe/ZnS, the specimen of Han et al. 2021,
doi:10.1038/s42256-020-00289-5, with element channels."""

from __future__ import annotations

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
from recon.phantoms.shapes import body, stamp

ELEMENTS = {"In": 49, "P": 15, "Zn": 30, "Se": 34, "S": 16}  # name, Z
# Zinc-blende cubes hold four formula units: (elements, edge in nm).
CRYSTALS = (
    (("Zn", "S"), 0.5410),
    (("Zn", "Se"), 0.5668),
    (("In", "P"), 0.5869),
)  # from the outside in


def quantum_dot(
    *,
    size: int = 128,
    seed: int = 0,
    core_share: float = 0.55,
    inner_share: float = 0.28,
    scale: float | None = None,
    box_nm: float = 12.0,
) -> Phantom:
    """ZnS (label 1), ZnSe (2) and InP (3), in faceted, rounded grains, the core a little off the
    centre.

    ``core_share``, ``inner_share``: of the radius (to the facets) that InP and ZnSe take; ZnS has
    the rest. ``scale``: enclosing diameter / box; null: drawn from 0.75 to 0.9. Density: HAADF
    contrast, atoms / nm^3 times Z^1.7, InP = 1. ``elements``: (5, z, y, x) In, P, Zn, Se, S in
    atoms / nm^3 over those of ZnS (25.3), so at most 1.
    """
    rng = generator(seed)
    in_range("core_share", core_share, 0.1, 0.9)
    in_range("inner_share", inner_share, 0.0, 0.95 - core_share)
    share = in_range("scale", float(rng.uniform(0.75, 0.9)) if scale is None else scale, 0.1, 0.95)
    turn, form, rounding = (
        random_rotation(rng),
        float(rng.uniform(0.4, 0.9)),
        float(rng.uniform(0.05, 0.1)),
    )
    direction = rng.normal(size=3)
    radius = share / 2
    outer = body(
        "truncated_octahedron",
        form,
        radius=radius,
        centre=np.zeros(3),
        turn=turn,
        smoothing=rounding,
    )
    # A quarter of the thinner shell: the core and its shell stay covered on every side.
    thinnest = min(inner_share, 1 - core_share - inner_share) * radius
    offset = 0.15 * thinnest * direction / np.sqrt((direction**2).sum())
    inner = body(
        "truncated_octahedron",
        form,
        radius=radius * (core_share + inner_share),
        centre=offset,
        turn=turn,
        smoothing=rounding,
    )
    core = body(
        "truncated_octahedron",
        form,
        radius=radius * core_share,
        centre=2 * offset,
        turn=turn,
        smoothing=rounding,
    )

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = np.zeros((z.size, y.size, x.size), np.uint8)
        stamp(ids, z, y, x, outer, 1)
        stamp(ids, z, y, x, inner, 2, where=1)
        stamp(ids, z, y, x, core, 3, where=2)
        return ids

    contrast = np.array(
        [4 / edge**3 * sum(ELEMENTS[e] ** 1.7 for e in pair) for pair, edge in CRYSTALS]
    )
    most = 4 / CRYSTALS[0][1] ** 3
    regions = [VACUUM]
    for label, ((pair, edge), bright) in enumerate(
        zip(CRYSTALS, contrast / contrast.max(), strict=True), 1
    ):
        amounts = tuple(4 / edge**3 / most if e in pair else 0.0 for e in ELEMENTS)
        regions.append(Region(label, float(bright), 1, amounts))
    done = render(regions_at, regions, (size, size, size), (3, 3, 3))
    step = (
        f"phantom quantum_dot: seed {seed}, InP/ZnSe/ZnS of {share * box_nm:.3g} nm, {size}^3 "
        f"voxels of {box_nm / size:g} nm"
    )
    return done.phantom("quantum_dot", step, box_nm / size, np.zeros((1, 3)), tuple(ELEMENTS))
