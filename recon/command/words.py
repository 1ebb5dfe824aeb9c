"""The words of a command line before Hydra sees them: leading paths become ``input=``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

_OVERRIDE = re.compile(r"^[~+]*[\w@/.:-]+=")
_LIKE_A_PATH = re.compile(r"[./\\*?]")


def is_override(word: str) -> bool:
    """Whether ``word`` has the form key=value, +key=value or ~key=value."""
    return _OVERRIDE.match(word) is not None


def path_to_override(words: Sequence[str]) -> list[str]:
    """A bare leading path becomes ``input='...'``, quoted as Hydra quotes, whatever characters it
    holds; several leading paths become ``input=['...','...']``.

    A word is a path when something of that name exists, when it starts as only paths do (``/``,
    ``./``, ``../``, ``~/``), or when it is neither an option (``-m``) nor an override
    (``key=value``, ``+key=value``, ``~key``); after the first, it must look like a path, too.
    """
    from hydra.core.override_parser.types import Quote, QuotedString

    # argparse takes overrides only in one run: a flag between them would make the rest unknown.
    several = [w for w in words if w in ("-m", "--multirun")]
    words = [w for w in words if w not in several]
    paths: list[str] = []
    for word in words:
        if not _is_path(word, first=not paths):
            break
        path = word if os.path.lexists(word) else str(Path(word).expanduser())
        paths.append(QuotedString(input_text(path), Quote.single).with_quotes())
    if not paths:
        return [*several[:1], *words]
    given = paths[0] if len(paths) == 1 else f"[{','.join(paths)}]"
    return [*several[:1], f"input={given}", *words[len(paths) :]]


def input_text(path: Path | str) -> str:
    """``input=`` for a path: ${...} would be looked up by OmegaConf, and a backslash has a meaning
    of its own; such a path travels as a URL."""
    text = str(path)
    return f"file:{quote(text)}" if "$" in text or "\\" in text else text


def input_of(text: str) -> Path:
    """The path that ``input_text`` wrote, or that a user did."""
    return Path(unquote(text.removeprefix("file:")) if text.startswith("file:") else text)


def _is_path(word: str, *, first: bool) -> bool:
    if bool(word) and (os.path.lexists(word) or word.startswith(("/", "./", "../", "~/"))):
        return True
    if word.startswith(("-", "~", "+")) or is_override(word):
        return False
    return first or _LIKE_A_PATH.search(word) is not None
