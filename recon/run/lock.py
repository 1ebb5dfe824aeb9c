"""One run at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.errors import UserError
from recon.io.atomic import write_error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder/.lock`` with this process's number. One left by a process that is gone is taken
    over.

    Raises ``UserError`` while another run holds it, or when the folder cannot be written.
    """
    lock = folder / ".lock"
    if not folder.is_dir():  # nothing to hold; the caller says what is missing
        yield
        return
    try:
        if _alive(lock):
            raise UserError(
                f"another run is at work in {str(folder)[-150:]}; wait for it, or pass another "
                f"output=DIR"
            )
        lock.unlink(missing_ok=True)
        with lock.open("x") as file:
            file.write(str(os.getpid()))
    except OSError as error:
        raise write_error(lock, error) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _alive(lock: Path) -> bool:
    """Whether the process that wrote the lock still runs."""
    try:
        number = int(lock.read_text())
        os.kill(number, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return number != os.getpid()
