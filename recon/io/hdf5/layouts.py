"""Where HyperSpy, Berkeley EMD and plain HDF5 files keep the stack, its axes and its tilt angles.

Sources: https://hyperspy.org/rosettasciio/file_specification/hspy.html,
https://emdatasets.com/format (EMD 0.2), and for the tilts that ETSpy adds, the file's own
Tomography group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from recon.errors import UserError
from recon.io.stack import AngleSource, PixelSource
from recon.io.units import is_degrees, length_nm, pixel_source

_H5: Any = h5py  # the library has no types

_ANGLE_NAMES = ("tilt", "angle", "theta")


@dataclass(frozen=True, eq=False)
class Layout:
    """``dataset``: its path in the file. ``tilt_axis``: which of its three axes counts the
    views."""

    kind: str
    dataset: str
    tilt_axis: int = 0
    angles: tuple[AngleSource, ...] = ()
    pixels: tuple[PixelSource, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Axis:
    """One calibrated axis: value of index i is ``values[i]``; ``named`` when it calls itself tilt
    or angle."""

    name: str
    unit: str
    offset: float
    scale: float

    @property
    def is_tilt(self) -> bool:
        return is_degrees(self.unit) or any(n in self.name.lower() for n in _ANGLE_NAMES)


def from_axes(
    axes: Sequence[Axis], shape: Sequence[int], kind: str
) -> tuple[int, tuple[AngleSource, ...], tuple[PixelSource, ...]]:
    """(tilt axis, angle sources, pixel sources) of three calibrated axes.

    The tilt axis is the one in degrees or of such a name, else the first. A tilt axis without
    calibration says nothing.
    """
    tilts = [i for i, axis in enumerate(axes) if axis.is_tilt]
    tilt = tilts[0] if tilts else 0
    angles: tuple[AngleSource, ...] = ()
    axis = axes[tilt]
    if tilts and (is_degrees(axis.unit) or (axis.offset, axis.scale) != (0.0, 1.0)):
        angles = (AngleSource(f"{kind} axis", axis.offset + axis.scale * np.arange(shape[tilt])),)
    y, x = (a for i, a in enumerate(axes) if i != tilt)
    return tilt, angles, pixel_source([length_nm(a.scale, a.unit) for a in (x, y)], f"{kind} axes")


def hyperspy(file: Any, name: str) -> Layout:
    """A HyperSpy signal: axis-0, axis-1, axis-2 groups with scale, offset and units beside the
    data."""
    experiments = [
        g for g in file.get("Experiments", {}).values() if isinstance(g, _H5.Group) and "data" in g
    ]
    if len(experiments) != 1:
        raise UserError(
            f"{name} holds {len(experiments)} HyperSpy signals, one tilt series wanted; save that "
            f"one alone"
        )
    group = experiments[0]
    data = group["data"]
    path = str(data.name)
    if len(data.shape) != 3:
        return Layout("HyperSpy", path)  # the caller's sentence says how many dimensions are wrong
    axes = []
    for i in range(3):
        attrs = group[f"axis-{i}"].attrs if f"axis-{i}" in group else {}
        axes.append(
            Axis(
                _text(attrs.get("name", "")),
                _text(attrs.get("units", "")),
                float(attrs.get("offset", 0.0)),
                float(attrs.get("scale", 1.0)),
            )
        )
    tilt, angles, pixels = from_axes(axes, data.shape, "HyperSpy")
    tilts = group.get("metadata/Tomography/_sig_tilts/data")
    if isinstance(tilts, _H5.Dataset) and tilts.size == data.shape[tilt] and np.ptp(tilts[()]) > 0:
        angles = (
            AngleSource("ETSpy tilts", np.asarray(tilts[()], dtype=np.float64).ravel()),
            *angles,
        )
    return Layout("HyperSpy", path, tilt, angles, pixels)


def berkeley(file: Any, name: str) -> Layout | None:
    """A Berkeley EMD: groups marked emd_group_type = 1, with dim1, dim2, dim3 beside the data. None
    when there is none."""
    groups: list[Any] = []

    def look(_: str, item: Any) -> None:
        if (
            isinstance(item, _H5.Group)
            and item.attrs.get("emd_group_type") == 1
            and isinstance(item.get("data"), _H5.Dataset)
        ):
            groups.append(item)

    file.visititems(look)
    if not groups:
        return None
    stacks = [g for g in groups if len(g["data"].shape) == 3]
    if len(stacks) > 1:
        names = ", ".join(str(g.name).rsplit("/", 1)[-1] for g in stacks[:5])
        raise UserError(
            f"{name} holds {len(stacks)} stacks ({names}), one tilt series wanted; save that one "
            f"alone"
        )
    group = (stacks or groups)[0]
    data = group["data"]
    path = str(data.name)
    if len(data.shape) != 3:
        return Layout("Berkeley EMD", path)
    dims = [group.get(f"dim{i + 1}") for i in range(3)]
    axes, angles = [], None
    for dim, size in zip(dims, data.shape, strict=True):
        if not isinstance(dim, _H5.Dataset) or dim.dtype.kind not in "iuf" or dim.size < 2:
            axes.append(Axis("", "", 0.0, 1.0))
            continue
        values = np.asarray(dim[()], dtype=np.float64).ravel()
        axis = Axis(
            _text(dim.attrs.get("name", "")),
            _text(dim.attrs.get("units", "")),
            float(values[0]),
            float(values[1] - values[0]),
        )
        axes.append(axis)
        if axis.is_tilt and values.size == size and angles is None:
            angles = AngleSource(
                "EMD dim", values
            )  # the values themselves: tilts need not be equally spaced
    tilt, _, pixels = from_axes(axes, data.shape, "EMD")
    return Layout("Berkeley EMD", path, tilt, () if angles is None else (angles,), pixels)


def plain(file: Any, name: str) -> Layout:
    """A file of unknown origin with one array of three dimensions; a vector named tilt, angle or
    theta gives the angles."""
    arrays: list[Any] = []
    vectors: list[Any] = []

    def look(_: str, item: Any) -> None:
        if isinstance(item, _H5.Dataset) and item.dtype.kind in "iufbc":
            (arrays if len(item.shape) >= 2 and min(item.shape) > 0 else vectors).append(item)

    file.visititems(look)
    stacks = [a for a in arrays if len(a.shape) == 3] or arrays
    best = [a for a in stacks if str(a.name).rsplit("/", 1)[-1].lower() == "data"]
    chosen = stacks if len(stacks) == 1 else best
    if len(chosen) != 1:
        names = ", ".join(str(a.name) for a in stacks[:4]) or "no array of numbers"
        raise UserError(
            f"{name} holds {names[:150]}; one array (tilt, y, x) wanted, or one called 'data'; "
            f"save the tilt series alone"
        )
    data = chosen[0]
    named = [
        v
        for v in vectors
        if v.size == data.shape[0] > 1
        and any(n in str(v.name).rsplit("/", 1)[-1].lower() for n in _ANGLE_NAMES)
    ]
    angles = (
        (
            AngleSource(
                f"dataset {named[0].name}", np.asarray(named[0][()], dtype=np.float64).ravel()
            ),
        )
        if len(named) == 1
        else ()
    )
    return Layout("HDF5", str(data.name), 0, angles)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
