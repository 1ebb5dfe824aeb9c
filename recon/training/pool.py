"""The examples of a training, made in a second process while the first one trains.

What a step may use depends on the number of the step alone (``available``), never on how fast the
groups are made, so that a seed gives one training on a fast machine, on a slow one, and after a
kill.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from functools import partial

import numba
import torch

from recon.errors import UserError
from recon.training.base import E, Source

VALIDATION = 1_000_000  # group numbers from here on are never trained on


def fill(source: Source[object], groups: range) -> None:
    """Make the groups in order, on one thread, giving way to others: the work of the second
    process."""
    os.nice(5)
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    parent = os.getppid()
    for number in groups:
        if os.getppid() != parent:  # killed, and cannot say so any more
            return
        source.group(number)


def start_filling(source: Source[object], groups: range) -> multiprocessing.process.BaseProcess:
    """``fill`` in a process of its own, which ends with this one."""
    source.folder.mkdir(parents=True, exist_ok=True)
    worker = multiprocessing.get_context("spawn").Process(
        target=partial(fill, source, groups), daemon=True
    )
    worker.start()
    return worker


def wait_for(
    source: Source[E], number: int, worker: multiprocessing.process.BaseProcess
) -> Sequence[E]:
    """The examples of a group that ``worker`` makes. Raises ``UserError`` if it died."""
    while not source.ready(number):
        if not worker.is_alive() and not source.ready(number):
            raise UserError(
                f"the process that makes examples ended with code {worker.exitcode} before group "
                f"{number}; see its message above, "
                "and repeat the command: it goes on from the last checkpoint"
            )
        time.sleep(0.2)
    return source.group(number)


def available(step: int, *, first: int, steps_per_group: int, limit: int) -> int:
    """How many groups a step may draw from."""
    return min(limit, first + step // steps_per_group)
