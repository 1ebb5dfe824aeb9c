"""The native projector beside the codes that a user could take instead: processor seconds and
quality, in one run on the same data.

    python -m benchmarks.projectors [--sizes 256,512] [--operations forward,adjoint]   (make bench)

Writes ``benchmarks/projectors.csv``, in which rows of other sizes and operations stay.
``cpu_seconds`` are those of one thread for all ``rows``, a slab as real runs cut it. Most of the
codes are slow and work slice by slice: ``slices`` of theirs are timed and multiplied. The least of
up to five runs, the codes taking turns; what takes ten seconds runs once. Codes that are not
installed are left out.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmarks.clock import one_thread, take_turns
from benchmarks.exact_data import truth
from benchmarks.machine import load_average, machine_name, multiply_add_gflops
from benchmarks.peers.astra import astra_jobs
from benchmarks.peers.finufft import finufft_jobs
from benchmarks.peers.job import OPERATIONS, Case, Job, case_of, quality_db
from benchmarks.peers.mbirjax import mbirjax_jobs
from benchmarks.peers.native import native_jobs
from benchmarks.peers.skimage import skimage_jobs
from benchmarks.peers.sparse import sparse_jobs
from benchmarks.peers.tomopy import tomopy_jobs
from benchmarks.quality import names_of
from benchmarks.rows import Row, read
from recon.geometry import Geometry
from recon.run.plan import SLAB_ROWS

TABLE = Path(__file__).with_suffix(".csv")
SIZES = (256, 512, 1024)
ANGLES = np.arange(-70, 71, 2.0)
QUALITY_ROWS = 2
COLUMNS = (
    "backend",
    "operation",
    "n",
    "rows",
    "slices",
    "cpu_seconds",
    "times_native",
    "psnr_db",
    "machine",
    "load",
)
PROJECTIONS, NO_SIRT = OPERATIONS[:2], OPERATIONS[:3]
# What must be installed, what it can do, and its jobs.
PEERS: tuple[tuple[str, Sequence[str], Callable[[Case], list[Job]]], ...] = (
    ("numba", OPERATIONS, native_jobs),
    ("astra", OPERATIONS, astra_jobs),
    ("skimage", NO_SIRT, skimage_jobs),
    ("finufft", PROJECTIONS, finufft_jobs),
    ("scipy", PROJECTIONS, sparse_jobs),
    ("tomopy", OPERATIONS, tomopy_jobs),
    ("mbirjax", PROJECTIONS, mbirjax_jobs),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Projectors beside each other.")
    sizes = names_of([str(n) for n in SIZES])
    parser.add_argument("--sizes", type=sizes, default=[str(n) for n in SIZES])
    parser.add_argument("--operations", type=names_of(OPERATIONS), default=list(OPERATIONS))
    parser.add_argument("--rows", type=int, default=SLAB_ROWS)
    chosen = parser.parse_args()
    one_thread()
    limit = multiply_add_gflops()
    print(f"{machine_name()}; {limit:.0f} GFLOP/s of multiply-adds on one thread")
    for n in map(int, chosen.sizes):
        case = case_of(n, chosen.rows, Geometry(ANGLES, 1.0))
        jobs = jobs_of(case, chosen.operations)
        for operation in chosen.operations:
            found = measure([job for job in jobs if job.operation == operation], case)
            store(TABLE, found)
            for row in found:
                print(sentence(row, limit))


def jobs_of(case: Case, operations: Sequence[str]) -> list[Job]:
    jobs = []
    for library, able, of_peer in PEERS:
        if importlib.util.find_spec(library) is None:
            print(f"{library} is not installed: left out")
        elif set(able) & set(operations):
            jobs += of_peer(case)
    return jobs


def measure(jobs: Sequence[Job], case: Case) -> list[Row]:
    """A row of the table for each of ``jobs``, which are of one operation."""
    wanted, rows, load = truth(case.n, QUALITY_ROWS), case.y.shape[1], load_average()
    found = take_turns([job.run for job in jobs])
    seconds = {
        job.backend: taken * rows / job.slices for job, (taken, _) in zip(jobs, found, strict=True)
    }
    table = []
    for job, (_, result) in zip(jobs, found, strict=True):
        reconstructed = isinstance(result, Tensor) and job.operation not in ("forward", "adjoint")
        values = (
            job.backend,
            job.operation,
            case.n,
            rows,
            job.slices,
            f"{seconds[job.backend]:.4g}",
            f"{seconds[job.backend] / seconds['native']:.3g}",
            f"{quality_db(result, wanted):.4g}" if reconstructed else "",
            machine_name(),
            f"{load:.1f}",
        )
        table.append({c: str(v) for c, v in zip(COLUMNS, values, strict=True)})
    return table


def store(table: Path, new: Sequence[Row]) -> None:
    """``new`` in the table, in place of all rows of their sizes and operations: seconds of two runs
    are not beside each other."""
    measured = {place(row) for row in new}
    kept = [row for row in read(table) if place(row) not in measured]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sorted([*kept, *new], key=place))


def place(row: Mapping[str, str]) -> tuple[int, int]:
    return int(row["n"]), OPERATIONS.index(row["operation"])


def sentence(row: Row, limit_gflops: float) -> str:
    said = f"{row['n']:>5} {row['operation']:8} {row['backend']:13} {row['cpu_seconds']:>8} s"
    said += f"  {row['times_native']:>5} x native"
    if row["psnr_db"]:
        said += f"  {row['psnr_db']} dB"
    if row["backend"] == "native" and row["operation"] in ("forward", "adjoint"):
        work = 4e-9 * len(ANGLES) * int(row["n"]) ** 2 * int(row["rows"])
        rate = work / float(row["cpu_seconds"])
        said += f"  {rate:.0f} GFLOP/s, {rate / limit_gflops:.0%} of the limit"
    return said


if __name__ == "__main__":
    main()
