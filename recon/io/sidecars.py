"""Files that lie beside a stack under its name, or in a folder of images: .tlt, .rawtlt, .mdoc."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recon.io.angle_text import read_tlt
from recon.io.mdoc import read_mdoc
from recon.io.stack import AngleSource, AxisSource, PixelSource

_DOUBLE = (".gz", ".ome.tif", ".ome.tiff", ".ome.zarr")
# What IMOD and others add to the name of a stack that belongs to the same series.
_ADDED = re.compile(r"_(pre)?ali(gned)?$|_ali_bin\d+$|_bin\d+(_ali)?$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Sidecars:
    """What they say, the most trusted first; ``axis``, ``per_view``, ``hint`` as ``StackFile``."""

    angles: tuple[AngleSource, ...] = ()
    pixels: tuple[PixelSource, ...] = ()
    notes: tuple[str, ...] = ()
    axis: AxisSource | None = None
    per_view: Mapping[str, Sequence[object]] = field(default_factory=dict)
    hint: str = ""


def stem(path: Path) -> str:
    """The file's name without its format: needle for needle.mrc, needle.mrc.gz and
    needle.ome.zarr."""
    name = path.name
    for ending in _DOUBLE:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
            return Path(name).stem if ending == ".gz" else name
    return path.stem


def find_sidecars(path: Path, *, with_angles: bool = True) -> Sidecars:
    """What the files beside ``path`` say (ts.tlt for ts.mrc, and for ts_ali.mrc where that has none
    of its own), and for a folder its only .tlt and .rawtlt.

    A .tlt is refined by alignment, a .rawtlt and an .mdoc are what the microscope was asked for or
    read back. ``with_angles=False``: the angles are known, so that a damaged .tlt does not matter.
    """
    angles = [
        AngleSource(text.name, read_tlt(text), refined=text.suffix.lower() == ".tlt")
        for text in _texts(path)
        if with_angles
    ]
    pixels: list[PixelSource] = []
    axis, hint = None, ""
    per_view: Mapping[str, Sequence[object]] = {}
    for beside in _mdocs(path):
        mdoc, name = read_mdoc(beside), beside.name
        if with_angles and mdoc.angles_deg is not None:
            angles.append(AngleSource(name, mdoc.angles_deg))
        if mdoc.angles_deg is None:
            hint = f"{name} lies beside it but {mdoc.why_no_angles}"
        if mdoc.pixel_nm is not None:
            pixels.append(PixelSource(name, mdoc.pixel_nm))
        axis, per_view = axis or mdoc.axis, per_view or mdoc.per_view
    return Sidecars(tuple(angles), tuple(pixels), (), axis, per_view, hint)


def _bases(path: Path) -> list[str]:
    base = stem(path)
    return list(dict.fromkeys((base, _ADDED.sub("", base) or base)))


def _texts(path: Path) -> Iterator[Path]:
    for base in _bases(path):
        found = [path.with_name(f"{base}{suffix}") for suffix in (".tlt", ".rawtlt")]
        if there := [text for text in found if text.is_file()]:
            yield from there
            return
    if path.is_dir():
        for suffix in (".tlt", ".rawtlt"):
            inside = [p for p in path.iterdir() if p.suffix.lower() == suffix and p.is_file()]
            if len(inside) == 1:
                yield inside[0]


def _mdocs(path: Path) -> Iterator[Path]:
    for base in _bases(path):
        names = dict.fromkeys(
            (f"{path.name}.mdoc", f"{base}.mrc.mdoc", f"{base}.st.mdoc", f"{base}.mdoc")
        )
        if there := [path.with_name(name) for name in names if path.with_name(name).is_file()]:
            yield from there
            return
