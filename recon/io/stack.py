"""What every reader returns: the shape of a stack, who says which angles and pixel size, and a way
to fill an array.

A reader looks at headers only. Pixels come last, through ``fill``, so that a wrong angle file is
known before a 20 GB stack is read, and so that the stack is in memory once: as the float32 array
that the engine works on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class AngleSource:
    """Tilt angles and who says so. ``values_deg``: (view,) float64 in the order of the stack."""

    name: str
    values_deg: np.ndarray


@dataclass(frozen=True)
class PixelSource:
    """A pixel size in nm and who says so. ``nm`` along x, ``nm_y`` along y where that differs;
    ``nm_z``: along z, if the file is a volume that says so."""

    name: str
    nm: float
    nm_y: float | None = None
    nm_z: float | None = None


@dataclass(frozen=True, eq=False)
class StackFile:
    """A three-dimensional image file, its pixels not read yet.

    ``kind``: format and number type, for the history ("MRC int16"). ``shape``: (tilt, y, x), or (z,
    y, x) for a volume. ``fill(out, keep)``: writes view ``keep[k]`` into ``out[k]``, float32;
    ``keep`` ascends. ``notes``: facts that only the history needs (tilt axis said by the
    microscope). ``history``: steps that an earlier run of this program recorded.
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]
    fill: Callable[[np.ndarray, Sequence[int]], None]
    angles: tuple[AngleSource, ...] = ()
    pixels: tuple[PixelSource, ...] = ()
    notes: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
