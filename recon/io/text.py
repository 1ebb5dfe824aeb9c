"""Text files as programs and people write them: whole, in whatever encoding a microscope's PC has,
with decimal points or decimal commas."""

from __future__ import annotations

import codecs
from pathlib import Path

from recon.errors import UserError
from recon.io.atomic import replacing

_MOST_BYTES = 64_000_000
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def decode(raw: bytes) -> str:
    """UTF-8, UTF-16 (with a byte-order mark, or known by its zero bytes), else Latin-1, in which
    old Windows programs write their degree signs. What does not decode is kept as a mark."""
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace")
    zeros_even, zeros_odd = raw[:2000:2].count(0), raw[1:2000:2].count(0)
    half = max(1, min(len(raw), 2000) // 2)
    if max(zeros_even, zeros_odd) > 0.4 * half > 4 * min(zeros_even, zeros_odd):
        return raw.decode("utf-16-le" if zeros_odd > zeros_even else "utf-16-be", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_text(path: Path) -> str:
    """Raises ``UserError`` for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return decode(file.read(_MOST_BYTES))
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}); check the path") from error


def to_number(text: str) -> float:
    """A number with a decimal point or a decimal comma. Raises ``ValueError`` for anything else."""
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)


def write_text(path: Path, text: str) -> None:
    """Whole or not at all. Raises ``UserError`` when it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(text, "ascii")
