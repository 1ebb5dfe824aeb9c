"""Planes and rows of a finished volume, read from its file section by section: a report needs no
volume in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from recon.errors import UserError
from recon.io.mrc.header import HEADER_BYTES, MrcHeader, parse_header

LARGEST_SIDE = 256  # of a shown picture, in pixels


@dataclass(frozen=True, eq=False)
class Planes:
    """Sections through a volume: ``xy`` (section, y, x), ``xz`` (section, z, x), ``zy`` (section,
    z, y), in-plane block means.

    ``at``: the index of each section on its own axis. ``middle_xz``: (z, x) at full resolution.
    ``shape``: of the volume, (z, y, x).
    """

    planes: Mapping[str, np.ndarray]
    at: Mapping[str, list[int]]
    middle_xz: np.ndarray
    shape: tuple[int, int, int]


def size(shape: Sequence[int]) -> str:
    return " × ".join(str(n) for n in shape)


def read_header(path: Path) -> MrcHeader:
    with path.open("rb") as file:
        return parse_header(file.read(HEADER_BYTES), name=path.name, file_bytes=path.stat().st_size)


def read_rows(path: Path, first: int, count: int) -> np.ndarray:
    """(z, count, x) float32: some rows of all sections of an MRC volume."""
    header = read_header(path)
    nz, ny, nx = header.shape
    rows = np.empty((nz, count, nx), np.float32)
    with path.open("rb") as file:
        for z in range(nz):
            file.seek(header.offset + header.dtype.itemsize * (z * ny + first) * nx)
            rows[z] = _take(file, count * nx, header, path).reshape(count, nx)
    return rows


def read_planes(path: Path, count: int) -> Planes:
    """Up to ``count`` sections across each axis, at most ``LARGEST_SIDE`` pixels a side. Raises
    ``UserError``, ``OSError``."""
    header = read_header(path)
    nz, ny, nx = header.shape
    at = {"xy": sections(nz, count), "xz": sections(ny, count), "zy": sections(nx, count)}
    fz, fy, fx = (-(-n // LARGEST_SIDE) for n in header.shape)
    xy = np.empty((len(at["xy"]), ny // fy, nx // fx), np.float32)
    xz = np.zeros((len(at["xz"]), nz // fz, nx // fx), np.float32)
    zy = np.zeros((len(at["zy"]), nz // fz, ny // fy), np.float32)
    middle = np.empty((nz, nx), np.float32)
    with path.open("rb") as file:
        file.seek(header.offset)
        for z in range(nz):
            section = _take(file, ny * nx, header, path).reshape(ny, nx)
            middle[z] = section[ny // 2]
            if z in at["xy"]:
                xy[at["xy"].index(z)] = shrink(section, fy, fx)
            if z // fz < nz // fz:  # the last sections may not fill a block
                xz[:, z // fz] += shrink(section[at["xz"]], 1, fx) / fz
                zy[:, z // fz] += shrink(section[:, at["zy"]], fy, 1).T / fz
    return Planes({"xy": xy, "xz": xz, "zy": zy}, at, middle, header.shape)


def sections(n: int, count: int) -> list[int]:
    """``count`` indices spread evenly over an axis of n, or all of them."""
    count = min(n, count)
    return [int((i + 0.5) * n / count) for i in range(count)]


def shrink(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Means of blocks of ``down`` by ``right`` pixels; a border that fills no block is left out."""
    height, width = image.shape[0] // down, image.shape[1] // right
    return np.asarray(
        image[: height * down, : width * right].reshape(height, down, width, right).mean((1, 3))
    )


def _take(file: BinaryIO, count: int, header: MrcHeader, path: Path) -> np.ndarray:
    """The next ``count`` pixels as float32; what is not finite becomes 0."""
    data = file.read(header.dtype.itemsize * count)
    if len(data) < header.dtype.itemsize * count:
        raise UserError(
            f"{path.name} is shorter than its header says; the run was stopped, or the disk was "
            f"full"
        )
    values = np.frombuffer(data, header.dtype).astype(np.float32)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
