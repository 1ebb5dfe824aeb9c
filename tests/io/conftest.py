"""MRC files packed by hand, so that our own writer hides no fault of our reader."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def pack_mrc() -> Callable[..., bytes]:
    """Bytes of an MRC file. ``data``: (z, y, x); its own byte order is the file's."""

    def pack(
        data: np.ndarray,
        mode: int,
        *,
        pixel_a: float = 0.0,
        extended: bytes = b"",
        extended_type: bytes = b"",
        counts: tuple[int, int] = (0, 0),
        tagged: bool = True,
        imod_flags: int | None = None,
        statistics: bool = False,
        axes: tuple[int, int, int] = (1, 2, 3),
    ) -> bytes:
        order = ">" if data.dtype.byteorder == ">" else "<"
        nz, ny, nx = data.shape
        head = bytearray(1024)
        struct.pack_into(f"{order}4i", head, 0, nx, ny, nz, mode)
        struct.pack_into(f"{order}3i", head, 28, nx, ny, nz)
        struct.pack_into(f"{order}3f", head, 40, nx * pixel_a, ny * pixel_a, nz * pixel_a)
        struct.pack_into(f"{order}3i", head, 64, *axes)
        if statistics:
            struct.pack_into(f"{order}2f", head, 76, data.min(), data.max())
        struct.pack_into(f"{order}i", head, 92, len(extended))
        struct.pack_into("4s", head, 104, extended_type)
        struct.pack_into(f"{order}2h", head, 128, *counts)
        if imod_flags is not None:
            struct.pack_into(f"{order}2i", head, 152, 1146047817, imod_flags)
        if tagged:
            stamp = (0x11, 0x11) if order == ">" else (0x44, 0x44)
            struct.pack_into("4s2B", head, 208, b"MAP ", *stamp)
        return bytes(head) + extended + data.tobytes()

    return pack
