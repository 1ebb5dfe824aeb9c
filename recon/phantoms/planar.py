"""Two-dimensional phantoms lifted to three: a picture in the (z, x) plane, the plane of a slice,
the same in every row y.

The picture's first line is z = 0, so that a slice ``density[:, y, :]`` shows it upright; its own
"up" is -z.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recon.phantoms.base import Phantom, Rendered, check_size, line, quantise

Picture = Callable[
    [np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]
]  # lines z (k,), x (n,) -> density, label, both (k, n)
FINE = 4  # sub-pixels per pixel and axis


@dataclass(frozen=True)
class Ellipse:
    """Adds ``amount``; ``a``, ``b``: half-axes, ``x``, ``y``: centre on [-1, 1]^2 with y up,
    ``phi_deg``: of a, counter-clockwise from x."""

    amount: float
    a: float
    b: float
    x: float
    y: float
    phi_deg: float


def lift(
    picture: Picture,
    *,
    size: int,
    rows: int | None,
    name: str,
    step: str,
    box_nm: float,
    positions_px: np.ndarray | None = None,
) -> Phantom:
    """The (z, x) picture, averaged over 4 x 4 sub-pixels, in ``rows`` rows (None: ``size``)."""
    shape = (size, size if rows is None else rows, size)
    check_size(shape, 1)
    z, x = line(size, FINE), line(size, FINE)
    density, labels = np.empty((size, size), np.float32), np.empty((size, size), np.int16)
    for i in range(size):
        values, label = picture(z[i * FINE : (i + 1) * FINE], x)
        density[i] = quantise(values.reshape(FINE, size, FINE).mean((0, 2)))
        kinds = np.arange(1, int(label.max()) + 1)[:, None, None, None]
        fill = (label.reshape(FINE, size, FINE) == kinds).sum((1, 3))
        labels[i] = (
            np.where(2 * fill.sum(0) >= FINE * FINE, 1 + fill.argmax(0), 0) if len(kinds) else 0
        )
    rowed = [np.repeat(flat[:, None], shape[1], axis=1) for flat in (density, labels)]
    whole = Rendered(rowed[0], rowed[1], None, None)
    sentence = (
        f"phantom {name}: {step}, {size} x {shape[1]} x {size} voxels of {box_nm / size:g} nm"
    )
    return whole.phantom(name, sentence, box_nm / size, positions_px)


def add_ellipses(ellipses: Sequence[Ellipse]) -> Picture:
    """Their sum, clipped to [0, 1]; the label is the last ellipse at a point, from 1, or 0 where
    nothing is left."""

    def picture(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total = np.zeros((z.size, x.size))
        label = np.zeros(total.shape, np.int16)
        for number, e in enumerate(ellipses, 1):
            dx, dy = 2 * x[None] - e.x, -2 * z[:, None] - e.y
            c, s = math.cos(math.radians(e.phi_deg)), math.sin(math.radians(e.phi_deg))
            inside = ((c * dx + s * dy) / e.a) ** 2 + ((c * dy - s * dx) / e.b) ** 2 <= 1
            total[inside] += e.amount
            label[inside] = number
        total[np.abs(total) < 1e-9] = 0.0  # -1 + 0.8 + 0.2
        return np.clip(total, 0, 1), np.where(total > 0, label, 0).astype(np.int16)

    return picture
