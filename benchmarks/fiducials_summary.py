"""The README's table of bead detection and alignment, from ``benchmarks/fiducials.csv``: ``python
-m benchmarks.fiducials_summary``."""

from __future__ import annotations

from benchmarks.fiducials import OUT as TABLE
from benchmarks.quality_summary import put
from benchmarks.rows import Row, read

BEGIN, END = "<!-- beads -->\n", "<!-- /beads -->"


def table(rows: list[Row]) -> str:
    lines = [
        "| views | network | classical score | tracks | residual | shifts, rms | axis | tilts, rms "
        "| processor |",
        "|---" * 9 + "|",
    ]
    for network, plain in zip(rows[::2], rows[1::2], strict=True):
        assert (network["classifier"], plain["classifier"], network["case"]) == (
            "network",
            "none",
            plain["case"],
        )
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


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
