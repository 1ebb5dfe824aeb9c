"""Angle files that lie beside a stack under its name: .tlt, .rawtlt, .mdoc."""

from __future__ import annotations

from pathlib import Path

from recon.io.angle_text import read_tlt
from recon.io.mdoc import read_mdoc
from recon.io.stack import AngleSource, PixelSource

_DOUBLE = (".gz", ".ome.tif", ".ome.tiff", ".ome.zarr")


def stem(path: Path) -> str:
    """The file's name without its format: needle for needle.mrc, needle.mrc.gz and
    needle.ome.zarr."""
    name = path.name
    for ending in _DOUBLE:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
            return Path(name).stem if ending == ".gz" else name
    return path.stem


def find_sidecars(
    path: Path, *, with_angles: bool = True
) -> tuple[tuple[AngleSource, ...], tuple[PixelSource, ...], tuple[str, ...]]:
    """Angle sources, pixel sources and notes of the files beside ``path``, the most trusted first.

    A .tlt is refined by alignment, a .rawtlt and an .mdoc are what the microscope was asked for or
    read back. ``with_angles=False``: the angles are known, so that a damaged .tlt does not matter.
    """
    angles: list[AngleSource] = []
    pixels: list[PixelSource] = []
    notes: list[str] = []
    base = stem(path)
    for name in (f"{base}.tlt", f"{base}.rawtlt"):
        text = path.with_name(name)
        if with_angles and text.is_file():
            angles.append(AngleSource(name, read_tlt(text)))
    for name in dict.fromkeys((f"{path.name}.mdoc", f"{base}.mdoc")):
        if not path.with_name(name).is_file():
            continue
        mdoc = read_mdoc(path.with_name(name))
        if with_angles and mdoc.angles_deg is not None:
            angles.append(AngleSource(name, mdoc.angles_deg))
        if mdoc.pixel_nm is not None:
            pixels.append(PixelSource(name, mdoc.pixel_nm))
        if mdoc.axis_deg is not None:
            notes.append(f"{name} gives the tilt axis as {mdoc.axis_deg:.1f} degrees")
    return tuple(angles), tuple(pixels), tuple(notes)
