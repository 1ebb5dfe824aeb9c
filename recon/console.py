"""What a run says on the terminal: plain lines, warnings, and a progress bar with an ETA where
there is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Console:
    """Lines go to stdout, warnings to stderr; nothing is interpreted as markup, because file names
    may look like it.

    ``warnings``: all that were said, each once, for the record of the run. ``timed=False``: lines
    bear no time, for what is no run.
    """

    def __init__(self, *, timed: bool = True) -> None:
        self._started, self._timed = time.monotonic(), timed
        self.warnings: list[str] = []

    def say(self, *lines: str) -> None:
        for line in lines:
            since = f"[{time.monotonic() - self._started:7.1f} s] " if self._timed else ""
            print(f"{since}{line}", flush=True)

    def warn(self, line: str) -> None:
        """Said once, however many slabs it holds for."""
        if line in self.warnings:
            return
        self.warnings.append(line)
        print(f"warning: {line}", file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal; elsewhere (a log file, CI) one line at every tenth of the work.
        Yields ``advance(by)``."""
        if sys.stdout.isatty():
            columns = (
                TextColumn(what),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=RichConsole()) as bar:
                task = bar.add_task(what, total=total)
                yield lambda by: bar.advance(task, by)
            return
        done, tenth, began = 0, 0, time.monotonic()

        def advance(by: int) -> None:
            nonlocal done, tenth
            done += by
            if 10 * done // total > tenth:
                tenth = 10 * done // total
                left = (time.monotonic() - began) * (total - done) / done
                self.say(f"{what}: {10 * tenth} %, {left:.0f} s left")

        yield advance
