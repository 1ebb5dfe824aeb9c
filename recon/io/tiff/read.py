"""Read a multi-page TIFF: ImageJ, OME, plain, and our own."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from recon.errors import UserError
from recon.io.dataset import choose_dataset
from recon.io.pixels import check_numbers, check_sides
from recon.io.provenance import from_record
from recon.io.stack import PixelSource, StackFile
from recon.io.units import length_nm, pixel_source

logging.getLogger("tifffile").setLevel(
    logging.CRITICAL
)  # what it would log of damaged files becomes our sentence
# What tifffile, its codecs and struct raise for damaged files (a TiffFileError is a ValueError).
BROKEN = (
    zlib.error,
    ValueError,
    LookupError,
    RuntimeError,
    EOFError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    struct.error,
)


def open_tiff(path: Path, dataset: str | None = None) -> StackFile:
    """The images of the file, whether written as one series or page by page, a thumbnail left out.

    Of several channels ``dataset`` names or counts one. Raises ``UserError`` for colours, single
    images, and damaged files.
    """
    with _opened(path) as tif:
        stack, notes = _stack(tif, path.name, dataset)
        ours = from_record(tif.pages.first.description)
        sides = stack.sides
        shape = check_sides((1, *sides) if ours and len(sides) == 2 else sides, name=path.name)
        dtype = check_numbers(stack.dtype, name=path.name)
        pixels = pixel_sources(tif)

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        with _opened(path) as tif:
            _read(_stack(tif, path.name, dataset)[0], shape, out, keep)

    angles, own_pixels, history = ours or ((), None, ())
    return StackFile(
        path,
        f"TIFF {dtype.name}",
        shape,
        fill,
        angles=angles,
        pixels=pixels if own_pixels is None else own_pixels,
        notes=notes,
        history=history,
    )


def open_tiff_image(path: Path) -> StackFile:
    """One image, as a stack of one view; a thumbnail beside it is left out."""
    with _opened(path) as tif:
        large = _largest(tif)
        check_page(large[0].keyframe, path.name)
        sides = [n for s in large for n in s.shape]
        images = int(np.prod([n for s in large[:1] for n in s.shape[:-2]])) * len(large)
        dtype = check_numbers(large[0].dtype, name=path.name)
        for series in large:
            _check_length(path, series)
        pixels = pixel_sources(tif)

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        with _opened(path) as tif:
            out[:] = _largest(tif)[0].asarray().reshape(out.shape)

    shape = (images, sides[-2], sides[-1])
    return StackFile(path, f"TIFF {dtype.name}", shape, fill, pixels=pixels)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file; what its library raises of damaged ones becomes our sentence."""
    try:
        with tifffile.TiffFile(path) as tif:
            yield tif
    except BROKEN as error:
        raise broken(path, error) from error


@dataclass(frozen=True, eq=False)
class _Stack:
    """``pages``: one a view where there are as many; else ``whole`` has them all. ``channel``: (its
    place among the sides, number) of whole."""

    sides: tuple[int, ...]
    dtype: np.dtype[np.generic]
    pages: Sequence[Any]
    whole: Any
    channel: tuple[int, int] | None = None


def _stack(
    tif: tifffile.TiffFile, name: str, dataset: str | None
) -> tuple[_Stack, tuple[str, ...]]:
    """The views of the file, and notes on what was left out."""
    large = _largest(tif)
    for series in large:
        check_page(series.keyframe, name)
        _check_length(Path(tif.filehandle.path), series)
    first = large[0]
    notes: tuple[str, ...] = ()
    if len(large) < len(tif.series):
        small = [s for s in tif.series if s not in large]
        notes = (f"left out {len(small)} smaller images (thumbnails) of the file",)
    if len(large) > 1:  # written one by one: each page passes for a series of its own
        if any(len(s.shape) != 2 for s in large):
            index = choose_dataset(
                [str(s.name or k) for k, s in enumerate(large)], dataset, name=name
            )
            first = large[index]
            return _Stack(tuple(first.shape), first.dtype, list(first.pages), first), notes
        if len({s.dtype for s in large}) > 1:
            raise UserError(
                f"{name} holds images of several number types, one wanted; export it again"
            )
        sides = (len(large), *first.shape)
        return _Stack(sides, first.dtype, [s.pages[0] for s in large], None), notes
    axes, sides = str(first.axes), tuple(int(n) for n in first.shape)
    if len(sides) == 4 and 1 < sides[where := axes.find("C")] <= 16 and where >= 0:
        index = choose_dataset(_channels(tif, sides[where]), dataset, name=name)
        left = sides[:where] + sides[where + 1 :]
        return _Stack(left, first.dtype, [], first, (where, index)), notes
    return _Stack(sides, first.dtype, list(first.pages), first), notes


