"""Read a NumPy .npy array of three dimensions; nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.array_axes import Order
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import StackFile


def open_npy(path: Path) -> StackFile:
    """A .npy of (tilt, y, x) numbers. Raises ``UserError`` for pickled objects, other shapes and
    truncated files."""
    return _stack(path, (0, 1, 2))


def _stack(path: Path, order: Order) -> StackFile:
    """``order``: which sides of the array are (tilt, y, x)."""
    array = _map(path)
    sides = check_sides(array.shape, name=path.name)
    dtype = check_numbers(array.dtype, name=path.name)
    del array

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        views = _map(path).reshape(sides).transpose(order)
        for k, view in enumerate(keep):
            out[k] = views[view]

    shape = (sides[order[0]], sides[order[1]], sides[order[2]])
    last = (lambda: _stack(path, (2, 0, 1))) if order == (0, 1, 2) else None
    return StackFile(path, f"NumPy {dtype.name}", shape, fill, views_last=last)


def _map(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (
        ValueError
    ) as error:  # pickled objects, a damaged header, fewer bytes than the header promises
        why = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path.name} is no plain array of numbers or is truncated ({why}); save it again with "
            f"numpy.save"
        ) from error
