"""The README's table of times to an error on withheld views, from ``benchmarks/time_to_error.csv``:
``python -m benchmarks.time_to_error_summary``."""

from __future__ import annotations

from benchmarks.quality_summary import put
from benchmarks.rows import Row, read
from benchmarks.time_to_error import TABLE, first_below

BEGIN, END = "<!-- time to error -->\n", "<!-- /time to error -->"
ABOVE = (1.0, 0.5, 0.2, 0.05)  # the least error that any reached, as parts of it


def table(rows: list[Row]) -> str:
    least = min(float(row["withheld_error"]) for row in rows)
    goals = [(1 + part) * least for part in ABOVE]
    lines = [
        "| withheld error | " + " | ".join(f"{goal:.4f}" for goal in goals) + " | its least |",
        "|---" * (2 + len(goals)) + "|",
    ]
    for method in dict.fromkeys(row["method"] for row in rows):
        best = min(
            (row for row in rows if row["method"] == method),
            key=lambda row: float(row["withheld_error"]),
        )
        cells = [_cell(first_below(rows, method, goal)) for goal in goals]
        cells.append(f"{float(best['withheld_error']):.4f} in {_cell(best)}")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return "never"
    return f"{float(row['cpu_seconds']):.2g} s ({row['iterations']})"


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
