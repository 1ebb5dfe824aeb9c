"""The committed table of the needle end to end is whole, and the README's; a command's seconds are
those of its processes."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks import end_to_end, end_to_end_summary
from benchmarks.end_to_end import COLUMNS, COMMANDS, JOBS, TABLE
from benchmarks.quality_summary import README
from benchmarks.rows import read


def test_the_table_is_whole_and_the_readmes() -> None:
    rows = read(TABLE)
    assert tuple(rows[0]) == COLUMNS
    assert [row["what"] for row in rows] == [*JOBS, *COMMANDS]
    text = end_to_end_summary.BEGIN + end_to_end_summary.table(rows) + end_to_end_summary.END
    assert text in README.read_text("utf-8")


def test_a_command_that_fails_is_not_timed() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        end_to_end.command_seconds("algorithm=no_such_algorithm")
