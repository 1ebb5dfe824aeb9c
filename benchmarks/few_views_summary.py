"""The README's table of few views, from ``benchmarks/few_views.csv``: ``python -m
benchmarks.few_views_summary``. A cell is the mean over the seeds; a gain is over TV, with its
worst."""

from __future__ import annotations

from benchmarks.few_views import COUNTS, FAMILIES, TABLE, VIEWS
from benchmarks.quality_summary import put
from benchmarks.rows import Row, read

BEGIN, END = "<!-- few views -->\n", "<!-- /few views -->"


def table(rows: list[Row]) -> str:
    lines = [
        "| views, counts in the brightest pixel | wbp | sirt | tv | dip: gain (worst) |",
        "|---" * 5 + "|",
    ]
    for family in FAMILIES:
        for views in VIEWS:
            for counts in COUNTS:
                case = (family, views, f"{counts:g}")
                mine = [r for r in rows if (r["family"], r["views"], r["counts"]) == case]
                if mine:
                    name = f"{family.replace('_', ' ')}, {views}, {counts:g}"
                    lines.append(f"| {name} | " + " | ".join(_cells(mine)) + " |")
    return "\n".join(lines) + "\n"


def _cells(rows: list[Row]) -> list[str]:
    found = {(r["method"], r["seed"]): float(r["psnr_db"]) for r in rows}
    seeds = sorted({seed for _, seed in found})
    means = {m: sum(found[m, s] for s in seeds) / len(seeds) for m in ("wbp", "sirt", "tv", "dip")}
    gains = [found["dip", s] - found["tv", s] for s in seeds]
    cells = [f"{means[m]:.1f}" for m in ("wbp", "sirt", "tv")]
    gain = sum(gains) / len(gains)
    return [*cells, f"{means['dip']:.1f}: {gain:+.2f} ({min(gains):+.2f})"]


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
