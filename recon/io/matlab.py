"""Read MATLAB files up to version 7 (``save -v7``); nothing is ever unpickled or run."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.array_axes import angle_vector, is_angle_name
from recon.io.dataset import choose_dataset
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import AngleSource, PixelSource, StackFile
from recon.io.units import length_nm, pixel_source

_LARGEST_SMALL = 100_000  # numbers in a variable that may hold angles or a pixel size
_PIXELS = ("pixel", "voxel")
_NO_NUMBERS = ("cell", "object", "function", "opaque")


def open_matlab(path: Path, dataset: str | None = None) -> StackFile:
    """The largest three-dimensional array of numbers in a .mat file, or the one that ``dataset``
    names; also inside a struct (``s.data``).

    MATLAB counts views last, (y, x, tilt); an array whose first side alone differs, (tilt, n, n),
    and one whose first side alone is as long as the file's angles, is taken as it is. A vector
    named tilt, angle or theta (or N x 3 Euler angles of a single axis) gives the angles; a number
    named pixel_nm or the like the pixel size. Raises ``UserError`` for files without such an array,
    and for damaged ones.
    """
    arrays = _three_dimensional(path)
    if dataset is None:
        name = max(arrays, key=lambda n: int(np.prod(arrays[n])))
    else:
        name = list(arrays)[choose_dataset(list(arrays), dataset, name=path.name)]
    small = _small(path)
    n_first, n_second, n_last = arrays[name]
    called = {
        n: vector
        for n, value in small.items()
        if is_angle_name(n)
        and (vector := angle_vector(value)) is not None
        and vector.size in (n_first, n_last)
    }
    # Of several, those that lie beside the array in its struct.
    near = [n for n in called if n.rpartition(".")[0] == name.rpartition(".")[0]] or list(called)
    angles: tuple[AngleSource, ...] = (
        (AngleSource(f"variable {near[0]}", called[near[0]], own=True),) if len(near) == 1 else ()
    )
    # Angles that only the first side is as many as: saved (tilt, y, x) by Python.
    first = bool(angles) and angles[0].values_deg.size == n_first != n_last
    return _stack(path, name, first or n_first != n_second == n_last, angles, _pixels(small))


def _stack(
    path: Path,
    name: str,
    views_first: bool,
    angles: tuple[AngleSource, ...],
    pixels: tuple[PixelSource, ...],
) -> StackFile:
    def views() -> np.ndarray:
        array = _array(path, name)
        return array if views_first else array.transpose(2, 0, 1)

    array = views()
    shape = check_sides(array.shape, name=path.name)
    dtype = check_numbers(array.dtype, name=path.name)
    del array

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        found = views()
        for k, view in enumerate(keep):
            out[k] = found[view]

    kind = f"MATLAB {dtype.name} {name!r}"
    return StackFile(path, kind, shape, fill, angles=angles, pixels=pixels)


def _three_dimensional(path: Path) -> dict[str, tuple[int, int, int]]:
    """Names and shapes of the arrays of numbers with three sides, those in structs as s.field."""
    from scipy.io import whosmat

    kinds = {
        "double",
        "single",
        "logical",
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    }
    with _damage_as_sentence(path):
        listed = whosmat(path)
    found = {
        name: _three(shape) for name, shape, kind in listed if len(shape) == 3 and kind in kinds
    }
    for name, _, kind in listed:
        if kind == "struct":
            for field, value in _fields(path, name).items():
                if value.ndim == 3 and value.dtype.kind in "iufbc":
                    found[f"{name}.{field}"] = _three(value.shape)
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


def _three(shape: Sequence[int]) -> tuple[int, int, int]:
    first, second, last = shape
    return first, second, last


def _small(path: Path) -> dict[str, np.ndarray]:
    """The variables of numbers or text that are no stacks, those in structs as s.field."""
    from scipy.io import whosmat

    with _damage_as_sentence(path):
        listed = whosmat(path)
    found: dict[str, np.ndarray] = {}
    for name, shape, kind in listed:
        if kind == "struct":
            found |= {f"{name}.{k}": v for k, v in _fields(path, name).items()}
        elif kind not in _NO_NUMBERS and len(shape) < 3 and int(np.prod(shape)) <= _LARGEST_SMALL:
            found[name] = _load(path, name)
    return {n: v for n, v in found.items() if v.ndim < 3 and v.size <= _LARGEST_SMALL}


def _fields(path: Path, name: str) -> Mapping[str, np.ndarray]:
    """The fields of a struct of one element."""
    struct = _load(path, name)
    if struct.dtype.names is None or struct.size != 1:
        return {}
    record = struct.reshape(-1)[0]
    return {field: np.asarray(record[field]) for field in struct.dtype.names}


def _pixels(small: Mapping[str, np.ndarray]) -> tuple[PixelSource, ...]:
    """A number whose name says that it is a pixel and in which unit: pixel_nm, pixelSizeA."""
    for name, value in small.items():
        last = name.rsplit(".", 1)[-1]
        lower = last.lower()
        if value.size == 1 and value.dtype.kind in "iuf" and any(p in lower for p in _PIXELS):
            for ending, unit in (("nm", "nm"), ("angstrom", "A"), ("pm", "pm"), ("_a", "A")):
                if lower.endswith(ending):
                    size = length_nm(float(value.reshape(-1)[0]), unit)
                    return pixel_source([size, size], f"variable {name}")
    return ()


def _array(path: Path, name: str) -> np.ndarray:
    """The array as it lies in the file."""
    variable, _, field = name.partition(".")
    return _fields(path, variable)[field] if field else _load(path, variable)


def _load(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat

    with _damage_as_sentence(path):
        return np.asarray(loadmat(path, variable_names=[name])[name])


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
