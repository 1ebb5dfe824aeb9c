"""The text files of alignments, whole."""

from __future__ import annotations

from pathlib import Path

from recon.errors import UserError
from recon.io.atomic import replacing


def read_text(path: Path) -> str:
    """What does not decode is kept as a mark, for the sentence about its line. Raises ``UserError``
    for a file that cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}); check the path") from error


def write_text(path: Path, text: str) -> None:
    """Whole or not at all. Raises ``UserError`` when it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(text, "ascii")
