"""Codes beside each other: each is timed on the same data, and the committed table is whole and the
README's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import projectors_summary
from benchmarks.exact_data import truth
from benchmarks.peers.job import OPERATIONS, SIRT, Case, Job, case_of, middle, quality_db
from benchmarks.peers.native import native_jobs
from benchmarks.projectors import COLUMNS, SIZES, TABLE, measure, store
from benchmarks.quality_summary import README
from benchmarks.rows import read
from recon.geometry import Geometry
from recon.run.plan import SLAB_ROWS

UNMEASURED = {(1024, SIRT)}  # six processor minutes in one go: more than the last run had


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of(32, 4, Geometry(np.arange(-60, 61, 10.0), 1.0))


def test_middle_rows_are_those_of_a_thinner_case(case: Case) -> None:
    assert torch.equal(case.middle(2), case_of(32, 2, case.geometry).y)
    assert middle(case.y, 4).shape == case.y.shape


def test_seconds_are_for_all_rows_and_beside_ours(case: Case) -> None:
    ours = next(job for job in native_jobs(case) if job.operation == "wbp")
    other = Job("other", "wbp", 2, lambda: torch.zeros(32, 2, 32))
    native, peer = measure([ours, other], case)
    ratio = float(peer["cpu_seconds"]) / float(native["cpu_seconds"])
    assert float(peer["times_native"]) == pytest.approx(ratio, rel=0.01)
    assert (native["rows"], peer["slices"]) == ("4", "2")
    assert float(native["psnr_db"]) > float(peer["psnr_db"])
    wanted = truth(32, 2)
    assert quality_db(wanted, wanted + 0.01 * wanted.max()) == pytest.approx(40, abs=0.1)


def test_a_new_run_replaces_its_size_and_operation_alone(tmp_path: Path) -> None:
    def row(backend: str, operation: str, n: int) -> dict[str, str]:
        return dict.fromkeys(COLUMNS, "") | {
            "backend": backend, "operation": operation, "n": str(n)
        }  # fmt: skip

    table = tmp_path / "table.csv"
    store(table, [row("gone", "wbp", 512), row("stays", "wbp", 256)])
    store(table, [row("new", "wbp", 512), row("new", "forward", 512)])
    assert [(r["backend"], r["operation"]) for r in read(table)] == [
        ("stays", "wbp"),
        ("new", "forward"),
        ("new", "wbp"),
    ]


def test_the_table_is_whole_and_the_readmes() -> None:
    rows = read(TABLE)
    assert tuple(rows[0]) == COLUMNS
    measured = {(int(r["n"]), r["operation"], r["backend"]): r for r in rows}
    for n in SIZES:
        for operation in OPERATIONS:
            if (n, operation) in UNMEASURED:
                continue
            native = measured[n, operation, "native"]
            assert native["machine"] and native["rows"] == str(SLAB_ROWS)
            assert (n, operation, "astra_linear") in measured
    text = projectors_summary.BEGIN + projectors_summary.table(rows) + projectors_summary.END
    assert text in README.read_text("utf-8")
