"""The 1024-byte MRC header, old and new, in both byte orders.

Source: Cheng et al. 2015, J. Struct. Biol. 192:146 (MRC2014),
https://www.ccpem.ac.uk/mrc-format/mrc2014 and https://bio3d.colorado.edu/imod/doc/mrc_format.txt.
Our own parser, because microscopes still write files from before the 'MAP ' tag and the machine
stamp, and those two must not decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recon.errors import UserError

HEADER_BYTES = 1024
IMOD_STAMP = 1146047817
_FIELDS = {
    "shape": ("i4", (3,), 0),  # nx, ny, nz
    "mode": ("i4", (), 12),
    "grid": ("i4", (3,), 28),  # mx, my, mz
    "cell_a": ("f4", (3,), 40),  # Angstrom
    "cell_deg": ("f4", (3,), 52),
    "axes": ("i4", (3,), 64),  # mapc, mapr, maps
    "minimum": ("f4", (), 76),
    "maximum": ("f4", (), 80),
    "mean": ("f4", (), 84),
    "space_group": ("i4", (), 88),
    "extended": ("i4", (), 92),  # bytes of extended header
    "extended_type": ("S4", (), 104),
    "version": ("i4", (), 108),
    "n_int": ("i2", (), 128),  # IMOD and Agard: layout of the extended header
    "n_real": ("i2", (), 130),
    "imod_stamp": ("i4", (), 152),
    "imod_flags": ("i4", (), 156),
    "map": ("S4", (), 208),
    "stamp": ("u1", (4,), 212),
    "rms": ("f4", (), 216),
    "n_labels": ("i4", (), 220),
    "labels": ("S80", (10,), 224),
}
HALF_BYTE = 101  # the mode of 4-bit pixels: two in a byte, the first in its lower half
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", HALF_BYTE: "u1"}
_UNUSABLE = {
    3: "complex numbers (mode 3)",
    4: "complex numbers (mode 4)",
    16: "colours (mode 16, RGB)",
}
LONGEST_SIDE = 1 << 20
ByteOrder = Literal["<", ">"]


def header_dtype(order: ByteOrder) -> np.dtype[np.void]:
    """The header as a structured type in byte order ``order``, "<" or ">"."""
    return np.dtype(
        {
            "names": list(_FIELDS),
            "formats": [
                (np.dtype(kind).newbyteorder(order), shape) for kind, shape, _ in _FIELDS.values()
            ],
            "offsets": [offset for _, _, offset in _FIELDS.values()],
            "itemsize": HEADER_BYTES,
        }
    )


@dataclass(frozen=True, eq=False)
class MrcHeader:
    """``shape``: (z, y, x) as columns, rows and sections lie in the file. ``dtype``: of a pixel,
    with its byte order. ``add``: to stored values. ``packed``: two pixels a byte.
    ``sign_unknown``: the header does not say whether bytes have a sign. ``turned``: columns run
    along y (MAPC = 2, MAPR = 1). ``offset``: bytes before the first pixel. ``pixel_a``: (x, y, z) Angstrom, zero where
    unknown. ``fields``: the raw record."""

    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]
    order: ByteOrder
    offset: int
    pixel_a: tuple[float, float, float]
    labels: tuple[str, ...]
    fields: np.void
    add: float = 0.0
    packed: bool = False
    sign_unknown: bool = False
    turned: bool = False

    @property
    def section_bytes(self) -> int:
        _, ny, nx = self.shape
        return ny * ((nx + 1) // 2 if self.packed else nx * self.dtype.itemsize)

    @property
    def data_bytes(self) -> int:
        return self.shape[0] * self.section_bytes


def is_mrc(head: bytes) -> bool:
    """Whether the first 1024 bytes make sense as an MRC header in either byte order."""
    return len(head) >= HEADER_BYTES and bool(_orders(head))


def parse_header(head: bytes, *, name: str, file_bytes: int | None = None) -> MrcHeader:
    """Read an MRC header.

    ``head``: at least 1024 bytes. ``file_bytes``: size of the file, which decides between byte
    orders when both make sense. Raises ``UserError`` for a header that makes no sense and for
    pixels that are not one real number each.
    """
    if len(head) < HEADER_BYTES:
        raise UserError(
            f"{name} holds {len(head)} bytes, too few for the 1024-byte MRC header; the copy is "
            f"incomplete, copy it again"
        )
    orders = _orders(head)
    if not orders:
        nx, ny, nz, mode = np.frombuffer(head[:16], "<i4")
        raise UserError(
            f"{name} is not an MRC file: its header says {nx} x {ny} x {nz} pixels of mode {mode}; "
            "check that this is the image file"
        )
    headers = [_build(head, order, name) for order in orders]
    fitting = [
        h for h in headers if file_bytes is not None and h.offset + h.data_bytes <= file_bytes
    ]
    return (fitting or headers)[0]


def _orders(head: bytes) -> list[ByteOrder]:
    """Byte orders in which the header makes sense; the one of the machine stamp first,
    little-endian without one."""
    orders: list[ByteOrder] = [">", "<"] if head[212] == 0x11 else ["<", ">"]
    return [
        order
        for order in orders
        if _plausible(np.frombuffer(head[:HEADER_BYTES], header_dtype(order))[0])
    ]


def _plausible(fields: np.void) -> bool:
    sides = fields["shape"]
    axes = sorted(int(a) for a in fields["axes"])
    return (
        bool((sides >= 1).all())
        and bool((sides <= LONGEST_SIDE).all())
        and int(fields["mode"]) in (*_TYPES, *_UNUSABLE)
        and int(fields["extended"]) >= 0
        and axes in ([1, 2, 3], [0, 0, 0])
    )


def _build(head: bytes, order: ByteOrder, name: str) -> MrcHeader:
    fields = np.frombuffer(head[:HEADER_BYTES], header_dtype(order))[0]
    mode = int(fields["mode"])
    if mode in _UNUSABLE:
        raise UserError(
            f"{name} holds {_UNUSABLE[mode]}, one real number per pixel wanted; convert it, for "
            f"example with IMOD newstack"
        )
    signed, add = _sign_of_bytes(fields)
    dtype = (
        np.dtype("u1")
        if mode == 0 and signed is False
        else np.dtype(_TYPES[mode]).newbyteorder(order)
    )
    nx, ny, nz = (int(n) for n in fields["shape"])
    axes = [int(a) for a in fields["axes"]]
    if axes not in ([1, 2, 3], [2, 1, 3], [0, 0, 0]):
        raise UserError(
            f"{name} has its axes in the order {axes} (MAPC, MAPR, MAPS), sections along z (1, 2, 3 "
            "or 2, 1, 3) wanted; write it again in that order, for example with IMOD clip flipyz"
        )
    count = min(max(int(fields["n_labels"]), 0), 10)
    texts = (
        bytes(label).split(b"\0")[0].decode("latin-1").strip() for label in fields["labels"][:count]
    )
    return MrcHeader(
        shape=(nz, ny, nx),
        dtype=dtype,
        order=order,
        offset=HEADER_BYTES + int(fields["extended"]),
        pixel_a=(_pixel(fields, 0), _pixel(fields, 1), _pixel(fields, 2)),
        labels=tuple(t for t in texts if t),
        fields=fields,
        add=add if mode == 0 else 0.0,
        packed=mode == HALF_BYTE,
        sign_unknown=mode == 0 and signed is None,
        turned=axes == [2, 1, 3],
    )


def _sign_of_bytes(fields: np.void) -> tuple[bool | None, float]:
    """(whether bytes have a sign, None where the header does not say; what to add to them).

    Mode 0 is signed in MRC2014. In IMOD it is unsigned unless bit 0 of its flags is set, and then
    stands for 0 to 255 with 128 taken off. Else the header's range tells, where it has one.
    """
    if int(fields["imod_stamp"]) == IMOD_STAMP:
        signed = bool(int(fields["imod_flags"]) & 1)
        return signed, 128.0 if signed else 0.0
    low, high = float(fields["minimum"]), float(fields["maximum"])
    if not low < high or not -128 <= low <= high <= 255:  # not computed
        return None, 0.0
    return (None if low >= 0 and high <= 127 else low < 0), 0.0


def _pixel(fields: np.void, axis: int) -> float:
    """Angstrom per pixel; 0 for unknown, which writers say as 0, as 1.0 exactly, or by leaving the
    grid empty."""
    grid, cell = int(fields["grid"][axis]), float(fields["cell_a"][axis])
    if grid <= 0 or not np.isfinite(cell) or cell <= 0:
        return 0.0
    size = cell / grid
    # Writers of 4-bit files count the bytes of a row, each of two pixels.
    if (
        axis == 0
        and int(fields["mode"]) == HALF_BYTE
        and abs(2 * size - _pixel(fields, 1)) < 0.02 * size
    ):
        size *= 2
    return 0.0 if size == 1.0 else size
