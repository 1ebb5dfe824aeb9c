"""DigitalMicrograph .dm3/.dm4 and TIA .ser/.emi, read by RosettaSciIO, the ``vendor`` extra."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from recon.errors import UserError
from recon.io.hdf5.layouts import Axis, from_axes
from recon.io.pixels import check_numbers, check_sides
from recon.io.stack import StackFile


def open_dm(path: Path) -> StackFile:
    """A DigitalMicrograph 3 or 4 file."""
    return _open(path, "digitalmicrograph", "DM")


def open_ser(path: Path) -> StackFile:
    """A TIA series."""
    return _open(path, "tia", "SER")


def open_emi(path: Path) -> StackFile:
    """A TIA .emi, which names the .ser files beside it."""
    return _open(path, "tia", "EMI")


def _open(path: Path, plugin: str, kind: str) -> StackFile:
    """The one stack in the file; a single image or four dimensions make a sentence.

    RosettaSciIO reads pixels with the header, so ``fill`` only converts.
    """
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
    stacks = [s for s in signals if np.ndim(s["data"]) == 3] or signals
    if not stacks:
        raise UserError(
            f"{path.name} holds no image, a tilt series wanted; export it as MRC or TIFF"
        )
    if len(stacks) > 1:
        raise UserError(
            f"{path.name} holds {len(stacks)} stacks, one tilt series wanted; export that one as "
            f"MRC or TIFF"
        )
    data = np.asarray(stacks[0]["data"])
    dtype = check_numbers(data.dtype, name=path.name)
    check_sides(data.shape, name=path.name)
    axes = [
        Axis(str(a["name"]), str(a["units"] or ""), float(a["offset"]), float(a["scale"]))
        for a in stacks[0]["axes"]
    ]
    tilt, angles, pixels = from_axes(axes, data.shape, kind)
    views = np.moveaxis(data, tilt, 0)

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        for k, view in enumerate(keep):
            out[k] = views[view]

    return StackFile(
        path,
        f"{kind} {dtype.name}",
        check_sides(views.shape, name=path.name),
        fill,
        angles=angles,
        pixels=pixels,
    )
