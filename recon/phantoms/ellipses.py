"""Random overlapping ellipses, the training set of learned primal-dual (5 to 30 of them).  Adler
and Oktem 2018, doi:10.1109/TMI.2018.2799231"""

from __future__ import annotations

import numpy as np

from recon.errors import UserError
from recon.phantoms.base import Phantom, generator
from recon.phantoms.planar import Ellipse, add_ellipses, lift


def ellipses(
    *,
    size: int = 128,
    seed: int = 0,
    rows: int | None = None,
    n_min: int = 5,
    n_max: int = 30,
    box_nm: float = 128.0,
) -> Phantom:
    """``n_min`` to ``n_max`` ellipses that add up to densities from 0 to 1 (three in ten take
    away), all within 0.95 of the box.

    Positions are the centres. ``rows``: voxels along y; null: as many as ``size``. The ranges of
    sizes and densities are our own.
    """
    rng = generator(seed)
    if not 1 <= n_min <= n_max <= 1000:
        raise UserError(
            f"n_min={n_min} and n_max={n_max} given, 1 <= n_min <= n_max <= 1000 wanted"
        )
    drawn = [_ellipse(rng, first=k == 0) for k in range(int(rng.integers(n_min, n_max + 1)))]
    centres = size / 2 * np.array([[-e.y, 0.0, e.x] for e in drawn])
    step = f"seed {seed}, {len(drawn)} ellipses"
    return lift(
        add_ellipses(drawn),
        size=size,
        rows=rows,
        name="ellipses",
        step=step,
        box_nm=box_nm,
        positions_px=centres,
    )


def _ellipse(rng: np.random.Generator, first: bool) -> Ellipse:
    """The first one is large and solid, so that what others take away is missed."""
    a, b = (
        rng.uniform(0.3, 0.8, 2) if first else 0.04 * (0.4 / 0.04) ** rng.random(2)
    )  # log-uniform
    amount = rng.uniform(0.1, 0.6) * (-1 if rng.random() < 0.3 and not first else 1)
    free = 0.95 - max(a, b)
    while True:
        x, y = rng.uniform(-free, free, 2)
        if x * x + y * y <= free * free:
            return Ellipse(
                float(amount), float(a), float(b), float(x), float(y), float(rng.uniform(0, 180))
            )
