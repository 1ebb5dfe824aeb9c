"""A metal core-shell nanoparticle with element channels.  Skorikov et al. 2021,
doi:10.1039/d1nr03232a"""

from __future__ import annotations

from typing import Literal

import numpy as np

from recon.phantoms.base import VACUUM, Phantom, Region, generator, in_range, render
from recon.phantoms.nanoparticle import draw
from recon.phantoms.shapes import FORM, Shape, body, stamp

SUITABLE: tuple[Shape, ...] = (
    "sphere", "cube", "rod", "octahedron", "truncated_octahedron", "icosahedron", "decahedron", "bipyramid",
)  # fmt: skip
SILVER = (47 / 79) ** 1.7  # HAADF contrast of Ag beside Au, Z^1.7; both metals hold 59 atoms / nm^3


def core_shell(
    *,
    size: int = 128,
    seed: int = 0,
    shape: Literal["random"] | Shape = "random",
    core_shape: Literal["random"] | Shape = "random",
    core_scale: float | None = None,
    smoothing: float | None = None,
    scale: float | None = None,
    box_nm: float = 60.0,
) -> Phantom:
    """A gold core (label 2, density 1) in a silver shell (label 1, density 0.41), at one
    orientation; channels Au, Ag (1 where pure).

    ``core_scale``: the core's enclosing sphere / the shell's, 0.5 to 0.9; a core of another shape
    is cut where it would leave the shell. ``smoothing``, ``scale``: as for ``nanoparticle``. null:
    drawn.
    """
    rng = generator(seed)
    shell, kind, turn = draw(rng, shape, SUITABLE, None, smoothing, scale)
    drawn = SUITABLE[int(rng.integers(len(SUITABLE)))]
    u_scale, u_form = float(rng.random()), float(rng.random())
    inner: Shape = drawn if core_shape == "random" else core_shape
    low, high = FORM.get(inner, (0.0, 0.0))
    share = in_range(
        "core_scale", 0.5 + 0.4 * u_scale if core_scale is None else core_scale, 0.5, 0.9
    )
    core = body(
        inner,
        low + (high - low) * u_form,
        radius=share * shell.radius,
        centre=shell.centre,
        turn=turn,
    )

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        ids = np.zeros((z.size, y.size, x.size), np.uint8)
        stamp(ids, z, y, x, shell, 1)
        stamp(ids, z, y, x, core, 2, where=1)
        return ids

    regions = [VACUUM, Region(1, SILVER, 1, (0.0, 1.0)), Region(2, 1.0, 1, (1.0, 0.0))]
    done = render(regions_at, regions, (size, size, size), (3, 3, 3))
    step = (
        f"phantom core_shell: seed {seed}, {inner} in {kind}, {size}^3 voxels of "
        f"{box_nm / size:g} nm"
    )
    return done.phantom("core_shell", step, box_nm / size, size * shell.centre[None], ("Au", "Ag"))
