"""Calibrated axes of an array: which of them are the tilts, the rows and the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.io.stack import AngleSource, PixelSource
from recon.io.units import is_degrees, length_nm, pixel_source

_ANGLE_NAMES = ("tilt", "angle", "theta")
_COLUMNS, _ROWS = ("x", "width", "column", "columns", "col"), ("y", "height", "row", "rows")
Order = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Axis:
    """``values``: of every index; None where nobody calibrated it."""

    name: str
    unit: str
    values: np.ndarray | None

    @property
    def is_tilt(self) -> bool:
        return is_degrees(self.unit) or any(n in self.name.lower() for n in _ANGLE_NAMES)

    @property
    def step(self) -> float:
        """From one index to the next; 1 where nobody knows."""
        return (
            1.0
            if self.values is None or self.values.size < 2
            else float(np.diff(self.values[:2])[0])
        )

    @property
    def is_default(self) -> bool:
        """0, 1, 2, ... is what programs write before anybody has calibrated an axis."""
        return self.values is None or np.array_equal(self.values, np.arange(self.values.size))


@dataclass(frozen=True, eq=False)
class Sides:
    """``order``: which axes are (tilt, y, x). ``hint``: why there are no angles."""

    order: Order
    angles: tuple[AngleSource, ...]
    pixels: tuple[PixelSource, ...]
    hint: str = ""


def uniform(name: str, unit: str, offset: float, scale: float, size: int) -> Axis:
    return Axis(name, unit, offset + scale * np.arange(size))


def from_axes(axes: Sequence[Axis], kind: str) -> Sides:
    """The sides of an array of three axes.

    The tilt axis is the one in degrees or of such a name, else the first; of the others, x and y go
    by their names where both have one. A tilt axis of 0, 1, 2, ... says nothing.
    """
    tilts = [i for i, axis in enumerate(axes) if axis.is_tilt]
    tilt = tilts[0] if tilts else 0
    y, x = (i for i in range(3) if i != tilt)
    if axes[y].name.strip().lower() in _COLUMNS and axes[x].name.strip().lower() in _ROWS:
        y, x = x, y
    angles: tuple[AngleSource, ...] = ()
    hint = ""
    if tilts and (values := axes[tilt].values) is not None and not axes[tilt].is_default:
        angles = (AngleSource(f"{kind} axis", values, own=True),)
    elif tilts:
        hint = f"its {kind} tilt axis is the default 0, 1, 2 ..., which nobody calibrated"
    pixels = pixel_source([length_nm(axes[i].step, axes[i].unit) for i in (x, y)], f"{kind} axes")
    return Sides((tilt, y, x), angles, pixels, hint)


def is_angle_name(name: object) -> bool:
    """Whether the last part of a variable's or a dataset's name speaks of tilts."""
    last = str(name).replace(".", "/").rsplit("/", 1)[-1].lower()
    return any(n in last for n in _ANGLE_NAMES)


def angle_vector(value: object) -> np.ndarray | None:
    """(view,) float64 of a vector, or of the one telling column of an (N, 3) table of Euler
    angles."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size < 2:
        return None
    table = array.astype(np.float64).squeeze()
    if table.ndim == 2 and 3 in table.shape:
        table = table if table.shape[1] == 3 else table.T
        telling = np.flatnonzero(np.ptp(table, axis=0) > 0)
        table = table[:, telling[0]] if telling.size == 1 else table
    return table if table.ndim == 1 else None
