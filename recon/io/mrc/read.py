"""Read MRC stacks and volumes (.mrc .st .ali .rec .map .mrcs, plain or gzipped)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from recon.errors import UserError
from recon.io.mrc.extended import read_extended
from recon.io.mrc.header import HEADER_BYTES, MrcHeader, parse_header
from recon.io.mrc.labels import history_from_labels, voxel_from_labels
from recon.io.stack import PixelSource, StackFile
from recon.io.units import pixel_source


def open_mrc(path: Path) -> StackFile:
    """Header, extended header and labels of an MRC file.

    Raises ``UserError`` for a header that makes no sense, complex or coloured pixels, and a file
    shorter or longer than its header promises.
    """
    with path.open("rb") as start:
        zipped = start.read(2) == b"\x1f\x8b"
    size = None if zipped else path.stat().st_size
    with _stream(path, zipped) as file:
        header = parse_header(file.read(HEADER_BYTES), name=path.name, file_bytes=size)
        if size is not None:
            _check_size(header, size, path.name)
        extended = file.read(header.offset - HEADER_BYTES)
    angles, pixels, notes = read_extended(header, extended)
    own = voxel_from_labels(header.labels)

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        _fill(path, zipped, header, out, keep)

    return StackFile(
        path=path,
        kind=f"MRC {header.dtype.name}",
        shape=header.shape,
        fill=fill,
        angles=angles,
        # Our own label has all digits, and knows a true 0.1 nm (1.0 A) from an unknown size.
        pixels=(*(own if own is not None else _header_pixel(header)), *pixels),
        notes=notes,
        history=history_from_labels(header.labels),
    )


def _stream(path: Path, zipped: bool) -> BinaryIO:
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _check_size(header: MrcHeader, size: int, name: str) -> None:
    nz, ny, nx = header.shape
    section = ny * nx * header.dtype.itemsize
    there = size - header.offset
    promised = f"{nz} views of {nx} x {ny} {header.dtype.name}"
    if there < header.data_bytes:
        raise UserError(
            f"{name} is truncated: its header promises {promised} "
            f"({header.offset + header.data_bytes} bytes) but the "
            "file ends after "
            f"{max(there, 0) // section} whole views ({size} bytes); copy it again from the "
            f"microscope"
        )
    if there - header.data_bytes >= section:  # less is padding, which some programs add
        raise UserError(
            f"{name} does not fit its header: {promised} promised "
            f"({header.offset + header.data_bytes} bytes) but the file has "
            f"{size} bytes, room for {there / section:.4g} views; repair the header or export the "
            f"stack again"
        )


def _header_pixel(header: MrcHeader) -> tuple[PixelSource, ...]:
    x, y, z = header.pixel_a
    if not x or not y:
        return ()
    # The header is float32: seven digits.
    return pixel_source(
        [float(f"{size / 10:.6g}") if size else None for size in (x, y, z)], "MRC header"
    )


def _fill(
    path: Path, zipped: bool, header: MrcHeader, out: np.ndarray, keep: Sequence[int]
) -> None:
    """One view at a time: beside the float32 stack only one view in the file's own type is in
    memory."""
    nz, ny, nx = header.shape
    section = ny * nx * header.dtype.itemsize
    try:
        with _stream(path, zipped) as file:
            for k, view in enumerate(keep):
                file.seek(header.offset + view * section)
                raw = file.read(section)
                if len(raw) < section:
                    raise EOFError
                out[k] = np.frombuffer(raw, header.dtype).reshape(ny, nx)
    except (EOFError, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path.name} is truncated: it ends before view {view} of {nz}; copy it again"
        ) from error
