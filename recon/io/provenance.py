"""What we write into TIFF descriptions and Zarr attributes beside the pixels, as JSON, and read
back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from recon.io.stack import AngleSource, PixelSource

_PROGRAM = "Tiltwise"


def to_record(
    *, pixel_nm: float | None, history: Sequence[str], angles_deg: np.ndarray | None = None
) -> dict[str, object]:
    """Axes, unit, pixel size, angles and the whole history as a JSON-ready dictionary."""
    record: dict[str, object] = {
        "program": _PROGRAM,
        "axes": "zyx" if angles_deg is None else "tilt,y,x",
        "tilt_axis": "y",
        "unit": "nanometer",
        "pixel_nm": pixel_nm,
        "history": list(history),
    }
    if angles_deg is not None:
        record["angles_deg"] = [float(a) for a in angles_deg]
    return record


def from_record(
    record: object,
) -> tuple[tuple[AngleSource, ...], tuple[PixelSource, ...] | None, tuple[str, ...]] | None:
    """Angles, pixel size (empty when it was unknown) and history; None when the record is not
    ours."""
    if isinstance(record, str):
        try:
            record = json.loads(record)
        except ValueError:
            return None
    if not isinstance(record, Mapping) or record.get("program") != _PROGRAM:
        return None
    angles, pixel, history = record.get("angles_deg"), record.get("pixel_nm"), record.get("history")
    return (
        (AngleSource(f"{_PROGRAM} record", np.array(angles, dtype=np.float64)),)
        if isinstance(angles, list)
        else (),
        (PixelSource(f"{_PROGRAM} record", float(pixel)),)
        if isinstance(pixel, (int, float))
        else (),
        tuple(str(line) for line in history) if isinstance(history, list) else (),
    )
