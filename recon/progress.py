"""How far a stage is, told to whoever listens; without a listener nothing is told, and nothing is
spent on it.

    with track("aligning", 3) as phase:      # 3: units of work, in any measure
        rough = correlate(stack)
        phase.advance()                      # one of them is done
        with phase.part(2):                  # two more are done when this is; until then, as much
            refined = refine(rough)          # of them as ``refine`` tracks of its own work

What is tracked inside a phase but in no part of it is not told: a listener hears of one phase at a
time, the outermost. Results never depend on any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
Hear = Callable[[float], None]
"""Told the share of a phase's work that is done: up to 1, never falling; from one thread at a time."""
Listener = Callable[[str], AbstractContextManager[Hear]]
"""(what is done) -> what hears of it. It is closed with the exception where the work failed."""

# Threads that a stage starts begin without one: what they track is their stage's to tell.
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def report_to(listener: Listener | None) -> Iterator[None]:
    """While it is open, phases of this thread are told to ``listener``; None: to nobody."""
    before = _listener.get()
    _listener.set(listener)
    try:
        yield
    finally:
        _listener.set(before)


class Phase:
    """Work under way, in units of its own. Its methods may be called from any thread."""

    def __init__(self, total: float, hear: Hear | None) -> None:
        self._total, self._hear, self._done, self._lock = total, hear, 0.0, Lock()

    def advance(self, by: float = 1.0) -> None:
        """``by`` more units are done; never more than all."""
        if self._hear is None:
            return
        with self._lock:
            self._done = min(self._total, self._done + by)
            self._hear(self._done / self._total if self._total > 0 else 1.0)

    @contextmanager
    def part(self, by: float = 1.0) -> Iterator[None]:
        """``by`` units are done when this ends without an exception. What is tracked meanwhile
        tells how much of them is done already."""
        if self._hear is None:
            yield
            return
        told = 0.0

        def hear(share: float) -> None:
            nonlocal told
            if share > told:  # a second phase in the same part is heard once it is further
                self.advance(by * (share - told))
                told = share

        @contextmanager
        def listener(what: str) -> Iterator[Hear]:
            yield hear

        with report_to(listener):
            yield
        self.advance(by * (1 - told))


@contextmanager
def track(what: str, total: float) -> Iterator[Phase]:
    """A phase of ``total`` units of work, which is done when this ends without an exception.

    ``what``: in words, such as "aligning"; told to the listener if no other phase is under way.
    """
    listener = _listener.get()
    if listener is None:
        yield Phase(total, None)
        return
    with listener(what) as hear:
        phase = Phase(total, hear)
        with report_to(None):
            yield phase
        phase.advance(total)


def track_each(what: str, items: Iterable[T], total: float | None = None) -> Iterator[T]:
    """``items`` one by one, as a phase: an item is done when the next is asked for.

    ``total``: how many there are, where ``items`` has no length (as ``executor.map`` has none).
    """
    if _listener.get() is None:
        yield from items
        return
    if total is None:
        if not isinstance(items, Sized):
            raise TypeError(f"{type(items).__name__} has no length: total= wanted")
        total = len(items)
    with track(what, total) as phase:
        for item in items:
            with phase.part():
                yield item
