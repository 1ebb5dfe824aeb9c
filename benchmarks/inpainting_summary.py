"""The README's table of ``benchmarks/inpainting.csv``: ``python -m benchmarks.inpainting_summary``."""

from __future__ import annotations

import numpy as np

from benchmarks.inpainting import COUNTS, METHODS, SEEDS, SEEN, TABLE, UNSEEN, Row, read
from benchmarks.quality_summary import put

BEGIN, END = "<!-- inpainting -->\n", "<!-- /inpainting -->"
NAMES = {
    "wbp": "WBP",
    "sirt": "SIRT",
    "tv": "TV",
    "irdm": "irdm",
    "inpainted_sirt_equal": "inpainted, SIRT, all views alike",
    "inpainted_wbp": "inpainted, WBP",
    "inpainted_sirt": "inpainted, SIRT, by confidence",
    "inpainted_tv": "inpainted, TV, by confidence",
    "sirt_all_measured": "SIRT, all 128 views measured",
}


def table(rows: list[Row]) -> str:
    """PSNR, mean and standard deviation over the seeds, of every method and family."""
    lines = []
    for counts in COUNTS:
        mine = [row for row in rows if row["counts"] == counts]
        families = [f for f in (*SEEN, *UNSEEN) if any(row["family"] == f for row in mine)]
        if not mine:
            continue
        title = f"{counts} counts in the brightest pixel" if counts != "0" else "without noise"
        heads = [f if f in SEEN else f"{f} (never seen)" for f in families]
        lines += ["", f"| {title}; dB | " + " | ".join(heads) + " |"]
        lines.append("|---" * (1 + len(families)) + "|")
        for method in (m for m in METHODS if any(row["method"] == m for row in mine)):
            cells = [NAMES[method]]
            for family in families:
                found = [
                    float(r["psnr_db"])
                    for r in mine
                    if r["family"] == family and r["method"] == method
                ]
                spread = f" ± {np.std(found, ddof=1):.2f}" if len(found) > 1 else ""
                seeds = "" if len(found) == len(SEEDS) else f" ({len(found)} of {len(SEEDS)} seeds)"
                cells.append(f"{np.mean(found):.2f}{spread}{seeds}" if found else "not run")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines[1:]) + "\n"


if __name__ == "__main__":
    put(BEGIN, table(read(TABLE)), END)