def _largest(tif: tifffile.TiffFile) -> list[Any]:
    """The series of images that are not marked as reduced and, of several sizes, are of the size
    that all but one or two have. Raises ``UserError`` for a true mixture."""
    series = [s for s in tif.series if not getattr(s.keyframe, "is_reduced", False)] or list(
        tif.series
    )
    sizes: dict[tuple[int, ...], list[Any]] = {}
    for s in series:
        sizes.setdefault(tuple(s.shape[-2:]), []).append(s)
    counts = {size: sum(int(np.prod(s.shape[:-2])) for s in group) for size, group in sizes.items()}
    most = max(sizes, key=lambda size: (counts[size], size))
    others = [size for size in sizes if size != most]
    small = all(np.prod(size) < np.prod(most) and counts[size] <= 2 for size in others)
    if others and not (small and counts[most] > sum(counts[o] for o in others)):
        listed = ", ".join(f"{s.shape[-1]} x {s.shape[-2]}" for s in series[:4])
        raise UserError(
            f"{Path(tif.filehandle.path).name} holds images of several sizes ({listed}), one size "
            "wanted; export the stack alone"
        )
    return sizes[most]


def _channels(tif: tifffile.TiffFile, count: int) -> list[str]:
    """Names of the channels where OME says them, else their numbers."""
    named = (
        re.findall(r'<Channel[^>]*\bName="([^"]+)"', tif.ome_metadata or "") if tif.is_ome else []
    )
    return named if len(named) == count else [f"channel {k}" for k in range(count)]


def _read(stack: _Stack, shape: tuple[int, ...], out: np.ndarray, keep: Sequence[int]) -> None:
    if len(stack.pages) == shape[0] and all(page is not None for page in stack.pages):
        for k, view in enumerate(keep):
            out[k] = stack.pages[view].asarray().reshape(shape[1:])
        return
    whole = stack.whole.asarray()  # ImageJ writes one page header for a whole stack
    if stack.channel is not None:
        whole = np.take(whole, stack.channel[1], axis=stack.channel[0])
    whole = whole.reshape(shape)
    for k, view in enumerate(keep):
        out[k] = whole[view]


def check_page(page: Any, name: str) -> None:
    """Refuse colours."""
    if page.samplesperpixel > 1 or page.photometric in (
        tifffile.PHOTOMETRIC.RGB,
        tifffile.PHOTOMETRIC.PALETTE,
    ):
        kind = (
            "RGB"
            if page.photometric == tifffile.PHOTOMETRIC.RGB
            else f"{page.samplesperpixel} colour channels or a palette"
        )
        raise UserError(
            f"{name} is a colour picture ({kind}), one grey value per pixel wanted; export the raw "
            f"data, not the display"
        )


def pixel_sources(tif: tifffile.TiffFile) -> tuple[PixelSource, ...]:
    """Pixel size of OME, ImageJ or the resolution tags, whichever is trustworthy."""
    if tif.is_ome and tif.ome_metadata:
        return _ome(tif.ome_metadata)
    tags = tif.pages.first.tags
    per_unit = [
        _ratio(tags[key].value) if key in tags else 0.0 for key in ("XResolution", "YResolution")
    ]
    if not all(per_unit):
        return ()
    sizes = [1 / r for r in per_unit]
    if tif.is_imagej and tif.imagej_metadata:
        unit = (
            str(tif.imagej_metadata.get("unit", ""))
            .encode("latin-1", "replace")
            .decode("unicode_escape")
        )
        return pixel_source([length_nm(s, unit) for s in sizes], "ImageJ calibration")
    unit_tag = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 2
    if unit_tag not in (2, 3):
        # a ratio without a unit; the resolution of a screen or a printer is refused by length_nm
        return ()
    inch = 2.54 if unit_tag == 2 else 1.0
    return pixel_source([length_nm(s * inch, "cm") for s in sizes], "TIFF resolution")


def _ome(xml: str) -> tuple[PixelSource, ...]:
    sizes = []
    for axis in "XY":
        size = re.search(rf'PhysicalSize{axis}="([^"]+)"', xml)
        unit = re.search(rf'PhysicalSize{axis}Unit="([^"]+)"', xml)
        try:
            sizes.append(
                length_nm(float(size[1]), unit[1] if unit else "um") if size else None
            )  # micrometres by default
        except ValueError:
            sizes.append(None)
    return pixel_source(sizes, "OME metadata")


def _ratio(value: tuple[int, int]) -> float:
    return value[0] / value[1] if value[1] else 0.0


def _check_length(path: Path, series: Any) -> None:
    """Every page's bytes must lie inside the file; a cut TIFF keeps its directory when that comes
    first."""
    size = path.stat().st_size
    for number, page in enumerate(series.pages):
        if page is not None and any(
            o + n > size for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)
        ):
            raise UserError(
                f"{path.name} is truncated: page {number} of {len(series.pages)} ends beyond the "
                f"file; copy it again"
            )


def broken(path: Path, error: Exception) -> UserError:
    """The sentence for a TIFF that its library cannot read."""
    why = " ".join(str(error).split())[:100] or type(error).__name__
    return UserError(
        f"{path.name} is a damaged or unusual TIFF ({why}); copy it again, or export it as an "
        f"uncompressed TIFF or MRC"
    )
