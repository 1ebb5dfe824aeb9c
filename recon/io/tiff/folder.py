"""Read a folder with one TIFF per tilt, the tilt angle in the file's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from recon.errors import UserError
from recon.io.pixels import check_numbers
from recon.io.stack import AngleSource, StackFile
from recon.io.tiff.read import BROKEN, broken, check_page, pixel_sources

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?=(deg)?)")
_SUFFIXES = (".tif", ".tiff")


def open_tiff_folder(folder: Path) -> StackFile:
    """All TIFFs of a folder as one stack, in the order of the angles in their names, or of the
    names when those hold none.

    Raises ``UserError`` for a folder without TIFFs (and says what it holds), for images of several
    sizes, and for files that are no grey images.
    """
    try:
        there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except PermissionError as error:
        raise UserError(
            f"folder {folder.name} may not be read by this user; change its permissions (chmod "
            f"u+rx)"
        ) from error
    files = sorted(
        (p for p in there if p.suffix.lower() in _SUFFIXES and p.is_file()), key=_natural
    )
    if not files:
        raise UserError(
            f"folder {folder.name} has no TIFF images in it ({_contents(there)}), one TIFF per "
            f"tilt wanted; give the stack itself"
        )
    values = angles_in_names([p.stem for p in files])
    angles: tuple[AngleSource, ...] = ()
    if values is not None:
        order = np.argsort(values, kind="stable")
        files, values = [files[i] for i in order], values[order]
        angles = (AngleSource("file names", values),)
    shapes: dict[tuple[int, ...], Path] = {}
    try:
        for path in files:
            with tifffile.TiffFile(path) as tif:
                page = tif.pages.first
                check_page(page, path.name)
                if len(tif.pages) > 1:
                    raise UserError(
                        f"{path.name} in {folder.name} has {len(tif.pages)} pages, one image per "
                        "tilt wanted; give that stack itself"
                    )
                dtype = check_numbers(np.dtype(page.dtype), name=path.name)
                shapes.setdefault(tuple(page.shape), path)
        with tifffile.TiffFile(files[0]) as tif:
            pixels = pixel_sources(tif)
    except BROKEN as error:
        raise broken(path, error) from error
    if len(shapes) > 1:
        (a, first), (b, other) = list(shapes.items())[:2]
        raise UserError(
            f"{first.name} is {a[1]} x {a[0]} pixels but {other.name} is {b[1]} x {b[0]}, one size "
            f"for all "
            "tilts wanted; remove the odd ones"
        )
    height, width = next(iter(shapes))

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        for k, view in enumerate(keep):
            try:
                out[k] = tifffile.imread(files[view])
            except BROKEN as error:
                raise broken(files[view], error) from error

    order_of = "by the angles in their names" if angles else "by name"
    return StackFile(
        folder,
        f"folder of TIFF {dtype.name}",
        (len(files), height, width),
        fill,
        angles=angles,
        pixels=pixels,
        notes=(f"{len(files)} files from {files[0].name} to {files[-1].name}, sorted {order_of}",),
    )


def angles_in_names(names: Sequence[str]) -> np.ndarray | None:
    """(file,) degrees from the numbers in file names, None when no number is clearly an angle.

    Numbers are compared by their place from the end of the name. An angle is within +-180, differs
    from file to file, and shows itself by a decimal point, by both signs, or by "deg" after it; a
    plain counter does none of these. Of several such numbers the last one counts.
    """
    found = [list(_NUMBER.finditer(name)) for name in names]
    for place in range(1, min((len(f) for f in found), default=0) + 1):
        matches = [f[-place] for f in found]
        texts = [m[0] for m in matches]
        values = np.array([float(t) for t in texts])
        marked = (
            all("." in t for t in texts)
            or (values.min() < 0 <= values.max())
            or all(m[1] for m in matches)
        )
        if marked and np.abs(values).max() <= 180 and (values.size == 1 or np.ptp(values) > 0):
            return values
    return None


def _natural(path: Path) -> list[tuple[int, float, str]]:
    """Sort key under which image_2 comes before image_10."""
    return [
        (0, float(t), "") if t.isdigit() else (1, 0.0, t)
        for t in re.split(r"(\d+)", path.name)
        if t
    ]


def _contents(there: Sequence[Path]) -> str:
    if not there:
        return "it is empty"
    kinds: dict[str, int] = {}
    for p in there:
        kind = "(folder)" if p.is_dir() else (p.suffix.lower() or "(no suffix)")
        kinds[kind] = kinds.get(kind, 0) + 1
    listed = sorted(kinds.items(), key=lambda item: -item[1])[:5]
    return "it holds " + ", ".join(f"{n} {kind}" for kind, n in listed)
