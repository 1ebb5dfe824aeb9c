"""Tell a file's format: by its content first, by its suffix where the content says nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

from recon.errors import UserError
from recon.io.mrc.header import HEADER_BYTES, is_mrc

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_SER = b"II\x97\x01"
_MRC_SUFFIXES = (".mrc", ".st", ".ali", ".rec", ".map", ".mrcs")
_NOT_A_STACK = {
    b"PK\x03\x04": "a zip archive; unpack it and give the image file inside",
    b"\x89PNG": "a PNG picture; export the stack as MRC or TIFF with its own grey values",
    b"\xff\xd8\xff": "a JPEG picture; export the stack as MRC or TIFF with its own grey values",
    b"MATLAB 7.3": "a MATLAB 7.3 file; save the array with save -v7, or as TIFF, HDF5 or .npy",
    b"MATLAB": "a MATLAB file of an unknown version; save the array with save -v7, or as TIFF, "
    "HDF5 or .npy",
    b"BZh": "a bzip2 archive; unpack it and give the image file inside",
}


def format_of(path: Path) -> str:
    """One of mrc, tiff, image_folder, hdf5, npy, matlab, zarr, dm, ser, emi.

    Raises ``UserError`` for an empty file, a text file, and content that no reader knows.
    """
    if path.is_dir():
        return "zarr" if any((path / mark).is_file() for mark in _ZARR) else "image_folder"
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if not head:
        raise UserError(
            f"{path.name} is empty (0 bytes), a tilt series wanted; copy it again from the "
            f"microscope"
        )
    found = _by_content(head, path)
    if found is not None:
        return found
    if path.suffix.lower() == ".emi":  # no magic number worth the name
        return "emi"
    for magic, what in _NOT_A_STACK.items():
        if head.startswith(magic):
            raise UserError(f"{path.name} is {what}")
    if _is_text(head):
        text = head.replace(b"\0", b"").decode("ascii", "ignore")
        shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:30]
        raise UserError(
            f"{path.name} is a text file that begins with {shown!r}, an image stack wanted; check "
            f"the path"
        )
    if path.suffix.lower() in _MRC_SUFFIXES:
        return "mrc"  # its parser says what is wrong with the header
    raise UserError(
        f"{path.name} is of no known format (.mrc .tif .h5 .hspy .emd .dm3 .dm4 .ser .npy .mat "
        f".zarr wanted); "
        "export the stack as MRC or TIFF"
    )


def _by_content(head: bytes, path: Path) -> str | None:
    if head.startswith(_TIFF):
        return "tiff"
    if head.startswith(_HDF5):
        return "hdf5"
    if head[:512].startswith(b"MATLAB 7.3"):
        return None  # HDF5 inside, but transposed and of its own layout
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"MATLAB 5.0"):  # what version 5 to 7 of the format call themselves
        return "matlab"
    if head.startswith(_SER):
        return "ser"
    if _is_dm(head):  # before MRC: a DM3 header reads as a plausible nx of 3
        return "dm"
    if head.startswith(b"\x1f\x8b"):
        return "mrc" if is_mrc(_gunzip(path)) else None
    return "mrc" if is_mrc(head) else None


def _is_dm(head: bytes) -> bool:
    """Version 3 or 4 and a byte-order word of 0 or 1, big-endian; then two flags, a count, and the
    first tag: 20 or 21.

    The length between version and byte order, and the count, have 4 bytes in DM3 and 8 in DM4. The
    tag settles it: a big-endian MRC of three or four columns begins alike.
    """
    version = int.from_bytes(head[:4], "big")
    order, tag = (8, 18) if version == 3 else (12, 26)
    return (
        version in (3, 4)
        and len(head) > tag
        and int.from_bytes(head[order : order + 4], "big") in (0, 1)
        and head[tag] in (20, 21)
    )


def _gunzip(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            return file.read(HEADER_BYTES)
    except (OSError, EOFError) as error:
        raise UserError(
            f"{path.name} cannot be unpacked ({error}); copy it again, or unpack it with gunzip"
        ) from error


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, as Windows writes it
        return True
    printable = sum(32 <= b < 127 or b in (9, 10, 13) or b >= 160 for b in head)
    return b"\0" not in head and printable > 0.95 * len(head)
