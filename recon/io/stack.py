"""What every reader returns: the shape of a stack, who says which angles and pixel size, and a way
to fill an array.

A reader looks at headers only. Pixels come last, through ``fill``, so that a wrong angle file is
known before a 20 GB stack is read, and so that the stack is in memory once: as the float32 array
that the engine works on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class AngleSource:
    """Tilt angles and who says so. ``values_deg``: (view,) float64 in the order of the stack.

    ``refined``: by an alignment, so that nominal ones may differ. ``own``: said by the stack
    itself, an entry a view, so that a neighbour with another number of them is a stranger.
    """

    name: str
    values_deg: np.ndarray
    refined: bool = False
    own: bool = False


@dataclass(frozen=True)
class PixelSource:
    """A pixel size in nm and who says so. ``nm`` along x, ``nm_y`` along y where that differs;
    ``nm_z``: along z, if the file is a volume that says so."""

    name: str
    nm: float
    nm_y: float | None = None
    nm_z: float | None = None


@dataclass(frozen=True)
class AxisSource:
    """The tilt axis as the microscope says it: degrees counter-clockwise from +y, rows upwards, and
    who says so. ``reliable``: whether more than its branch (axis or axis + 180) can be trusted."""

    name: str
    axis_deg: float
    reliable: bool = True


@dataclass(frozen=True, eq=False)
class StackFile:
    """A three-dimensional image file, its pixels not read yet.

    ``kind``: format and number type, for the history ("MRC int16"). ``shape``: (tilt, y, x), or (z,
    y, x) for a volume. ``fill(out, keep)``: writes view ``keep[k]`` into ``out[k]``, float32;
    ``keep`` ascends. ``notes``: facts that only the history needs. ``history``: steps that an
    earlier run of this program recorded. ``axis``: the tilt axis, where the file says it.
    ``per_view``: what else it says of each view, by name, in the order of the stack. ``hint``: why
    it says no angles, a clause for the sentence that asks for them. ``views_last``: the same array
    with its last side as the views, where the format does not say which side they are.
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]
    fill: Callable[[np.ndarray, Sequence[int]], None]
    angles: tuple[AngleSource, ...] = ()
    pixels: tuple[PixelSource, ...] = ()
    notes: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    axis: AxisSource | None = None
    per_view: Mapping[str, Sequence[object]] = field(default_factory=dict)
    hint: str = ""
    views_last: Callable[[], StackFile] | None = None
