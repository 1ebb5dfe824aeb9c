"""The README's table of denoised views, from ``benchmarks/denoising.csv``: ``python -m
benchmarks.denoising_summary``.

A cell is the mean over three seeds, and half of what lies between the highest and the lowest. A gain is over the best of the four
classical denoisers on the very seed, each tuned by its truth. The
classical denoiser of a row is the best of the four for that case and that score, tuned by the truth.
"""

from __future__ import annotations

from benchmarks.denoising import COUNTS, FAMILIES, SEEDS, TABLE, TUNED
from benchmarks.quality_summary import put
from benchmarks.rows import Row, read

BEGIN, END = "<!-- denoising -->\n", "<!-- /denoising -->"
SCORES = {"views_db": "views, dB", "volume_db": "then SIRT, dB"}
OURS = ("unet", "noise2noise")


def table(rows: list[Row]) -> str:
    """Rows of a case that are not there yet are left out."""
    lines = [
        "| views | score | none | best classical, tuned | unet: gain (worst seed) | noise2noise: gain "
        "(worst seed) |",
        "|---" * 6 + "|",
    ]
    for family in FAMILIES:
        for counts in COUNTS:
            mine = [r for r in rows if r["family"] == family and r["counts"] == counts]
            for score, words in SCORES.items():
                cells = _cells(mine, score)
                if cells:
                    name = f"{family.replace('_', ' ')}, {counts}"
                    lines.append("| " + " | ".join([name, words, *cells]) + " |")
    return "\n".join(lines) + "\n"


def _cells(rows: list[Row], score: str) -> list[str]:
    found = {(r["method"], r["seed"]): float(r[score]) for r in rows}
    seeds = [s for s in SEEDS if all((m, s) in found for m in ("none", *TUNED))]
    if not seeds:
        return []
    means = {m: sum(found[m, s] for s in seeds) / len(seeds) for m in TUNED}
    best = max(means, key=means.__getitem__)
    cells = [_spread([found["none", s] for s in seeds])]
    cells.append(f"{_spread([found[best, s] for s in seeds])} ({best})")
    for method in OURS:
        there = [s for s in seeds if (method, s) in found]
        if not there:
            cells.append("not run")
            continue
        beside = [max(found[m, s] for m in TUNED) for s in there]
        gains = [found[method, s] - b for s, b in zip(there, beside, strict=True)]
        mean = sum(gains) / len(gains)
        cells.append(
            f"{_spread([found[method, s] for s in there])}: {mean:+.2f} ({min(gains):+.2f})"
        )
    return cells


def _spread(values: list[float]) -> str:
    return f"{sum(values) / len(values):.2f} ± {(max(values) - min(values)) / 2:.2f}"


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
