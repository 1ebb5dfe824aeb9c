"""Read MATLAB files up to version 7 (``save -v7``); nothing is ever unpickled or run."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import StackFile


def open_matlab(path: Path) -> StackFile:
    """The largest three-dimensional array of numbers in a .mat file.

    MATLAB counts views last, (y, x, tilt); an array whose first side alone differs, (tilt, n, n),
    is taken as it is. These files hold no angles. Raises ``UserError`` for files without such an
    array, and for damaged ones.
    """
    name = max(_three_dimensional(path).items(), key=lambda item: int(np.prod(item[1])))[0]
    array = _array(path, name)
    shape = check_sides(array.shape, name=path.name)
    dtype = check_numbers(array.dtype, name=path.name)
    del array

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        views = _array(path, name)
        for k, view in enumerate(keep):
            out[k] = views[view]

    return StackFile(path, f"MATLAB {dtype.name} {name!r}", shape, fill)


def _three_dimensional(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays of numbers with three sides."""
    from scipy.io import whosmat

    kinds = {
        "double",
        "single",
        "logical",
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    }
    with _damage_as_sentence(path):
        listed = whosmat(path)
    found = {name: shape for name, shape, kind in listed if len(shape) == 3 and kind in kinds}
    if not found:
        held = (
            ", ".join(
                f"{name} {' x '.join(map(str, shape))} {kind}" for name, shape, kind in listed[:5]
            )
            or "nothing"
        )
        raise UserError(
            f"{path.name} holds {held[:150]}, an array of numbers with three sides (y, x, tilt) "
            f"wanted; save the stack"
        )
    return found


def _array(path: Path, name: str) -> np.ndarray:
    """(tilt, y, x), a view of the array as it lies in the file."""
    from scipy.io import loadmat

    with _damage_as_sentence(path):
        array = np.asarray(loadmat(path, variable_names=[name])[name])
    first, second, third = array.shape
    return array if first != second == third else array.transpose(2, 0, 1)


@contextmanager
def _damage_as_sentence(path: Path) -> Iterator[None]:
    """All that scipy was seen to raise for files that are no MATLAB files, or not any more."""
    from scipy.io.matlab import MatReadError

    wrong_values = (ValueError, TypeError, KeyError, IndexError, OverflowError, NotImplementedError)
    try:
        yield
    except (*wrong_values, MemoryError, zlib.error, MatReadError) as error:
        why = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path.name} is a damaged MATLAB file or of a kind unknown here ({why}); save it "
            f"again with save -v7"
        ) from error
