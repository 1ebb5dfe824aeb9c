"""Where HyperSpy, Berkeley EMD and plain HDF5 files keep the stack, its axes and its tilt angles.

Sources: https://hyperspy.org/rosettasciio/file_specification/hspy.html, https://emdatasets.com/format
(EMD 0.2), https://github.com/py4dstem/emdfile for EMD 1.0, and for the tilts that ETSpy adds, the
file's own Tomography group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from recon.errors import UserError
from recon.io.array_axes import (
    Axis,
    Order,
    angle_vector,
    from_axes,
    is_angle_name,
    uniform,
)
from recon.io.dataset import choose_dataset
from recon.io.stack import AngleSource, PixelSource

_H5: Any = h5py  # the library has no types


@dataclass(frozen=True, eq=False)
class Layout:
    """``dataset``: its path in the file. ``order``: which of its axes are (tilt, y, x); ``open``:
    the format does not say that the first is the views. ``hint`` as ``StackFile``'s."""

    kind: str
    dataset: str
    order: Order = (0, 1, 2)
    angles: tuple[AngleSource, ...] = ()
    pixels: tuple[PixelSource, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str = ""
    open: bool = False


def hyperspy(file: Any, name: str, dataset: str | None) -> Layout:
    """A HyperSpy signal: axis-0, axis-1, axis-2 groups with scale, offset and units beside the
    data, or with the values themselves (DataAxis)."""
    experiments = [
        g for g in file.get("Experiments", {}).values() if isinstance(g, _H5.Group) and "data" in g
    ]
    names = [str(g.name).rsplit("/", 1)[-1] for g in experiments]
    group = experiments[choose_dataset(names, dataset, name=name)]
    data = group["data"]
    path = str(data.name)
    if len(data.shape) != 3:
        return Layout("HyperSpy", path)  # the caller's sentence says how many dimensions are wrong
    axes = [_hyperspy_axis(group.get(f"axis-{i}"), data.shape[i]) for i in range(3)]
    sides = from_axes(axes, "HyperSpy")
    angles, hint = sides.angles, sides.hint
    tilts = group.get("metadata/Tomography/_sig_tilts/data")
    if isinstance(tilts, _H5.Dataset) and tilts.size == data.shape[sides.order[0]]:
        values = np.asarray(tilts[()], dtype=np.float64).ravel()
        if np.ptp(values) > 0:
            angles, hint = (AngleSource("ETSpy tilts", values, own=True), *angles), ""
        else:
            hint = f"its ETSpy tilts were never set, all are {values[0]:g}"
    return Layout("HyperSpy", path, sides.order, angles, sides.pixels, hint=hint)


def _hyperspy_axis(group: Any, size: int) -> Axis:
    if group is None:
        return Axis("", "", None)
    name, unit = _text(group.attrs.get("name", "")), _text(group.attrs.get("units", ""))
    values = group.get("axis") if isinstance(group, _H5.Group) else None
    if isinstance(values, _H5.Dataset) and values.size == size:  # a DataAxis
        return Axis(name, unit, np.asarray(values[()], dtype=np.float64).ravel())
    kind = _text(group.attrs.get("_type", "UniformDataAxis"))
    if kind != "UniformDataAxis" or not {"offset", "scale"} <= set(group.attrs):
        return Axis(name, unit, None)  # a function of another axis: its text is not run
    return uniform(name, unit, float(group.attrs["offset"]), float(group.attrs["scale"]), size)


def berkeley(file: Any, name: str, dataset: str | None) -> Layout | None:
    """An EMD: groups with dim1, dim2, dim3 (0.2) or dim0, dim1, dim2 (1.0) beside the data,
    whether or not marked by ``emd_group_type``. None when there is none."""
    groups: list[Any] = []

    def look(_: str, item: Any) -> None:
        if not isinstance(item, _H5.Group) or not isinstance(item.get("data"), _H5.Dataset):
            return
        mark = item.attrs.get("emd_group_type")
        # 0.2 counts kinds of groups, 1.0 names them; Tomviz writes files without a mark.
        if (
            (not isinstance(mark, str | bytes) and mark == 1)
            or _text(mark) == "array"
            or "dim1" in item
        ):
            groups.append(item)

    file.visititems(look)
    if not groups:
        return None
    stacks = [g for g in groups if len(g["data"].shape) == 3] or groups
    chosen = 0
    if len(stacks) > 1 or dataset is not None:
        chosen = choose_dataset([str(g.name).lstrip("/") for g in stacks], dataset, name=name)
    group = stacks[chosen]
    data = group["data"]
    path = str(data.name)
    if len(data.shape) != 3:
        return Layout("Berkeley EMD", path)
    first = 0 if "dim0" in group else 1
    axes = [_emd_axis(group.get(f"dim{first + i}"), data.shape[i]) for i in range(3)]
    sides = from_axes(axes, "EMD")
    return Layout("Berkeley EMD", path, sides.order, sides.angles, sides.pixels, hint=sides.hint)


def _emd_axis(dim: Any, size: int) -> Axis:
    """All values, since tilts need not be equally spaced; the first two of an even axis (1.0)."""
    if not isinstance(dim, _H5.Dataset) or dim.dtype.kind not in "iuf":
        return Axis("", "", None)
    name, unit = _text(dim.attrs.get("name", "")), _text(dim.attrs.get("units", ""))
    values = np.asarray(dim[()], dtype=np.float64).ravel()
    if values.size == 2 != size:
        return uniform(name, unit, float(values[0]), float(values[1] - values[0]), size)
    return Axis(name, unit, values if values.size == size else None)


def plain(file: Any, name: str, dataset: str | None) -> Layout:
    """A file of unknown origin with one array of three dimensions; a vector or an attribute named
    tilt, angle or theta gives the angles."""
    arrays: list[Any] = []
    vectors: list[Any] = []

    def look(_: str, item: Any) -> None:
        if isinstance(item, _H5.Dataset) and item.dtype.kind in "iufbc":
            (arrays if len(item.shape) >= 2 and min(item.shape) > 0 else vectors).append(item)

    file.visititems(look)
    stacks = [a for a in arrays if len(a.shape) == 3] or arrays
    best = [a for a in stacks if str(a.name).rsplit("/", 1)[-1].lower() == "data"]
    if dataset is None and len(best) == 1:
        stacks = best
    if not stacks:
        raise UserError(
            f"{name} holds no array of numbers, one array (tilt, y, x) wanted; save the tilt "
            "series in it"
        )
    data = stacks[choose_dataset([str(a.name) for a in stacks], dataset, name=name)]
    called: list[tuple[str, np.ndarray]] = [
        (f"dataset {v.name}", v[()])
        for v in (*vectors, *(a for a in arrays if a is not data))
        if is_angle_name(v.name)
    ]
    for where in (data, data.parent, file):
        called += [(f"attribute {k}", v) for k, v in where.attrs.items() if is_angle_name(k)]
    sides = set(data.shape)
    found = {
        source: values
        for source, given in called
        if (values := angle_vector(given)) is not None and values.size in sides and values.size > 1
    }
    first = [s for s, v in found.items() if v.size == data.shape[0]] or list(found)
    angles = (AngleSource(first[0], found[first[0]], own=True),) if len(first) == 1 else ()
    return Layout("HDF5", str(data.name), (0, 1, 2), angles, open=True)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
