"""The README's tables of projectors, from ``benchmarks/projectors.csv``: ``python -m
benchmarks.projectors_summary``."""

from __future__ import annotations

from benchmarks.peers.job import OPERATIONS, SIRT
from benchmarks.projectors import TABLE
from benchmarks.quality_summary import put
from benchmarks.rows import Row, read

BEGIN, END = "<!-- projectors -->\n", "<!-- /projectors -->"
TITLES = {
    "astra_linear": "ASTRA CPU linear",
    "astra_strip": "ASTRA CPU strip",
    "skimage": "scikit-image",
    "finufft": "FINUFFT",
    "csr_scipy": "CSR, SciPy",
    "csr_torch": "CSR, torch",
    "tomopy": "TomoPy",
    "mbirjax": "mbirjax",
}
NAMES = {"wbp": "WBP", SIRT: "50 SIRT iterations"}


def table(rows: list[Row]) -> str:
    return "\n".join(
        of_size([row for row in rows if row["n"] == n]) for n in dict.fromkeys(r["n"] for r in rows)
    )


def of_size(rows: list[Row]) -> str:
    """Ours in seconds, each other as so many times ours."""
    others = [name for name in TITLES if any(row["backend"] == name for row in rows)]
    n, slab = rows[0]["n"], rows[0]["rows"]
    lines = [
        " | ".join([f"| {slab} rows of {n} x {n}", "native", *(TITLES[name] for name in others)])
        + " |",
        "|---" * (2 + len(others)) + "|",
    ]
    for operation in OPERATIONS:
        found = {row["backend"]: row for row in rows if row["operation"] == operation}
        if not found:
            continue
        native = found["native"]
        cells = [f"{float(native['cpu_seconds']):.3g} s{_quality(native)}"]
        cells += [
            f"{found[name]['times_native']} x{_quality(found[name])}" if name in found else ""
            for name in others
        ]
        lines.append(" | ".join([f"| {NAMES.get(operation, operation)}", *cells]) + " |")
    return "\n".join(lines) + "\n"


def _quality(row: Row) -> str:
    return f", {float(row['psnr_db']):.2f} dB" if row["psnr_db"] else ""


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
