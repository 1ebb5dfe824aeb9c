"""Processor seconds of several things that take turns, so that what disturbs the machine disturbs
all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numba
import torch
from threadpoolctl import threadpool_limits

Result = TypeVar("Result")


def one_thread() -> None:
    """For all libraries: processor seconds of several threads count waiting."""
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    threadpool_limits(1)


def take_turns(
    runs: Sequence[Callable[[], Result]],
    *,
    rounds: int = 5,
    budget_s: float = 10.0,
    clock: Callable[[], float] = time.process_time,
) -> list[tuple[float, Result]]:
    """(least seconds, last result) of each of ``runs``, each run once a round.

    What has taken ``budget_s`` is run no more. The first run, which compiles and fills caches, is
    the only one of what takes so long that it does not matter.
    """
    least = [float("inf")] * len(runs)
    spent = [0.0] * len(runs)
    results: list[Result | None] = [None] * len(runs)
    for _ in range(rounds):
        for i, run in enumerate(runs):
            if spent[i] >= budget_s:
                continue
            start = clock()
            results[i] = run()
            taken = clock() - start
            least[i] = min(least[i], taken)
            spent[i] += taken
    return list(zip(least, results, strict=True))  # type: ignore[arg-type]
