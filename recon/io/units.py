"""Lengths as file formats name them, in nm."""

from __future__ import annotations

import math
from collections.abc import Sequence

from recon.io.stack import PixelSource

_NM = {
    "pm": 1e-3,
    "picometer": 1e-3,
    "a": 0.1,
    "å": 0.1,
    "ang": 0.1,
    "angstrom": 0.1,
    "angstroms": 0.1,
    "nm": 1.0,
    "n_m": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "nanometers": 1.0,
    "um": 1e3,
    "u_m": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "m": 1e9,
    "meter": 1e9,
}
_DEGREES = ("deg", "[deg]", "degree", "degrees", "°")
_LARGEST_NM = 1000.0  # a coarser pixel is a printer's resolution, not a microscope's


def length_nm(value: float, unit: str) -> float | None:
    """``value`` in nm; None for a unit that is no length, and for a size that is no pixel of an
    electron microscope."""
    # U+00B5 and U+03BC are the two micro signs, U+212B the Angstrom sign.
    name = (
        unit.strip()
        .strip("[]")
        .lower()
        .replace("\u00b5", "u")
        .replace("\u03bc", "u")
        .replace("\u212b", "å")
    )
    factor = _NM.get(name)
    if factor is None or not math.isfinite(value):
        return None
    nm = float(f"{abs(value) * factor:.9g}")
    return nm if 0 < nm < _LARGEST_NM else None


def is_degrees(unit: str) -> bool:
    return unit.strip().lower() in _DEGREES


def pixel_source(sizes_nm: Sequence[float | None], name: str) -> tuple[PixelSource, ...]:
    """A pixel size from those of x and y, and z where a format has it; nothing when x or y is
    unknown."""
    x, y, z = [*sizes_nm, None][:3]
    if x is None or y is None:
        return ()
    return (PixelSource(name, x, None if x == y else y, z),)
