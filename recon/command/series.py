"""Which tilt series a config names: one, a list, or a glob."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from recon.command.words import input_of
from recon.errors import UserError
from recon.io.angle_text import close_names

STACKS = (
    ".mrc", ".mrcs", ".st", ".ali", ".mrc.gz", ".st.gz",
    ".hspy", ".emd", ".h5", ".dm3", ".dm4", ".ser",
)  # fmt: skip
MOST = 4  # names that still make a sentence


def series_paths(value: Any) -> tuple[Path, ...]:
    """The paths that ``input=`` names, in the order given; those of a glob in order of name.

    Raises ``UserError`` for a glob that matches nothing, a folder of stacks, a series given twice,
    and for what is neither a path nor a list of them.
    """
    listed = OmegaConf.to_container(value) if OmegaConf.is_list(value) else [value]
    assert isinstance(listed, list)
    if not listed or not all(isinstance(v, str | int | float) and str(v).strip() for v in listed):
        raise UserError(
            f"input={value} given, a tilt series wanted, or a list or a glob of them; write "
            f"input=[a.mrc,b.mrc]"
        )
    paths = tuple(path for text in listed for path in _expanded(str(text)))
    check_different(paths)
    for path in paths:
        _check_no_shelf(path)
    return paths


def check_different(paths: Sequence[Path]) -> None:
    """Raise ``UserError`` where two of ``paths`` are the same file or folder."""
    seen: dict[object, Path] = {}
    for path in paths:
        if (first := seen.setdefault(_identity(path), path)) is not path:
            also = "" if str(first) == str(path) else f" (as {str(first)[-100:]}, too)"
            raise UserError(
                f"{str(path)[-150:]} given twice{also}, every series once wanted; leave one out"
            )


def _identity(path: Path) -> object:
    """The same for every name of a file."""
    try:
        stat = path.expanduser().stat()
        return stat.st_dev, stat.st_ino
    except (OSError, ValueError):  # missing: the reader says so
        return str(path)


def _expanded(text: str) -> Iterator[Path]:
    """The path itself where something of that name is there or no glob could be meant."""
    path = input_of(text)
    if not glob.has_magic(str(path)) or _exists(path):
        yield path
        return
    # As a shell does it: a star matches no hidden name, such as macOS's ._a.mrc.
    found = sorted(glob.glob(str(path.expanduser()), recursive=True))  # noqa: PTH207
    if not found:
        raise UserError(f"{text[-150:]} matches nothing{_what_is_there(path)}; check the pattern")
    yield from map(Path, found)


def _exists(path: Path) -> bool:
    try:
        return path.expanduser().exists()
    except (OSError, ValueError):
        return False


def _what_is_there(pattern: Path) -> str:
    """Names that may have been meant by a glob that matches nothing."""
    plain = pattern.expanduser()
    while glob.has_magic(str(plain)):
        plain = plain.parent
    if not plain.is_dir():
        return f": there is no folder {str(plain)[-100:]}{close_names(plain)}"
    try:
        names = sorted(p.name for p in plain.iterdir() if not p.name.startswith("."))
    except OSError:
        return ""
    # The most alike first.
    names = [*difflib.get_close_matches(pattern.name, names, MOST, 0.3), *names]
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    where = "this folder" if plain == Path() else str(plain)[-100:]
    return f"; {where} holds {', '.join(names[:MOST]) or 'nothing'}{more}"


def _check_no_shelf(path: Path) -> None:
    """Raise ``UserError`` for a folder that is no series but holds some."""
    try:
        if not path.expanduser().is_dir():
            return
        files = sorted(p.name for p in path.expanduser().iterdir() if p.is_file())
    except (OSError, ValueError):
        return
    stacks = [n for n in files if n.lower().endswith(STACKS) and not n.startswith(".")]
    if not stacks or any(n.lower().endswith((".tif", ".tiff")) for n in files):
        return
    if len(stacks) == 1:
        raise UserError(
            f"{str(path)[-150:]} is a folder that holds the stack {stacks[0]}, a tilt series "
            f"wanted; give it: {path / stacks[0]}"
        )
    globs = [f"{path}/*{end}" for end in STACKS if any(n.lower().endswith(end) for n in stacks)]
    more = f" and {len(stacks) - MOST} more" if len(stacks) > MOST else ""
    raise UserError(
        f"{str(path)[-150:]} is a folder that holds {len(stacks)} stacks "
        f"({', '.join(stacks[:MOST])}{more}) and no TIFF, one tilt series wanted; give its "
        f"stacks: {' '.join(globs)}"
    )
