"""Time to a withheld error: what is run, what is read off, and that the committed table is whole
and the README's."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import tiltwise
from benchmarks import time_to_error_summary
from benchmarks.quality_summary import README
from benchmarks.rows import read
from benchmarks.time_to_error import (
    COLUMNS,
    CONTENDERS,
    TABLE,
    Problem,
    counts_to,
    first_below,
    measure,
    problem_of,
    ready,
)
from recon.api import NOISE
from recon.geometry import Geometry
from recon.series import TiltSeries


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Twelve views of a box, without noise."""
    box = torch.zeros(24, 20, 24)
    box[8:16, 4:, 6:15] = 1.0
    empty = TiltSeries(torch.zeros(12, 20, 24), Geometry(np.linspace(-66, 66, 12), 1.0), "box")
    series = replace(empty, data=tiltwise.projector(empty)(box).contiguous())
    return problem_of(replace(series, facts={NOISE: 0.01}), rows=6)


def test_counts_grow_to_the_last_one() -> None:
    for most in (1, 5, 32, 91, 300):
        counts = counts_to(most)
        assert counts[0] == 1 and counts[-1] == most
        assert all(a < b <= max(2 * a, a + 1) for a, b in pairwise(counts))


def test_withheld_views_are_not_given(problem: Problem) -> None:
    given, unseen = (set(A.geometry.angles_deg) for A in (problem.A, problem.unseen))
    assert not given & unseen and len(given | unseen) == 12
    assert problem.y.shape == (len(given), 6, 24)
    assert problem.error(torch.zeros(24, 6, 24)) == pytest.approx(1.0)


def test_a_row_for_each_number_of_iterations(problem: Problem) -> None:
    contenders = {
        "classical": ready(problem, tiltwise.SIRT(n_iterations=1, momentum=False), 8),
        "default": ready(problem, tiltwise.SIRT(), None),
    }
    rows = measure(problem, contenders)
    classical = [row for row in rows if row["method"] == "classical"]
    assert [int(row["iterations"]) for row in classical] == list(counts_to(8))
    errors = [float(row["withheld_error"]) for row in classical]
    assert errors == sorted(errors, reverse=True)
    (default,) = (row for row in rows if row["method"] == "default")
    assert float(default["withheld_error"]) < errors[-1]
    # What was settled from the data is in its time.
    assert float(default["cpu_seconds"]) > contenders["default"].settled_s > 0


def test_the_quickest_run_that_is_good_enough() -> None:
    numbers = [("a", "0.5", "0.10"), ("a", "2", "0.03"), ("a", "1", "0.04"), ("b", "9", "0.01")]
    rows = [
        dict(zip(("method", "cpu_seconds", "withheld_error"), it, strict=True)) for it in numbers
    ]
    assert first_below(rows, "a", 0.04) == rows[2]
    assert first_below(rows, "a", 0.02) is None


def test_the_table_has_every_contender_and_is_the_readmes() -> None:
    rows = read(TABLE)
    assert tuple(rows[0]) == COLUMNS and {row["method"] for row in rows} == set(CONTENDERS)
    text = time_to_error_summary.BEGIN + time_to_error_summary.table(rows)
    assert text + time_to_error_summary.END in README.read_text("utf-8")
