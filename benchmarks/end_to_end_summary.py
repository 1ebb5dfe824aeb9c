"""The README's table of the needle end to end, from ``benchmarks/end_to_end.csv``: ``python -m
benchmarks.end_to_end_summary``."""

from __future__ import annotations

from benchmarks.end_to_end import TABLE
from benchmarks.quality_summary import put
from benchmarks.rows import Row, read

BEGIN, END = "<!-- end to end -->\n", "<!-- /end to end -->"


def table(rows: list[Row]) -> str:
    lines = ["| the needle, 256 rows of 256 x 256 from 77 views | processor |", "|---|---|"]
    lines += [f"| {row['what']} | {float(row['cpu_seconds']):.0f} s |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
