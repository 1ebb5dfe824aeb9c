"""The README's table of learned methods beside TV, from ``benchmarks/quality.csv``: ``python -m
benchmarks.quality_summary``.

Writes it between the marks of ``README.md``. A gain is over TV with its automatic weight on the
same case; the last of a cell's numbers is the mean error on withheld views over TV's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.quality import TABLE
from benchmarks.rows import Row, read

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- quality -->\n", "<!-- /quality -->"
LEARNED = ("irdm", "primal_dual", "irdm2020")
HELD_OUT = (
    "porous_silica",
    "quantum_dot",
    "block_copolymer",
)  # of configs/train.yaml, as far as they are in the table

SETS: dict[str, Callable[[Row], bool]] = {
    "3-D, families of the training": lambda r: (
        r["benchmark"] == "3D" and not r["case"].startswith(HELD_OUT)
    ),
    "3-D, families never seen: porous silica, quantum dots, lamellae": lambda r: (
        r["benchmark"] == "3D" and r["case"].startswith(HELD_OUT)
    ),
    "B2, phantom face": lambda r: r["benchmark"] == "B2",
    "B3, Shepp-Logan": lambda r: r["benchmark"] == "B3",
    "B4, polygons without noise": lambda r: r["benchmark"] == "B4",
    "B4n, noisy and misaligned pictures": lambda r: r["benchmark"] == "B4n",
}


def gains(rows: list[Row], method: str) -> tuple[np.ndarray, np.ndarray]:
    """((case, 3) PSNR, SSIM and withheld error of ``method``, the same of TV) on the cases that
    have both."""
    numbers = {
        (r["case"], r["method"]): [float(r[c]) for c in ("psnr_db", "ssim", "withheld")]
        for r in rows
    }
    both = [case for case, name in numbers if name == method and (case, "tv") in numbers]
    return np.array([numbers[c, method] for c in both]), np.array([numbers[c, "tv"] for c in both])


def table(rows: list[Row]) -> str:
    lines = [
        "| set (cases) | TV, dB / SSIM | "
        + " | ".join(f"{m}, dB / SSIM: gain, mean (worst); withheld" for m in LEARNED)
        + " |",
        "|---" * (2 + len(LEARNED)) + "|",
    ]
    for name, belongs in SETS.items():
        mine = [row for row in rows if belongs(row)]
        tv = np.array(
            [[float(r["psnr_db"]), float(r["ssim"])] for r in mine if r["method"] == "tv"]
        )
        cells = [f"{name} ({len(tv)})", "{:.2f} / {:.3f}".format(*tv.mean(0))]
        for method in LEARNED:
            found, beside = gains(mine, method)
            if len(found) == 0:
                cells.append("not run")
                continue
            gain = found[:, 0] - beside[:, 0]
            ratio = float((found[:, 2] / beside[:, 2]).mean())
            said = (
                f"{found[:, 0].mean():.2f} / {found[:, 1].mean():.3f}: {gain.mean():+.2f} "
                f"({gain.min():+.2f}) dB; {ratio:.3f}"
            )
            cells.append(said if len(found) == len(tv) else f"{said} ({len(found)} cases)")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def put(begin: str, text: str, end: str) -> None:
    """``text`` in the README, between two marks."""
    before, rest = README.read_text("utf-8").split(begin)
    README.write_text(before + begin + text + end + rest.split(end)[1], "utf-8")


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
