"""Read MRC stacks and volumes (.mrc .st .ali .rec .map .mrcs, plain or gzipped)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
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
        header, said = _with_sign(header, file, path.name)
    angles, pixels, notes = read_extended(header, extended)
    own = voxel_from_labels(header.labels)
    if header.add:
        said += (f"IMOD's signed bytes: {header.add:g} added, as IMOD does",)
    if header.turned:
        said += ("columns run along y (MAPC = 2, MAPR = 1): views turned to rows along y",)
    shape = (header.shape[0], *(header.shape[:0:-1] if header.turned else header.shape[1:]))

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        _fill(path, zipped, header, out, keep)

    return StackFile(
        path=path,
        kind="MRC 4-bit" if header.packed else f"MRC {header.dtype.name}",
        shape=(shape[0], shape[1], shape[2]),
        fill=fill,
        angles=angles,
        # Our own label has all digits, and knows a true 0.1 nm (1.0 A) from an unknown size.
        pixels=(*(own if own is not None else _header_pixel(header)), *pixels),
        notes=(*said, *notes),
        history=history_from_labels(header.labels),
    )


def _stream(path: Path, zipped: bool) -> BinaryIO:
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _check_size(header: MrcHeader, size: int, name: str) -> None:
    nz, ny, nx = header.shape
    section = header.section_bytes
    there = size - header.offset
    kind = "4-bit" if header.packed else header.dtype.name
    promised = f"{nz} views of {nx} x {ny} {kind}"
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
    try:
        with _stream(path, zipped) as file:
            for k, view in enumerate(keep):
                out[k] = _section(file, header, view)
    except (EOFError, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path.name} is truncated: it ends before view {view} of {header.shape[0]}; copy it "
            "again"
        ) from error


def _section(file: BinaryIO, header: MrcHeader, view: int) -> np.ndarray:
    """(y, x) of one section, float32 where anything was done to it. Raises ``EOFError``."""
    _, ny, nx = header.shape
    file.seek(header.offset + view * header.section_bytes)
    raw = file.read(header.section_bytes)
    if len(raw) < header.section_bytes:
        raise EOFError
    values = np.frombuffer(raw, header.dtype).reshape(ny, -1)
    if header.packed:
        values = np.stack([values & 15, values >> 4], axis=2).reshape(ny, -1)[:, :nx]
    if header.add:
        values = values.astype(np.float32) + np.float32(header.add)
    return values.T if header.turned else values


def _with_sign(header: MrcHeader, file: BinaryIO, name: str) -> tuple[MrcHeader, tuple[str, ...]]:
    """Bytes whose sign the header does not tell, with the sign that the data tell: read wrongly,
    values about 128 tear neighbouring pixels apart by 255."""
    if not header.sign_unknown:
        return header, ()
    torn = {"i1": 0.0, "u1": 0.0}
    high, low = False, False
    try:
        for view in sorted({0, header.shape[0] // 2, header.shape[0] - 1}):
            values = _section(file, replace(header, turned=False), view)
            high, low = high or bool((values < 0).any()), low or bool((values >= 0).any())
            for kind in torn:
                smooth = np.asarray(values).view(kind).astype(np.float64)
                torn[kind] += float(np.abs(np.diff(smooth)).mean())
    except EOFError:  # the sentence about it comes with the pixels
        return header, ()
    if not high:
        return header, ()
    unsigned = torn["u1"] < 0.8 * torn["i1"] or not low
    guess = "unsigned" if unsigned else "signed"
    why = (
        "as neighbouring pixels resemble each other then"
        if abs(torn["u1"] - torn["i1"]) > 0.2 * torn["i1"]
        else "as all would be negative else"
        if unsigned
        else "as the format has it"
    )
    note = f"{name} does not say whether its bytes have a sign: taken as {guess}, {why}"
    return (replace(header, dtype=np.dtype("u1")) if unsigned else header), (note,)
