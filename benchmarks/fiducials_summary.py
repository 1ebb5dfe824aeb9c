"""The README's table of bead detection and alignment, from ``benchmarks/fiducials.csv``: ``python -m benchmarks.fiducials_summary``."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.quality_summary import README

TABLE = Path(__file__).with_name("fiducials.csv")
BEGIN, END = "<!-- beads -->\n", "<!-- /beads -->"
Row = dict[str, str]


def table(rows: list[Row]) -> str:
    lines = [
        "| views | network | classical score | tracks | residual | shifts, rms | axis | tilts, rms | processor |",
        "|---" * 9 + "|",
    ]
    for network, plain in zip(rows[::2], rows[1::2], strict=True):
        assert (network["classifier"], plain["classifier"], network["case"]) == ("network", "none", plain["case"])
        cells = [
            network["case"],
            *(_f1(row, "spots") for row in (network, plain)),
            _f1(network, "tracks"),
            f"{float(network['residual_px']):.2f} px",
            f"{float(network['shift_error_px']):.2f} px",
            f"{float(network['axis_error_deg']):.3f}°",
            f"{float(network['tilt_error_deg']):.3f}°",
            f"{float(network['cpu_seconds']):.0f} s",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _f1(row: Row, name: str) -> str:
    return f"{float(row[f'{name}_f1']):.3f} / {float(row[f'{name}_f1_above_50_deg']):.3f}"


def read() -> list[Row]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    before, rest = README.read_text("utf-8").split(BEGIN)
    README.write_text(before + BEGIN + table(read()) + END + rest.split(END)[1], "utf-8")


if __name__ == "__main__":
    main()
