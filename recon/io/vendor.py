"""DigitalMicrograph .dm3/.dm4 and TIA .ser/.emi, read by RosettaSciIO, the ``vendor`` extra."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from recon.errors import UserError
from recon.io.array_axes import Axis, from_axes, uniform
from recon.io.dataset import choose_dataset
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import AngleSource, StackFile
from recon.io.units import length_nm, pixel_source


def open_dm(path: Path, dataset: str | None = None) -> StackFile:
    """A DigitalMicrograph 3 or 4 file."""
    return _open(path, "digitalmicrograph", "DM", dataset)


def open_ser(path: Path, dataset: str | None = None) -> StackFile:
    """A TIA series."""
    return _open(path, "tia", "SER", dataset)


def open_emi(path: Path, dataset: str | None = None) -> StackFile:
    """A TIA .emi, which names the .ser files beside it."""
    return _open(path, "tia", "EMI", dataset)


def open_dm_image(path: Path) -> StackFile:
    """One DigitalMicrograph image, as a stack of one view at the stage's tilt."""
    return _open_image(path, "digitalmicrograph", "DM")


def open_ser_image(path: Path) -> StackFile:
    """One TIA image, as a stack of one view at the stage's tilt."""
    return _open_image(path, "tia", "SER")


def open_bcf_image(path: Path) -> StackFile:
    """The image of a Bruker .bcf, as a stack of one view at the stage's tilt."""
    return _open_image(path, "bruker", "BCF")


def _open(path: Path, plugin: str, kind: str, dataset: str | None) -> StackFile:
    """The stack in the file; a single image or four dimensions make a sentence.

    RosettaSciIO reads pixels with the header, so ``fill`` only converts.
    """
    signals = _signals(path, plugin, kind)
    stacks = [s for s in signals if np.ndim(s["data"]) == 3] or signals
    names = [
        str(_at(s, "metadata", "General", "title") or f"stack {i}") for i, s in enumerate(stacks)
    ]
    chosen = stacks[choose_dataset(names, dataset, name=path.name)]
    data = np.asarray(chosen["data"])
    dtype = check_numbers(data.dtype, name=path.name)
    check_sides(data.shape, name=path.name)
    if data.ndim != 3:
        data = data.reshape(data.shape[-3:])
    sides = from_axes(
        [_axis(a, n) for a, n in zip(chosen["axes"][-3:], data.shape, strict=True)], kind
    )
    views = data.transpose(sides.order)

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        for k, view in enumerate(keep):
            out[k] = views[view]

    return StackFile(
        path,
        f"{kind} {dtype.name}",
        check_sides(views.shape, name=path.name),
        fill,
        angles=sides.angles,
        pixels=sides.pixels,
        hint=sides.hint,
    )


def _open_image(path: Path, plugin: str, kind: str) -> StackFile:
    images = [s for s in _signals(path, plugin, kind) if np.ndim(s["data"]) == 2]
    if not images:
        raise UserError(f"{path.name} holds no single image, one per tilt wanted; give it alone")
    data = np.asarray(images[0]["data"])
    dtype = check_numbers(data.dtype, name=path.name)
    y, x = (_axis(a, n) for a, n in zip(images[0]["axes"], data.shape, strict=True))
    tilt = _at(images[0], "metadata", "Acquisition_instrument", "TEM", "Stage", "tilt_alpha")

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        out[:] = _signals_image(path, plugin, kind)

    name = f"{kind} stage tilt"
    return StackFile(
        path,
        f"{kind} {dtype.name}",
        (1, *data.shape),
        fill,
        angles=(AngleSource(name, np.array([float(tilt)])),)
        if isinstance(tilt, int | float)
        else (),
        pixels=pixel_source([length_nm(a.step, a.unit) for a in (x, y)], f"{kind} axes"),
    )


def _signals_image(path: Path, plugin: str, kind: str) -> np.ndarray:
    """The image again: a folder of them keeps no pixels of all files in memory."""
    return next(
        np.asarray(s["data"]) for s in _signals(path, plugin, kind) if np.ndim(s["data"]) == 2
    )


def _axis(axis: Mapping[str, Any], size: int) -> Axis:
    name, unit = str(axis.get("name", "")), str(axis.get("units") or "")
    if (values := axis.get("axis")) is not None and np.size(values) == size:
        return Axis(name, unit, np.asarray(values, np.float64))
    return uniform(name, unit, float(axis.get("offset", 0)), float(axis.get("scale", 1)), size)


def _at(tree: object, *keys: str) -> object:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _signals(path: Path, plugin: str, kind: str) -> list[dict[str, Any]]:
    """What RosettaSciIO finds in the file, one entry at least. Raises ``UserError``."""
    try:
        reader = import_module(f"rsciio.{plugin}").file_reader
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path.name} is a {kind} file, which needs the vendor extra: pip install "
            f"'tiltwise[vendor]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # what it warns of (odd units, missing .emi) we check ourselves
            signals: list[dict[str, Any]] = reader(str(path))
    except PermissionError:
        raise
    except (
        Exception
    ) as error:  # the library raises whatever its parsing of a damaged file runs into
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
        raise UserError(
            f"{path.name} is a damaged or unusual {kind} file ({why}); export it as MRC or TIFF"
        ) from error
    if not signals:
        raise UserError(
            f"{path.name} holds no image, a tilt series wanted; export it as MRC or TIFF"
        )
    return signals
