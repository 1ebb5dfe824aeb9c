"""Read OME-Zarr (0.4 and 0.5) and plain Zarr arrays of three dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from recon.errors import UserError
from recon.io.pixels import check_numbers, check_sides
from recon.io.provenance import from_record
from recon.io.stack import PixelSource, StackFile
from recon.io.units import length_nm, pixel_source


def open_zarr(path: Path) -> StackFile:
    """The finest level of an OME-Zarr image. Raises ``UserError`` for other groups and other
    dimensions."""
    try:
        node = zarr.open(str(path), mode="r")
        attrs: dict[str, Any] = dict(node.attrs)
        array, scale = (
            (node, None) if isinstance(node, zarr.Array) else _finest(node, attrs, path.name)
        )
        shape = check_sides(tuple(int(n) for n in array.shape), name=path.name)
        dtype = check_numbers(np.dtype(array.dtype), name=path.name)
    except (LookupError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        why = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path.name} is a damaged or unusual Zarr folder ({why}); export it as MRC or TIFF"
        ) from error

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        step = array.chunks[0]  # by whole chunks: each is unpacked once
        place = {view: k for k, view in enumerate(keep)}
        for start in range(0, shape[0], step):
            for i, view in enumerate(np.asarray(array[start : start + step]), start=start):
                if i in place:
                    out[place[i]] = view

    ours = from_record(attrs.get("tiltwise"))
    angles, pixels, history = ours or ((), None, ())
    if pixels is None:
        pixels = _pixels(scale)
    return StackFile(
        path, f"Zarr {dtype.name}", shape, fill, angles=angles, pixels=pixels, history=history
    )


def _finest(
    group: Any, attrs: Mapping[str, Any], name: str
) -> tuple[Any, list[tuple[str, str, float]] | None]:
    """The array of the first level, and (axis, unit, scale) per axis where they are given."""
    image = attrs.get("ome", attrs).get("multiscales")
    if not image:
        arrays = [a for _, a in group.arrays()]
        if len(arrays) != 1:
            raise UserError(
                f"{name} is a Zarr group of {len(arrays)} arrays without OME metadata, one image "
                f"wanted; name the array's folder"
            )
        return arrays[0], None
    level = image[0]["datasets"][0]
    scales = [
        t["scale"] for t in level.get("coordinateTransformations", ()) if t.get("type") == "scale"
    ]
    axes = image[0].get("axes", [])
    calibrated = (
        [(a["name"], a.get("unit", ""), float(s)) for a, s in zip(axes, scales[0], strict=True)]
        if scales and axes
        else None
    )
    return group[level["path"]], calibrated


def _pixels(scale: list[tuple[str, str, float]] | None) -> tuple[PixelSource, ...]:
    sizes = {axis: length_nm(value, unit) for axis, unit, value in scale or ()}
    return pixel_source([sizes.get(axis) for axis in "xyz"], "OME-Zarr axes")
