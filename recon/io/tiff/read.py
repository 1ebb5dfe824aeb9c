"""Read a multi-page TIFF: ImageJ, OME, plain, and our own."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from recon.errors import UserError
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


def open_tiff(path: Path) -> StackFile:
    """The first series of images in the file. Raises ``UserError`` for colours, single images, and
    damaged files."""
    try:
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            check_page(series.keyframe, path.name)
            ours = from_record(tif.pages.first.description)
            sides = tuple(int(n) for n in series.shape)
            shape = check_sides((1, *sides) if ours and len(sides) == 2 else sides, name=path.name)
            if len({s.shape[-2:] for s in tif.series if len(s.shape) >= 2}) > 1:
                sizes = ", ".join(f"{s.shape[-1]} x {s.shape[-2]}" for s in tif.series[:4])
                raise UserError(
                    f"{path.name} holds images of several sizes ({sizes}), one size wanted; export "
                    f"the stack alone"
                )
            dtype = check_numbers(series.dtype, name=path.name)
            _check_length(path, series)
            pixels = pixel_sources(tif)
    except BROKEN as error:
        raise broken(path, error) from error

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        try:
            with tifffile.TiffFile(path) as tif:
                series = tif.series[0]
                if len(series.pages) == shape[0]:
                    for k, view in enumerate(keep):
                        page = series.pages[view]
                        assert page is not None
                        out[k] = page.asarray().reshape(shape[1:])
                else:  # ImageJ writes one page header for a whole stack
                    whole = series.asarray().reshape(shape)
                    for k, view in enumerate(keep):
                        out[k] = whole[view]
        except BROKEN as error:
            raise broken(path, error) from error

    angles, own_pixels, history = ours or ((), None, ())
    return StackFile(
        path,
        f"TIFF {dtype.name}",
        shape,
        fill,
        angles=angles,
        pixels=pixels if own_pixels is None else own_pixels,
        history=history,
    )


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
