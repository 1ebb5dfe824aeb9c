"""Write MRC files: our header, and whole stacks or volumes. Streaming by slabs is in
``mrc_slabs.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.io.atomic import replacing
from recon.io.mrc.header import HEADER_BYTES, header_dtype
from recon.io.mrc.labels import to_labels

Statistics = tuple[float, float, float, float]  # minimum, maximum, mean, standard deviation
UNKNOWN: Statistics = (
    0.0,
    -1.0,
    -2.0,
    -1.0,
)  # MRC2014: maximum below minimum, mean below both, negative rms


def make_header(
    shape: tuple[int, int, int],
    *,
    pixel_nm: float | None,
    history: Sequence[str],
    statistics: Statistics = UNKNOWN,
    axes: str = "(z,y,x)",
    extended: int = 0,
) -> np.ndarray:
    """A little-endian MRC2014 header (one record) of a float32 file; cell size in Angstrom.

    ``extended``: bytes of extended header to follow, in SerialEM's layout with the tilt angle only.
    """
    header = np.zeros(1, header_dtype("<"))
    fields = header[0]
    sides = shape[::-1]
    fields["shape"] = fields["grid"] = sides
    fields["mode"] = 2
    # 1.0 A per pixel is what "unknown" looks like in an MRC file; our label says which of the two
    # it is.
    fields["cell_a"] = np.array(sides) * (1.0 if pixel_nm is None else pixel_nm * 10)
    fields["cell_deg"] = 90.0
    fields["axes"] = (1, 2, 3)
    fields["minimum"], fields["maximum"], fields["mean"], fields["rms"] = statistics
    fields["space_group"] = (
        0 if axes.startswith("(tilt") else 1
    )  # 0: a stack of images, 1: a volume
    fields["version"] = 20141
    fields["map"] = b"MAP "
    fields["stamp"] = (0x44, 0x44, 0, 0)
    if extended:
        fields["extended"], fields["extended_type"] = extended, b"SERI"
        fields["n_int"], fields["n_real"] = 2, 1  # 2 bytes per view, holding flag 1: the tilt angle
    labels = to_labels(history, voxel_nm=pixel_nm, axes=axes)
    fields["n_labels"] = len(labels)
    fields["labels"][: len(labels)] = labels
    return header


def write_mrc(
    path: Path,
    data: np.ndarray,
    *,
    pixel_nm: float | None,
    history: Sequence[str],
    angles_deg: np.ndarray | None = None,
) -> None:
    """Write (z, y, x) or, with ``angles_deg``, (tilt, y, x) float32. Angles go into a SerialEM
    header, to 0.01 degrees."""
    tilts = (
        b""
        if angles_deg is None
        else np.round(np.asarray(angles_deg) * 100).astype("<i2").tobytes()
    )
    header = make_header(
        (data.shape[0], data.shape[1], data.shape[2]),
        pixel_nm=pixel_nm,
        history=history,
        statistics=statistics_of(data),
        axes="(z,y,x)" if angles_deg is None else "(tilt,y,x)",
        extended=len(tilts),
    )
    assert header.nbytes == HEADER_BYTES
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(header.tobytes())
        file.write(tilts)
        for section in data:  # by section: no copy of the volume, whatever its strides
            file.write(np.ascontiguousarray(section, "<f4").data)


def statistics_of(data: np.ndarray) -> Statistics:
    """Minimum, maximum, mean and standard deviation, in float64, section by section."""
    low, high, total = np.inf, -np.inf, 0.0
    for section in data:
        low, high = min(low, float(section.min())), max(high, float(section.max()))
        total += float(section.sum(dtype=np.float64))
    mean = total / data.size
    square = sum(float(np.square(section.astype(np.float64) - mean).sum()) for section in data)
    return low, high, mean, float(np.sqrt(square / data.size))
