"""Read HDF5: HyperSpy .hspy, Berkeley .emd, Velox .emd, and plain files with one three-dimensional
array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recon.errors import UserError
from recon.io.hdf5.layouts import Layout, berkeley, hyperspy, plain
from recon.io.hdf5.velox import is_velox, velox
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import StackFile

_H5: Any = h5py  # the library has no types

# What h5py raises for damaged files.
BROKEN = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
)
_BLOCK_BYTES = 64 << 20


def open_hdf5(path: Path) -> StackFile:
    """Find the stack in an HDF5 file and what it says of angles and pixel size.

    Raises ``UserError`` when there is no array of three dimensions, or more than one without a sign
    of which to take.
    """
    try:
        with _H5.File(path, "r") as file:
            layout = _layout(file, path.name)
            data = file[layout.dataset]
            dtype = check_numbers(data.dtype, name=path.name)
            stored = tuple(int(n) for n in data.shape)
            stored = (
                tuple(np.moveaxis(np.empty(stored, "V0"), layout.tilt_axis, 0).shape)
                if len(stored) == 3
                else stored
            )
            shape = check_sides(stored, name=path.name)
    except BROKEN as error:
        if isinstance(error, PermissionError):
            raise
        raise _broken(path, error) from error

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        try:
            with _H5.File(path, "r") as file:
                _fill(file[layout.dataset], layout.tilt_axis, out, keep)
        except BROKEN as error:
            raise _broken(path, error) from error

    kind = f"{layout.kind} {dtype.name}"
    return StackFile(
        path, kind, shape, fill, angles=layout.angles, pixels=layout.pixels, notes=layout.notes
    )


def _layout(file: Any, name: str) -> Layout:
    if str(file.attrs.get("file_format", "")).startswith("HyperSpy"):
        return hyperspy(file, name)
    if is_velox(file):
        return velox(file, name)
    return berkeley(file, name) or plain(file, name)


def _fill(data: Any, tilt_axis: int, out: np.ndarray, keep: Sequence[int]) -> None:
    """In blocks of whole chunks: reading view by view would unpack a chunk once for each of its
    views."""
    n_views = data.shape[tilt_axis]
    per_view = data.size // n_views * data.dtype.itemsize
    chunk = data.chunks[tilt_axis] if data.chunks else 1
    step = max(chunk, _BLOCK_BYTES // max(per_view, 1) // chunk * chunk)
    place = {view: k for k, view in enumerate(keep)}
    for start in range(0, n_views, step):
        window = [slice(None)] * 3
        window[tilt_axis] = slice(start, min(start + step, n_views))
        block = np.moveaxis(data[tuple(window)], tilt_axis, 0)
        for i, view in enumerate(block, start=start):
            if i in place:
                out[place[i]] = view


def _broken(path: Path, error: Exception) -> UserError:
    why = " ".join(str(error).split())[:120]
    return UserError(f"{path.name} is a damaged HDF5 file ({why}); copy it again")
