"""What a run says on the terminal: plain lines, warnings, and how far it is, with an ETA."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from recon.progress import Hear, report_to, track

QUIET_S = 2.0  # of a phase, before anything of it is shown; most are over by then
APART_S = 2.0  # between two lines of a log


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
        """Said once, however many slabs it holds for; an empty line says nothing."""
        if not line or line in self.warnings:
            return
        self.warnings.append(line)
        print(f"warning: {line}", file=sys.stderr, flush=True)

    @contextmanager
    def show(self, what: str) -> Iterator[Hear]:
        """The listener of ``recon/progress.py``: a bar on a terminal; elsewhere (a log file, CI) a
        line at every tenth of the work, if it takes that long. Nothing for ``QUIET_S``."""
        live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        with _bar(what) if live else self._lines(what) as hear:
            yield hear

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A phase of the caller's own, shown here. Yields ``advance(by)``."""
        with report_to(self.show), track(what, total) as phase:
            yield phase.advance

    @contextmanager
    def _lines(self, what: str) -> Iterator[Hear]:
        began = said = time.monotonic()
        tenth = 0

        def hear(share: float) -> None:
            nonlocal said, tenth
            now, reached = time.monotonic(), int(10 * share + 1e-9)
            if reached <= tenth or now - began < QUIET_S or now - said < APART_S:
                return
            said, tenth = now, reached
            self.say(f"{what}: {10 * tenth} %, {seconds_left(now - began, share):.0f} s left")

        yield hear


def seconds_left(elapsed_s: float, share: float) -> float:
    """Of work of which ``share`` (above 0) took ``elapsed_s``, at the same pace."""
    return elapsed_s * (1 - share) / share


@contextmanager
def _bar(what: str) -> Iterator[Hear]:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        _Left(),
        console=RichConsole(),
    )
    task = bar.add_task(what, total=1.0)
    # By the clock and not by the work: a phase that tells nothing for a minute is seen, too.
    start = threading.Timer(QUIET_S, bar.start)
    start.daemon = True
    start.start()
    try:
        yield lambda share: bar.update(task, completed=share)
    finally:
        start.cancel()
        start.join()  # it may be starting the bar just now
        bar.stop()


class _Left(ProgressColumn):
    """Time left at the pace so far. Rich's own column takes the pace of the last half minute, and
    has none where a step takes longer."""

    def render(self, task: Task) -> Text:
        share, elapsed = task.completed, task.finished_time or task.elapsed or 0.0
        if share <= 0:
            return Text("-:--:--", style="progress.remaining")
        left = round(seconds_left(elapsed, share))
        clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return Text(clock, style="progress.remaining")
