"""Write OME-Zarr 0.4 in Zarr format 2, which today's viewers read: one level, axes with units, our
record in the attributes.

Source: https://ngff.openmicroscopy.org/0.4 and
https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html. Written by hand, a few JSON texts and raw
chunks: the zarr library writes from background threads, and when one of them meets a full disk the
others go on and leave files behind after we have cleaned up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.atomic import replacing
from recon.io.provenance import to_record

_CHUNK = 64


def write_zarr(
    path: Path,
    data: np.ndarray,
    *,
    pixel_nm: float | None,
    history: Sequence[str],
    angles_deg: np.ndarray | None = None,
) -> None:
    """Write (z, y, x), or (tilt, y, x) with ``angles_deg``. Replaces a Zarr folder of that name,
    never another folder."""
    if path.is_dir() and not any(
        (path / mark).is_file() for mark in (".zgroup", ".zarray", "zarr.json")
    ):
        raise UserError(
            f"{path.name} is a folder that is no Zarr, it will not be replaced; choose another name"
        )
    attributes = {
        "multiscales": [_multiscale(path.name.split(".")[0], pixel_nm, angles_deg is not None)],
        "tiltwise": to_record(pixel_nm=pixel_nm, history=history, angles_deg=angles_deg),
    }
    with replacing(path) as temporary:
        (temporary / "0").mkdir(parents=True)
        _write_json(temporary / ".zgroup", {"zarr_format": 2})
        _write_json(temporary / ".zattrs", attributes)
        _write_array(temporary / "0", data)


def _multiscale(name: str, pixel_nm: float | None, tilts: bool) -> dict[str, object]:
    space: dict[str, str] = (
        {"type": "space"} if pixel_nm is None else {"type": "space", "unit": "nanometer"}
    )
    axes = [
        {"name": "tilt"} if tilts else {"name": "z", **space},
        {"name": "y", **space},
        {"name": "x", **space},
    ]
    size = 1.0 if pixel_nm is None else pixel_nm
    scale = [1.0 if tilts else size, size, size]
    return {
        "version": "0.4",
        "name": name,
        "axes": axes,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }


def _write_array(folder: Path, data: np.ndarray) -> None:
    chunks = [min(_CHUNK, n) for n in data.shape]
    _write_json(
        folder / ".zarray",
        {
            "zarr_format": 2,
            "shape": list(data.shape),
            "chunks": chunks,
            "dtype": "<f4",
            "compressor": None,  # noise does not compress
            "fill_value": 0.0,
            "order": "C",
            "filters": None,
            "dimension_separator": "/",
        },
    )
    for corner in product(*(range(-(-n // c)) for n, c in zip(data.shape, chunks, strict=True))):
        window = tuple(slice(i * c, (i + 1) * c) for i, c in zip(corner, chunks, strict=True))
        block = np.ascontiguousarray(data[window], "<f4")
        if block.shape != tuple(chunks):  # chunks at the edge are stored whole
            block = np.pad(block, [(0, c - n) for n, c in zip(block.shape, chunks, strict=True)])
        file = folder / str(corner[0]) / str(corner[1]) / str(corner[2])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(block.data)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1), "ascii")
