"""The needle, from the file to the tomogram: processor seconds of our commands, and of ASTRA's own
SIRT on the aligned views, which is what packages on ASTRA's CPU path run.

    python -m benchmarks.end_to_end

Writes ``benchmarks/end_to_end.csv``. Our commands are timed whole (reading, cleaning, aligning,
writing; scores and report where they are not turned off). ASTRA's SIRT is timed on a few slices and
multiplied; beside it, ours of as many classical iterations on all rows.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tiltwise
from benchmarks.clock import one_thread, take_turns
from benchmarks.machine import load_average, machine_name
from benchmarks.needle import PATH, aligned_needle
from benchmarks.peers.astra import own_sirt
from benchmarks.peers.job import ITERATIONS, middle
from recon.projectors.astra import AstraProjector

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ("what", "cpu_seconds", "slices", "machine", "load")
SLICES = 2
SIRT = f"algorithm.n_iterations={ITERATIONS}"
JOBS = ("native, SIRT 50, aligned", "ASTRA's own SIRT 50, linear, CPU, aligned")
COMMANDS = {
    "command, SIRT 50, scores and report off": (SIRT, "trust=none", "report=false"),
    "command, the default": (),
}


def main() -> None:
    one_thread()
    load = load_average()
    series = aligned_needle()
    if series is None:
        return
    n_rows = series.data.shape[1]
    found = take_turns([lambda: ours(series), lambda: theirs(series)], rounds=2)
    seconds = [taken for taken, _ in found]
    seconds[1] *= n_rows / SLICES
    seconds += [command_seconds(*words) for words in COMMANDS.values()]
    slices = (n_rows, SLICES, *(n_rows for _ in COMMANDS))
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for what, taken, timed in zip((*JOBS, *COMMANDS), seconds, slices, strict=True):
            writer.writerow((what, f"{taken:.4g}", timed, machine_name(), f"{load:.1f}"))
            print(f"{what:45} {taken:8.4g} s")


def ours(series: tiltwise.TiltSeries) -> object:
    return tiltwise.reconstruct(series, tiltwise.SIRT(n_iterations=ITERATIONS), threads=1)


def theirs(series: tiltwise.TiltSeries) -> object:
    n = series.data.shape[2]
    A = AstraProjector(series.geometry, (n, n), n)
    return own_sirt(A, middle(series.data, SLICES))


def command_seconds(*words: str) -> float:
    """Processor seconds of ``python reconstruct.py`` on the needle with one thread, all its
    processes together."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(__file__).parents[1] / "reconstruct.py"
        output = f"output={folder}/out"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, str(program), str(PATH), *words, "threads=1", output],
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(
        np.subtract((after.ru_utime, after.ru_stime), (before.ru_utime, before.ru_stime)).sum()
    )


if __name__ == "__main__":
    main()
