"""Write an MRC volume by y-slabs: one larger than memory, or one whose computation may be
interrupted and resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.atomic import write_error
from recon.io.mrc.header import HEADER_BYTES, parse_header
from recon.io.mrc.write import UNKNOWN, Statistics, make_header
from recon.series import Slices


class VolumeWriter:
    """A (z, y, x) float32 MRC file that is filled by rows and takes its name at the end.

    The work goes to ``<path>.part``, all of whose space is claimed at once, so that a full disk is
    known before the work. Plain writes, no memory map: mapped pages would count as this process's
    memory. Not for several threads at a time. ``resume=True`` continues a ``.part`` that an
    interrupted run left.

    Raises ``UserError`` when the disk has no room (with both sizes), when ``path`` cannot be
    written, and for a ``.part`` of another shape.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        *,
        voxel_nm: float | None,
        history: Sequence[str],
        resume: bool = False,
    ) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.shape = shape
        self._voxel_nm = voxel_nm
        self._history = tuple(history)
        self._size = HEADER_BYTES + 4 * shape[0] * shape[1] * shape[2]
        if resume:
            self._check_part()
        else:
            self._claim()
        try:
            self._file = self.part.open("r+b", buffering=0)
        except OSError as error:
            raise write_error(path, error) from error

    def write_rows(self, y0: int, rows: np.ndarray) -> None:
        """Rows ``y0`` to ``y0 + n`` of all sections. ``rows``: (z, n, x) numbers of any strides,
        stored as float32."""
        nz, ny, nx = self.shape
        if (
            rows.ndim != 3
            or (rows.shape[0], rows.shape[2]) != (nz, nx)
            or not 0 <= y0 <= ny - rows.shape[1]
        ):
            raise ValueError(
                f"rows of shape {rows.shape} at y = {y0} do not fit a volume of {self.shape}"
            )
        try:
            for z in range(nz):
                self._file.seek(HEADER_BYTES + 4 * (z * ny + y0) * nx)
                _write_all(self._file.fileno(), np.ascontiguousarray(rows[z], "<f4").data)
        except OSError as error:
            raise write_error(self.path, error) from error

    def flush(self) -> None:
        """Bring what was written to the disk; call it before noting that a slab is done."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise write_error(self.path, error) from error

    def finish(self) -> None:
        """Put minimum, maximum, mean and standard deviation into the header, and give the file its
        name."""
        try:
            statistics = self._statistics()
            self._file.seek(0)
            _write_all(self._file.fileno(), self._header(statistics))
            os.fsync(self._file.fileno())
            self._file.close()
            self.part.replace(self.path)
        except OSError as error:
            raise write_error(self.path, error) from error

    def close(self) -> None:
        """Stop here and leave the ``.part``, to be resumed."""
        self._file.close()

    def discard(self) -> None:
        """Give up: the ``.part`` is removed, a file at ``path`` from before stays."""
        self._file.close()
        self.part.unlink(missing_ok=True)

    def _claim(self) -> None:
        """Write the header and claim all the space."""
        try:
            free = shutil.disk_usage(self.path.absolute().parent).free + (
                self.part.stat().st_size if self.part.exists() else 0
            )
            if free < self._size:
                raise UserError(
                    f"{self.path.name} needs {self._size / 1e9:.3g} GB but "
                    f"{str(self.path.absolute().parent)[-150:]} "
                    f"has {free / 1e9:.3g} GB "
                    "free; free some space or write elsewhere"
                )
            with self.part.open("wb", buffering=0) as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, self._size)
                else:  # macOS and Windows cannot promise the space
                    file.truncate(self._size)
                file.seek(0)
                _write_all(file.fileno(), self._header())
        except OSError as error:
            self.part.unlink(missing_ok=True)
            raise write_error(self.path, error) from error

    def _check_part(self) -> None:
        try:
            size = self.part.stat().st_size
            with self.part.open("rb") as file:
                head = file.read(HEADER_BYTES)
        except OSError as error:
            raise UserError(
                f"{self.part.name} cannot be resumed ({error.strerror}); start again without resume"
            ) from error
        if size != self._size or parse_header(head, name=self.part.name).shape != self.shape:
            raise UserError(
                f"{self.part.name} has {size} bytes and is not a volume of {self.shape} (z, y, x) "
                f"with {self._size} bytes; "
                "it is from another run, delete it and start again"
            )

    def _header(self, statistics: Statistics = UNKNOWN) -> bytes:
        return make_header(
            self.shape, pixel_nm=self._voxel_nm, history=self._history, statistics=statistics
        ).tobytes()

    def _statistics(self) -> Statistics:
        """By section, with sums of squares about each section's mean (Chan et al. 1979), so that
        one pass is enough."""
        nz, ny, nx = self.shape
        low, high, mean, square = np.inf, -np.inf, 0.0, 0.0
        self._file.seek(HEADER_BYTES)
        for z in range(nz):
            section = np.frombuffer(_read_all(self._file.fileno(), 4 * ny * nx), "<f4")
            low, high = min(low, float(section.min())), max(high, float(section.max()))
            here = float(section.mean(dtype=np.float64))
            square += float(np.square(section.astype(np.float64) - here).sum()) + (
                here - mean
            ) ** 2 * section.size * z / (z + 1)
            mean += (here - mean) / (z + 1)
        return low, high, mean, float(np.sqrt(square / (nz * ny * nx)))


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    left = memoryview(data).cast("B")
    while left:  # the system may take fewer bytes than offered
        left = left[os.write(descriptor, left) :]


def _read_all(descriptor: int, size: int) -> bytearray:
    found = bytearray()
    while len(found) < size and (piece := os.read(descriptor, size - len(found))):
        found += piece
    return found


def middle_slices(path: Path) -> Slices:
    """The planes through the middle of an MRC float32 volume of ours, read section by section: no
    mapping, no whole volume."""
    with path.open("rb", buffering=0) as file:
        nz, ny, nx = parse_header(file.read(HEADER_BYTES), name=path.name).shape
        xz, zy = np.empty((nz, nx), np.float32), np.empty((nz, ny), np.float32)
        for z in range(nz):
            section = np.frombuffer(_read_all(file.fileno(), 4 * ny * nx), "<f4").reshape(ny, nx)
            xz[z], zy[z] = section[ny // 2], section[:, nx // 2]
            if z == nz // 2:
                xy = section.copy()
    return Slices(xy, xz, zy)
