"""Tilt angles and pixel sizes in the extended headers of MRC files: FEI (old and new), SerialEM and
Agard.

Sources: "The extended MRC format for tomography" (R. Schoenmakers, FEI, 2011) for the 1024 records
of 128 bytes; the EPU user manual, "MRC2014 file image format", for FEI1/FEI2, whose packed records
begin with their own size; https://bio3d.colorado.edu/imod/doc/mrc_format.txt for SerialEM's shorts
and Agard's integers and reals.
"""

from __future__ import annotations

import numpy as np

from recon.io.mrc.header import MrcHeader
from recon.io.stack import AngleSource, PixelSource

_OLD_FEI_BYTES = 1024 * 128
_SERIALEM_BYTES = {1: 2, 2: 6, 4: 4, 8: 2, 16: 2, 32: 4}  # flag -> bytes per view, in this order
# Offsets in a packed FEI1/FEI2 record, and the bit of Bitmask 1 (offset 8) that says the field is
# filled in.
_FEI_ALPHA, _FEI_ALPHA_BIT = 100, 7
_FEI_AXIS, _FEI_AXIS_BIT = 140, 12
_FEI_PIXEL, _FEI_PIXEL_BIT = 156, 14

Found = tuple[tuple[AngleSource, ...], tuple[PixelSource, ...], tuple[str, ...]]
_NOTHING: Found = ((), (), ())


def read_extended(header: MrcHeader, extended: bytes) -> Found:
    """Angle sources, pixel sources and notes of an extended header; all empty when it is of a kind
    without tilts."""
    n_views = header.shape[0]
    kind = bytes(header.fields["extended_type"]).decode("latin-1").strip("\0 ")
    n_int, n_real = int(header.fields["n_int"]), int(header.fields["n_real"])
    if kind in ("FEI1", "FEI2"):
        return _fei_packed(extended, n_views, header.order, kind)
    if kind == "SERI" or (kind == "" and _is_serialem(n_int, n_real)):
        return _serialem(extended, n_views, header.order, n_int, n_real)
    if len(extended) == _OLD_FEI_BYTES and n_int == 0:
        n_real = 32  # FEI writes the same record whether or not it fills in this count
    if (
        kind in ("", "AGAR")
        and 0 <= n_int <= 64
        and 1 <= n_real <= 256
        and (n_int + n_real) * 4 * n_views <= len(extended)
    ):
        return _agard(extended, n_views, header.order, n_int, n_real)
    return _NOTHING


def _agard(extended: bytes, n_views: int, order: str, n_int: int, n_real: int) -> Found:
    """Per view ``n_int`` integers, then reals: 0 alpha tilt in degrees, 10 tilt axis in degrees, 11
    pixel size in m."""
    words = np.frombuffer(extended, f"{order}f4", count=n_views * (n_int + n_real)).reshape(
        n_views, n_int + n_real
    )
    reals = words[:, n_int:].astype(np.float64)
    angles = _angles("FEI extended header" if n_int == 0 else "Agard extended header", reals[:, 0])
    if n_real < 12 or not np.isfinite(reals[:, 10:12]).all():
        return angles, (), ()
    return angles, _pixels("FEI extended header", reals[0, 11]), _axis(reals[0, 10])


def _fei_packed(extended: bytes, n_views: int, order: str, kind: str) -> Found:
    size = int(np.frombuffer(extended[:4], f"{order}i4")[0]) if len(extended) >= 4 else 0
    if size < _FEI_PIXEL + 16 or size * n_views > len(extended):
        return _NOTHING
    records = [extended[i * size : (i + 1) * size] for i in range(n_views)]
    # The manual gives the bit masks as little-endian whatever the file's order is.
    masks = [int(np.frombuffer(r[8:12], "<u4")[0]) for r in records]

    def column(offset: int, bit: int) -> np.ndarray | None:
        if not all(mask >> bit & 1 for mask in masks):
            return None
        return np.array([np.frombuffer(r[offset : offset + 8], f"{order}f8")[0] for r in records])

    alpha, axis, pixel = (
        column(_FEI_ALPHA, _FEI_ALPHA_BIT),
        column(_FEI_AXIS, _FEI_AXIS_BIT),
        column(_FEI_PIXEL, _FEI_PIXEL_BIT),
    )
    name = f"{kind} extended header"
    return (
        () if alpha is None else _angles(name, alpha),
        () if pixel is None else _pixels(name, float(pixel[0])),
        () if axis is None else _axis(float(axis[0])),
    )


def _is_serialem(n_bytes: int, flags: int) -> bool:
    """IMOD's test without an 'SERI' mark: the flagged items must add up to the bytes per view."""
    return (
        n_bytes > 0
        and 0 < flags < 64
        and sum(b for flag, b in _SERIALEM_BYTES.items() if flags & flag) == n_bytes
    )


def _serialem(extended: bytes, n_views: int, order: str, n_bytes: int, flags: int) -> Found:
    if not flags & 1 or n_bytes < 2 or n_bytes * n_views > len(extended):
        return _NOTHING
    table = np.frombuffer(extended, np.uint8, count=n_bytes * n_views).reshape(n_views, n_bytes)
    tilts = (
        table[:, :2].copy().view(f"{order}i2")[:, 0] / 100.0
    )  # the tilt comes first where it is flagged
    return _angles("SerialEM extended header", tilts), (), ()


def _angles(name: str, values_deg: np.ndarray) -> tuple[AngleSource, ...]:
    """Nothing for records that were never filled in: one value for all views, or values that are no
    angles."""
    usable = (
        np.isfinite(values_deg).all()
        and np.abs(values_deg).max() <= 360
        and (values_deg.size == 1 or np.ptp(values_deg) > 1e-3)
    )
    return (AngleSource(name, values_deg.astype(np.float64)),) if usable else ()


def _pixels(name: str, size_m: float) -> tuple[PixelSource, ...]:
    """Metres to nm, rounded to the float32 that was stored; nothing for sizes that no electron
    microscope has."""
    nm = float(f"{size_m * 1e9:.6g}") if np.isfinite(size_m) else 0.0
    return (PixelSource(name, nm),) if 1e-4 < nm < 1e5 else ()


def _axis(axis_deg: float) -> tuple[str, ...]:
    """Only the history hears of it: alignment finds the axis. Zero is what is written when nobody
    knows."""
    return (
        (f"the header gives the tilt axis as {axis_deg:.1f} degrees",)
        if np.isfinite(axis_deg) and axis_deg != 0
        else ()
    )
