"""Write under a temporary name, rename at the end: a reader never meets half a file, and a failed
write leaves nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.errors import UserError

_WHY = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    errno.EFBIG: "the file is too large for this disk; write elsewhere",
    errno.EACCES: "no permission to write there; choose another folder or change its permissions",
    errno.EPERM: "no permission to write there; choose another folder or change its permissions",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.EISDIR: "there is a folder of that name; choose another name",
    errno.ENOENT: "the folder does not exist; make it first",
    errno.ENOTDIR: "part of the path is a file, not a folder; check the path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path``; renamed to ``path`` when the block ends well,
    removed when it fails.

    Whatever stood at ``path`` stays until the rename. ``OSError`` in the block becomes a
    ``UserError`` that says why.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        _sync(temporary)
        if (
            temporary.is_dir() and path.is_dir()
        ):  # rename cannot replace a folder that holds something
            old = path.with_name(f"{temporary.name}.old")
            path.replace(old)
            try:
                temporary.replace(path)
            except OSError:
                old.replace(path)
                raise
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        _remove(temporary)


def write_error(path: Path, error: OSError) -> UserError:
    """The sentence for a failed write."""
    why = _WHY.get(
        error.errno or 0, f"{str(error.strerror or error)[:120]}; check the disk or write elsewhere"
    )
    return UserError(
        f"{path.name} cannot be written to {str(path.absolute().parent)[-150:]}: {why}"
    )


def _sync(path: Path) -> None:
    """Bring a file's bytes to the disk before the rename does; a full disk may be known only
    now."""
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
