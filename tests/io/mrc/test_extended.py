"""Tilts and pixel sizes from each kind of extended header, in both byte orders."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from recon.io.mrc.extended import read_extended
from recon.io.mrc.header import parse_header

TILTS = np.array([-60.25, -30.5, 0.75, 31.0])
DATA = np.zeros((4, 2, 2), np.int16)


def found(
    pack: Callable[..., bytes], order: str, extended: bytes, **header: object
) -> tuple[list[float] | None, float | None, str]:
    content = pack(DATA.astype(f"{order}i2"), 1, extended=extended, **header)
    parsed = parse_header(content, name="a.mrc", file_bytes=len(content))
    angles, pixels, notes = read_extended(parsed, extended)
    return (
        (angles[0].values_deg.tolist() if angles else None),
        (pixels[0].nm if pixels else None),
        " ".join(notes),
    )


def agard(
    order: str,
    n_int: int,
    n_real: int,
    *,
    records: int = 4,
    pixel_m: float = 3.36e-9,
    axis: float = 85.3,
) -> bytes:
    table = np.zeros((records, n_int + n_real), f"{order}f4")
    table[:4, n_int] = TILTS
    table[:, n_int + 10], table[:, n_int + 11] = axis, pixel_m
    return table.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_old_fei_records(order: str, pack_mrc: Callable[..., bytes]) -> None:
    extended = agard(order, 0, 32, records=1024)
    assert found(pack_mrc, order, extended, tagged=False) == (
        TILTS.tolist(),
        3.36,
        "the header gives the tilt axis as 85.3 degrees",
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_agard_integers_come_before_the_reals(order: str, pack_mrc: Callable[..., bytes]) -> None:
    assert found(pack_mrc, order, agard(order, 3, 16), counts=(3, 16), extended_type=b"AGAR")[
        :2
    ] == (TILTS.tolist(), 3.36)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("flags", "size"), [(1, 2), (1 | 2 | 32, 12)])
@pytest.mark.parametrize("kind", [b"SERI", b""])
def test_serialem_shorts(
    order: str, flags: int, size: int, kind: bytes, pack_mrc: Callable[..., bytes]
) -> None:
    extended = b"".join(struct.pack(f"{order}h", round(t * 100)) + bytes(size - 2) for t in TILTS)
    assert (
        found(pack_mrc, order, extended, counts=(size, flags), extended_type=kind)[0]
        == TILTS.tolist()
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mask", [1 << 7 | 1 << 12 | 1 << 14, 1 << 7, 0])
def test_fei2_records_say_only_what_their_mask_flags(
    order: str, mask: int, pack_mrc: Callable[..., bytes]
) -> None:
    records = []
    for tilt in TILTS:
        record = bytearray(888)
        struct.pack_into(f"{order}2i", record, 0, 888, 2)
        struct.pack_into("<I", record, 8, mask)
        struct.pack_into(f"{order}d", record, 100, tilt)
        struct.pack_into(f"{order}d", record, 140, -84.2)
        struct.pack_into(f"{order}2d", record, 156, 1.5e-10, 1.5e-10)
        records.append(bytes(record))
    angles, pixel, note = found(pack_mrc, order, b"".join(records), extended_type=b"FEI2")
    assert angles == (TILTS.tolist() if mask & 1 << 7 else None)
    assert pixel == (0.15 if mask & 1 << 14 else None)
    assert ("-84.2" in note) == bool(mask & 1 << 12)


def test_records_that_were_never_filled_in_say_nothing(pack_mrc: Callable[..., bytes]) -> None:
    assert found(pack_mrc, "<", bytes(131072), tagged=False) == (None, None, "")
    assert found(pack_mrc, "<", bytes(8), counts=(2, 1), extended_type=b"SERI") == (None, None, "")
    assert found(pack_mrc, "<", b"", counts=(2, 1), extended_type=b"SERI") == (None, None, "")
    assert found(pack_mrc, "<", bytes(4), extended_type=b"FEI2") == (None, None, "")
