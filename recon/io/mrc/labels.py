"""The ten 80-character labels of an MRC header: our axis convention, the voxel size with all
digits, and the history."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recon.io.stack import PixelSource

_MARK = "Tiltwise:"
_N, _WIDTH = 10, 80
_ASCII = str.maketrans(
    {"°": "deg", "µ": "u", "μ": "u", "Å": "A", "×": "x", "→": "->", "±": "+-", "–": "-", "—": "-"}
)


def to_labels(
    history: Sequence[str], *, voxel_nm: float | None, axes: str = "(z,y,x)"
) -> list[bytes]:
    """At most ten labels of 80 ASCII bytes.

    The first states the axes, the second the voxel size. Of a history longer than the rest, the
    first line (where the data came from) and the last ones (how this file was made) stay.
    """
    size = (
        "pixel size unknown"
        if voxel_nm is None
        else f"pixel size {voxel_nm!r} nm, in A in the header"
    )
    lines = [f"{_MARK} {axes}, y = tilt axis", f"{_MARK} {size}"]
    room = _N - len(lines)
    kept = list(history)
    if len(kept) > room:
        left_out = len(kept) - (room - 1)
        kept = [kept[0], f"({left_out} steps left out here)", *kept[-(room - 2) :]]
    lines += kept
    return [_ascii(line) for line in lines]


def voxel_from_labels(labels: Sequence[str]) -> tuple[PixelSource, ...] | None:
    """The voxel size in our own label; empty where it says unknown, None where there is no such
    label."""
    for label in labels[:2]:
        if label.startswith(f"{_MARK} pixel size"):
            found = re.search(r"pixel size (\S+) nm", label)
            return (PixelSource("Tiltwise label", float(found[1])),) if found else ()
    return None


def history_from_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The history lines of a file that we wrote (cut to 80 characters); nothing for other programs'
    files."""
    if not labels or not labels[0].startswith(_MARK):
        return ()
    return tuple(label for label in labels if not label.startswith(_MARK))


def _ascii(line: str) -> bytes:
    flat = " ".join(line.translate(_ASCII).split())
    return flat.encode("ascii", "replace")[:_WIDTH]
