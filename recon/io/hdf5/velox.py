"""Velox .emd: images as (y, x, frame), one JSON text per frame with stage angles in radians and
pixel sizes in metres."""

from __future__ import annotations

import json
from typing import Any

import h5py
import numpy as np

from recon.errors import UserError
from recon.io.dataset import choose_dataset
from recon.io.hdf5.layouts import Layout
from recon.io.stack import AngleSource
from recon.io.units import length_nm, pixel_source

_H5: Any = h5py  # the library has no types


def is_velox(file: Any) -> bool:
    return isinstance(file.get("Data/Image"), _H5.Group)


def velox(file: Any, name: str, dataset: str | None) -> Layout:
    """The image series of a Velox file; of several detectors the one that ``dataset`` names. Raises
    ``UserError``, with their names, when none is chosen."""
    images = [
        g
        for g in file["Data/Image"].values()
        if isinstance(g, _H5.Group) and isinstance(g.get("Data"), _H5.Dataset)
    ]
    series = [g for g in images if len(g["Data"].shape) == 3 and g["Data"].shape[2] > 1] or images
    if not series:
        raise UserError(f"{name} holds no images of Velox, a tilt series wanted; export it as MRC")
    detectors = [
        str(_at(_frame(g, 0), "BinaryResult", "Detector") or f"series {i}")
        for i, g in enumerate(series)
    ]
    group = series[choose_dataset(detectors, dataset, name=name)]
    data = group["Data"]
    n_views = data.shape[2] if len(data.shape) == 3 else 1
    frames = [_frame(group, i) for i in range(n_views)]
    tilts = [_number(f, "Stage", "AlphaTilt") for f in frames]
    angles: tuple[AngleSource, ...] = (
        (AngleSource("Velox stage tilt", np.rad2deg(np.array(tilts, dtype=np.float64)), own=True),)
        if None not in tilts
        else ()
    )
    hint = ""
    if n_views > 1 and angles and np.ptp(angles[0].values_deg) < 1e-3:
        hint = f"its stage stood at {angles[0].values_deg[0]:.1f} degrees for all frames"
        angles = ()
    sizes = [_number(frames[0], "BinaryResult", "PixelSize", side) for side in ("width", "height")]
    unit = str(_at(frames[0], "BinaryResult", "PixelUnitX") or "m")
    pixels = pixel_source(
        [None if s is None else length_nm(s, unit) for s in sizes], "Velox metadata"
    )
    return Layout("Velox EMD", str(data.name), (2, 0, 1), angles, pixels, hint=hint)


def _frame(group: Any, frame: int) -> object:
    """The JSON of a frame: bytes down a column, padded with zeros."""
    texts = group.get("Metadata")
    if not isinstance(texts, _H5.Dataset) or len(texts.shape) != 2 or frame >= texts.shape[1]:
        return {}
    try:
        return json.loads(bytes(texts[:, frame]).split(b"\0")[0])
    except ValueError:
        return {}


def _at(tree: object, *keys: str) -> object:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _number(tree: object, *keys: str) -> float | None:
    value = _at(tree, *keys)
    try:
        return float(value) if isinstance(value, (str, int, float)) else None
    except ValueError:
        return None
