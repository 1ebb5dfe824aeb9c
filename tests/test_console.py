"""What the terminal and a log file are shown of a phase, on a clock that the test moves."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import pairwise

import pytest

from recon import console as module
from recon.console import APART_S, QUIET_S, Console, seconds_left
from recon.progress import report_to, track, track_each


class Clock:
    """``time`` as the console sees it."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def lines(text: str) -> list[tuple[float, str]]:
    """(seconds, what was said)."""
    split = [line.removeprefix("[").split(" s] ", 1) for line in text.splitlines()]
    return [(float(seconds), said) for seconds, said in split]


def test_a_log_has_a_line_a_tenth_and_two_seconds_between(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    with report_to(console.show):
        for _ in track_each("aligning", range(50)):  # a second each: a tenth takes five
            clock.now += 1
        slow = lines(capsys.readouterr().out)
        for _ in track_each("aligning", range(50)):  # a tenth takes half a second
            clock.now += 0.1
    quick = lines(capsys.readouterr().out)
    assert [said for _, said in slow] == [
        f"aligning: {10 * k} %, {50 - 5 * k} s left" for k in range(1, 11)
    ]
    assert 1 <= len(quick) <= 2
    assert quick[0][0] - 50 >= QUIET_S
    assert all(b - a >= APART_S - 0.05 for (a, _), (b, _) in pairwise(quick))


def test_nothing_is_shown_of_what_is_over_soon(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    with report_to(console.show):
        for _ in range(30):
            for _ in track_each("cleaning", range(10)):
                clock.now += 0.19
    assert capsys.readouterr().out == ""


def test_the_time_left_goes_by_the_work_and_not_by_the_steps(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    with report_to(console.show), track("scoring", 100) as phase:
        with phase.part(80):
            clock.now += 40
        phase.advance(10)
    assert [said for _, said in lines(capsys.readouterr().out)] == ["scoring: 80 %, 10 s left"]
    assert seconds_left(40, 0.8) == pytest.approx(10)


def test_a_phase_of_the_callers_own(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress("training", 4) as advance:
        clock.now += 9
        advance(3)
    assert [said for _, said in lines(capsys.readouterr().out)] == ["training: 70 %, 3 s left"]


def test_without_a_console_a_library_is_silent(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    Console()
    for _ in track_each("aligning", range(50)):
        clock.now += 1
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    """Notes when it is first written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self.written.set()
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return terminal


@contextmanager
def on(terminal: Terminal) -> Iterator[None]:
    """The console's phases there; in the test itself, because pytest sets stdout after fixtures."""
    with redirect_stdout(terminal), report_to(Console().show):
        yield


def test_a_terminal_is_shown_a_bar_though_nothing_advances(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    name = "sirt {task.id} [bold] 4 x 5 x 6"  # neither a format nor markup
    with on(terminal), track(name, 4) as phase:
        terminal.written.wait()
        phase.advance(4)
    text = terminal.getvalue()
    assert name in text
    assert "0 %" in text
    assert "100 %" in text


def test_a_terminal_is_shown_nothing_of_what_is_over_soon(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 3600.0)
    with on(terminal):
        for _ in track_each("cleaning", range(5)):
            pass
    assert terminal.getvalue() == ""
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]


def test_a_bar_is_taken_down_when_the_work_fails(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.01)
    with pytest.raises(KeyboardInterrupt), on(terminal), track("aligning", 4):
        terminal.written.wait()
        raise KeyboardInterrupt
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h") == 1


def test_a_dumb_terminal_is_a_log(
    terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with on(terminal):
        for _ in track_each("aligning", range(2)):
            clock.now += 5
    assert [said for _, said in lines(terminal.getvalue())] == [
        "aligning: 50 %, 5 s left",
        "aligning: 100 %, 0 s left",
    ]


def test_lines_and_warnings_are_said_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.say("[red]needle[/red].mrc")
    console.warn("odd")
    console.warn("odd")
    out = capsys.readouterr()
    assert "[red]needle[/red].mrc" in out.out
    assert out.err == "warning: odd\n"
    assert console.warnings == ["odd"]
