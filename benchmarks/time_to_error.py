"""Processor seconds until views that a reconstruction was not given are predicted so well: what a
user waits for.

    python -m benchmarks.time_to_error [--rows 32] [--bin 1]

On the needle, aligned once: every fifth view is withheld, the others are reconstructed with so many
iterations, each time from the beginning, as a run would be. ``cpu_seconds`` of one thread hold all
that the method does, what it settles from the data (TV's weight, the default's iterations)
included; ``withheld_error`` is ||y - A x|| / ||y|| of the withheld views, outside of the clock.
Writes ``benchmarks/time_to_error.csv``.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import tiltwise
from benchmarks.clock import one_thread, take_turns
from benchmarks.machine import load_average, machine_name
from benchmarks.needle import aligned_needle
from benchmarks.rows import Row
from recon.algorithms.withheld import busiest, withheld_views
from recon.api import NOISE
from recon.projectors.base import Projector
from recon.projectors.masked import masked
from recon.stage import BoundMethod, reconstruct

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ("method", "iterations", "cpu_seconds", "withheld_error", "rows", "machine", "load")
# The most iterations; None: as many as the method settles on.
CONTENDERS: dict[str, tuple[BoundMethod, int | None]] = {
    "SIRT, the default": (tiltwise.SIRT(), None),
    "SIRT, classical": (tiltwise.SIRT(n_iterations=1, momentum=False), 256),
    "SIRT, momentum": (tiltwise.SIRT(n_iterations=1, momentum=True), 91),
    "ordered subsets, 8": (tiltwise.SART(n_subsets=8, relaxation=1.0), 32),
    "CGLS": (tiltwise.CGLS(), 32),
    "TV": (tiltwise.TV(), 300),
}


@dataclass(frozen=True, eq=False)
class Problem:
    """Views (tilt, y, x) that are given, and others that are to be predicted, of one volume.
    ``noise``: standard deviation per pixel."""

    A: Projector
    y: Tensor
    unseen: Projector
    wanted: Tensor
    noise: float

    def error(self, volume: Tensor) -> float:
        missed = torch.linalg.vector_norm(self.unseen(volume) - self.wanted)
        return float(missed / torch.linalg.vector_norm(self.wanted))


@dataclass(frozen=True, eq=False)
class Ready:
    """A method without ``auto``, what settling it took, and which numbers of iterations to run."""

    method: BoundMethod
    settled_s: float
    counts: tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time to an error on withheld views.")
    parser.add_argument("--rows", type=int, default=32, help="those with most structure")
    parser.add_argument("--bin", type=int, default=1)
    chosen = parser.parse_args()
    one_thread()
    series = aligned_needle(chosen.bin)
    if series is None:
        return
    problem = problem_of(series, chosen.rows)
    rows = measure(problem, {name: ready(problem, *it) for name, it in CONTENDERS.items()})
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def problem_of(series: tiltwise.TiltSeries, rows: int) -> Problem:
    kept, held = withheld_views(series.geometry.angles_deg)
    A, y = busiest(*masked(tiltwise.projector(series), series.data, series.precision), rows)
    noise = float(str(series.facts[NOISE]))
    return Problem(A.views(kept), y[kept.tolist()], A.views(held), y[held.tolist()], noise)


def ready(problem: Problem, method: BoundMethod, most: int | None) -> Ready:
    """``method`` settled as a run settles it, on the rows with most structure."""
    settle, start = method.declared.settle, time.process_time()
    if settle is not None:
        method = settle(method, *busiest(problem.A, problem.y), problem.noise).method
    settled_s = time.process_time() - start
    counts = (method.options["n_iterations"],) if most is None else counts_to(most)
    return Ready(method, settled_s, counts)


def measure(problem: Problem, contenders: dict[str, Ready]) -> list[Row]:
    """A row for each contender and number of iterations; those of one number take turns."""
    table = []
    for count in sorted({count for each in contenders.values() for count in each.counts}):
        named = [(name, each) for name, each in contenders.items() if count in each.counts]
        load = load_average()
        found = take_turns(
            [run_of(each.method, problem, count) for _, each in named], rounds=2, budget_s=2.0
        )
        for (name, each), (seconds, volume) in zip(named, found, strict=True):
            values = (
                name,
                count,
                f"{seconds + each.settled_s:.4g}",
                f"{problem.error(volume):.5f}",
                problem.y.shape[1],
                machine_name(),
                f"{load:.1f}",
            )
            table.append({c: str(v) for c, v in zip(COLUMNS, values, strict=True)})
            print(f"{name:20} {count:4} iterations {values[2]:>7} s  {values[3]}", flush=True)
    return sorted(table, key=lambda row: list(contenders).index(row["method"]))


def run_of(method: BoundMethod, problem: Problem, count: int) -> Callable[[], Tensor]:
    many = method.but({"n_iterations": count})
    return lambda: reconstruct(many, problem.A, problem.y)[0]


def counts_to(most: int) -> tuple[int, ...]:
    """From 1 to ``most``, each about 1.4 times the one before."""
    return tuple(sorted({min(round(2 ** (k / 2)), most) for k in range(2 * most.bit_length())}))


def first_below(rows: Sequence[Row], method: str, error: float) -> Row | None:
    """The quickest run of ``method`` whose error is at most ``error``."""
    reached = [r for r in rows if r["method"] == method and float(r["withheld_error"]) <= error]
    return min(reached, key=lambda r: float(r["cpu_seconds"]), default=None)


if __name__ == "__main__":
    main()
