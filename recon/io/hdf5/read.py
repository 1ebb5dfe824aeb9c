"""Read HDF5: HyperSpy .hspy, Berkeley .emd, Velox .emd, and plain files with one three-dimensional
array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recon.errors import UserError
from recon.io.array_axes import Order
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


def open_hdf5(path: Path, dataset: str | None = None) -> StackFile:
    """Find the stack in an HDF5 file (of several the one that ``dataset`` names) and what it says
    of angles and pixel size.

    Raises ``UserError`` when there is no array of three dimensions, or more than one without a sign
    of which to take.
    """
    try:
        with _H5.File(path, "r") as file:
            layout = _layout(file, path.name, dataset)
            data = file[layout.dataset]
            dtype = check_numbers(data.dtype, name=path.name)
            stored = tuple(int(n) for n in data.shape)
            stored = tuple(stored[i] for i in layout.order) if len(stored) == 3 else stored
            shape = check_sides(stored, name=path.name)
    except BROKEN as error:
        if isinstance(error, PermissionError):
            raise
        raise _broken(path, error) from error

    return _stack(path, layout, shape, dtype)


def _stack(
    path: Path, layout: Layout, shape: tuple[int, int, int], dtype: np.dtype[np.generic]
) -> StackFile:
    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        try:
            with _H5.File(path, "r") as file:
                _fill(file[layout.dataset], layout.order, out, keep)
        except BROKEN as error:
            raise _broken(path, error) from error

    def views_last() -> StackFile:
        turned = replace(layout, order=(2, 0, 1), open=False)
        return _stack(path, turned, (shape[2], shape[0], shape[1]), dtype)

    return StackFile(
        path,
        f"{layout.kind} {dtype.name}",
        shape,
        fill,
        angles=layout.angles,
        pixels=layout.pixels,
        notes=layout.notes,
        hint=layout.hint,
        views_last=views_last if layout.open else None,
    )


def _layout(file: Any, name: str, dataset: str | None) -> Layout:
    if str(file.attrs.get("file_format", "")).startswith("HyperSpy"):
        return hyperspy(file, name, dataset)
    if is_velox(file):
        return velox(file, name, dataset)
    return berkeley(file, name, dataset) or plain(file, name, dataset)


def _fill(data: Any, order: Order, out: np.ndarray, keep: Sequence[int]) -> None:
    """In blocks of whole chunks: reading view by view would unpack a chunk once for each of its
    views."""
    if len(data.shape) != 3:  # one side in front of the three, or an image of a tilt
        block = np.asarray(data[()]).reshape((-1, *out.shape[1:]))
        out[:] = block[list(keep)]
        return
    tilt_axis = order[0]
    n_views = data.shape[tilt_axis]
    per_view = data.size // n_views * data.dtype.itemsize
    chunk = data.chunks[tilt_axis] if data.chunks else 1
    step = max(chunk, _BLOCK_BYTES // max(per_view, 1) // chunk * chunk)
    place = {view: k for k, view in enumerate(keep)}
    for start in range(0, n_views, step):
        window = [slice(None)] * 3
        window[tilt_axis] = slice(start, min(start + step, n_views))
        block = np.transpose(data[tuple(window)], order)
        for i, view in enumerate(block, start=start):
            if i in place:
                out[place[i]] = view


def _broken(path: Path, error: Exception) -> UserError:
    why = " ".join(str(error).split())[:120]
    return UserError(f"{path.name} is a damaged HDF5 file ({why}); copy it again")
