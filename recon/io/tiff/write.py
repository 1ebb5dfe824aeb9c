"""Write TIFF stacks: float32 pages, resolution tags, and our record as JSON in the
ImageDescription."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from recon.io.atomic import replacing
from recon.io.provenance import to_record

_BIG = 4 * 10**9  # classic TIFF counts bytes in 32 bits


def write_tiff(
    path: Path,
    data: np.ndarray,
    *,
    pixel_nm: float | None,
    history: Sequence[str],
    angles_deg: np.ndarray | None = None,
) -> None:
    """Write (z, y, x), or (tilt, y, x) with ``angles_deg``, one page per section."""
    record = to_record(pixel_nm=pixel_nm, history=history, angles_deg=angles_deg)
    per_cm = None if pixel_nm is None else 1e7 / pixel_nm
    with (
        replacing(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=data.nbytes > _BIG) as tif,
    ):
        for z, section in enumerate(data):
            tif.write(
                np.ascontiguousarray(section, np.float32),
                photometric="minisblack",
                description=json.dumps(record) if z == 0 else None,
                metadata=None,  # else tifffile adds its own description
                resolution=None if per_cm is None else (per_cm, per_cm),
                resolutionunit=None if per_cm is None else "CENTIMETER",
            )
