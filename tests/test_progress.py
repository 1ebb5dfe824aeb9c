"""What a listener hears: one phase at a time, rising to 1, whatever is nested; and nothing unheard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.sirt_iterations import choose_iterations
from recon.algorithms.sirt_state import Sirt
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.wbp import WBP
from recon.align.xcorr import xcorr
from recon.geometry import Geometry
from recon.progress import Hear, report_to, track, track_each
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.trust.standard import predict


class Listener:
    """Writes down what it is told, phase by phase, and how each ended."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.shares: list[list[float]] = []
        self.ended: list[str] = []

    @contextmanager
    def __call__(self, what: str) -> Iterator[Hear]:
        self.phases.append(what)
        self.shares.append([])
        try:
            yield self.shares[-1].append
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append("done")


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    with report_to(listener):
        yield listener


def test_shares_are_those_of_the_work(listener: Listener) -> None:
    with track("aligning", 8) as phase:
        phase.advance()
        phase.advance(3)
        with phase.part(4):
            pass
    assert listener.phases == ["aligning"]
    assert listener.shares == [[1 / 8, 1 / 2, 1, 1]]


def test_what_is_tracked_in_a_part_fills_it_and_no_more(listener: Listener) -> None:
    with track("outer", 10) as phase:
        with phase.part(5):
            for _ in track_each("inner", range(5)):
                pass
        with phase.part(5), track("inner", 2) as inner:
            with inner.part(), track("innermost", 4) as innermost:
                innermost.advance()
            inner.advance(0)
    assert listener.phases == ["outer"]
    expected = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5 + 1 / 16, 0.75, 1.0]
    heard = list(dict.fromkeys(round(share, 9) for share in listener.shares[0]))
    assert heard == pytest.approx(expected)


def test_what_is_tracked_outside_a_part_is_not_told(listener: Listener) -> None:
    with track("outer", 2) as phase:
        list(track_each("inner", range(100)))
        phase.advance()
        list(track_each("inner", range(100)))
    assert listener.phases == ["outer"]
    assert listener.shares == [[0.5, 1.0]]


def test_a_second_phase_in_a_part_never_goes_back(listener: Listener) -> None:
    with track("outer", 2) as phase, phase.part():
        list(track_each("first", range(2)))
        list(track_each("second", range(4)))
    shares = listener.shares[0]
    assert shares == sorted(shares)
    assert max(shares[:-1]) <= 0.5


def test_phases_one_after_another_are_phases_of_their_own(listener: Listener) -> None:
    list(track_each("first", "ab"))
    list(track_each("second", iter("abc"), 3))
    assert listener.phases == ["first", "second"]
    assert [shares[-1] for shares in listener.shares] == [1, 1]
    assert listener.ended == ["done", "done"]


def test_work_that_ends_early_is_done_and_work_that_fails_is_not(listener: Listener) -> None:
    with track("early", 10) as phase:
        phase.advance(2)
    with pytest.raises(MemoryError), track("failing", 2) as phase, phase.part():
        raise MemoryError
    assert listener.shares == [[0.2, 1.0], []]
    assert listener.ended == ["done", "MemoryError"]
    list(track_each("next", range(1)))  # the listener is back, whatever happened
    assert listener.phases == ["early", "failing", "next"]


def test_a_loop_that_is_left_ends_its_phase(listener: Listener) -> None:
    def leave(how: type[Exception] | None) -> None:
        for item in track_each("left", range(10)):
            if item == 3:
                if how is None:
                    break
                raise how

    leave(None)
    with pytest.raises(KeyError):
        leave(KeyError)
    list(track_each("next", range(1)))
    assert listener.phases == ["left", "left", "next"]
    assert listener.shares[0] == listener.shares[1] == pytest.approx([0.1, 0.2, 0.3])


def test_advancing_from_many_threads_loses_nothing(listener: Listener) -> None:
    seen: list[int] = []
    with track("aligning", 4000) as phase, ThreadPoolExecutor(8) as pool:

        def work(_: int) -> None:
            phase.advance()
            list(track_each("a thread's own", range(3)))  # not told: the stage tells
            seen.append(threading.get_ident())

        list(pool.map(work, range(4000)))
    assert listener.phases == ["aligning"]
    shares = listener.shares[0]
    assert shares == sorted(shares)
    assert shares[-2] == 1  # before the end of the phase said so


def test_more_than_all_is_all(listener: Listener) -> None:
    with track("wrongly counted", 2) as phase:
        phase.advance(5)
        phase.advance(5)
    with track("nothing to do", 0) as phase:
        phase.advance()
    assert listener.shares == [[1, 1, 1], [1, 1]]


def test_unknown_lengths_are_refused(listener: Listener) -> None:
    with pytest.raises(TypeError, match="total= wanted"):
        list(track_each("?", iter("abc")))


def test_an_algorithm_tells_its_iterations_and_computes_the_same_bits(listener: Listener) -> None:
    rng = np.random.default_rng(0)
    A = NativeProjector(Geometry(np.linspace(-60, 60, 9), None), (12, 12), 12)
    y = A(torch.from_numpy(rng.random((12, 3, 12), np.float32)))
    heard = sirt(A, y, n_iterations=4)
    with report_to(None):
        silent = sirt(A, y, n_iterations=4)
    assert torch.equal(heard, silent)
    assert listener.phases == ["sirt"]
    assert listener.shares[0][:4] == [0.25, 0.5, 0.75, 1]


def series(views: int = 15, width: int = 12) -> tuple[NativeProjector, torch.Tensor]:
    """Rays through a disc, with noise."""
    A = NativeProjector(Geometry(np.linspace(-70, 70, views), None), (width, width), width)
    z, x = np.mgrid[:width, :width] - (width - 1) / 2
    disc = torch.from_numpy((np.hypot(z, x) < width / 3).astype(np.float32))
    clean = A(disc[:, None].expand(-1, 4, -1).contiguous())
    return A, clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def settle_sirt(A: NativeProjector, y: torch.Tensor) -> None:
    choose_iterations(Sirt, A, y)


def settle_tv(A: NativeProjector, y: torch.Tensor) -> None:
    choose_weight(A, y)


def score(A: NativeProjector, y: torch.Tensor) -> None:
    predict(A, y, {"sirt": SIRT(n_iterations=4), "wbp": WBP()}, noise=0.1)


def correlate(A: NativeProjector, y: torch.Tensor) -> None:
    wide = torch.nn.functional.interpolate(y[None], size=(24, 24))[0].contiguous()
    xcorr(TiltSeries(wide, A.geometry), rounds=1, working_px=32)


@pytest.mark.parametrize(
    ("stage", "what", "before_the_end"),
    [
        (settle_sirt, "choosing the iterations of SIRT", 0.0),  # most series need far fewer
        (settle_tv, "choosing the weight of TV", 0.5),
        (score, "scoring on withheld views", 0.99),
        (correlate, "aligning by correlation", 0.3),
    ],
)
def test_a_stage_is_one_phase_that_rises_to_the_end(
    listener: Listener,
    stage: Callable[[NativeProjector, torch.Tensor], None],
    what: str,
    before_the_end: float,
) -> None:
    A, y = series()
    stage(A, y)
    assert len(listener.phases) == 1
    assert listener.phases[0].startswith(what)
    shares = listener.shares[0]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 4
    assert before_the_end < shares[-2] <= shares[-1] == 1
