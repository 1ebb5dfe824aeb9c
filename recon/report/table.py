"""The report's table: what its columns mean, its cells, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from recon.report.data import Run, references

# column: (heading, what it means, which is better: -1 less, 1 more, 0 neither)
COLUMNS = {
    "withheld": (
        "withheld views",
        "relative error on views left out of the reconstruction and predicted by it",
        -1,
    ),
    "residual": ("residual", "|y - Ax| / |y| on the views used", 0),
    "residual_over_noise": (
        "residual / noise",
        "1: only noise is left; above: structure is left; below: noise was fitted",
        0,
    ),
    "psnr_db": ("PSNR, dB", "against the truth; peak: the range of the truth", 1),
    "ssim": ("SSIM", "structural similarity with the truth, over xz slices", 1),
    "nrmse": ("NRMSE", "|volume - truth| / |truth|", -1),
    "fsc_0.5": (
        "truth FSC 0.5",
        "cycles per voxel up to which the Fourier shell correlation with the truth stays above 0.5",
        1,
    ),
    "fsc_0.143": ("truth FSC 0.143", "the same at a correlation of 0.143", 1),
    "invented_fraction": (
        "in the wedge",
        "share of the volume's energy in directions that no view measured",
        0,
    ),
    "changed_measured_fraction": (
        "measured, changed",
        "by how much the measured part of the spectrum was changed, relative",
        0,
    ),
    "even_odd_fsc_crossing.0.5": (
        "even/odd FSC 0.5",
        "cycles per voxel up to which even and odd views alone agree; smoothing raises it too",
        0,
    ),
    "even_odd_fsc_crossing.0.143": ("even/odd FSC 0.143", "the same at a correlation of 0.143", 0),
    "seconds": ("seconds", "wall clock of the whole run", 0),
    "peak_memory_gb": (
        "memory, GB",
        "largest resident memory of the process up to the end of this run",
        0,
    ),
}
CSV_ONLY = (
    "noise_share_of_data",
    "fsc_0.143",
    "even_odd_fsc_crossing.0.143",
)  # the page plots the curves


def column_names(runs: Sequence[Run]) -> list[str]:
    """The known columns in their order, then whatever else the runs have numbers of."""
    return list(dict.fromkeys([*COLUMNS, *(key for run in runs for key in run.numbers)]))


def table_csv(runs: Sequence[Run]) -> str:
    columns = column_names(runs)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "folder", "status", *columns, "failure"])
    for run in runs:
        status = "failed" if run.failure else "done"
        writer.writerow(
            [
                run.label,
                run.folder.name,
                status,
                *(run.numbers.get(c, "") for c in columns),
                run.failure,
            ]
        )
    for name, (_, error) in references([run for run in runs if not run.failure]).items():
        writer.writerow(
            [name, "", "reference", *(error if c == "withheld" else "" for c in columns), ""]
        )
    return text.getvalue()


def cell_text(column: str, value: float | None) -> str:
    if value is None:
        return "–"
    if column.endswith("_fraction"):
        return f"{100 * value:.3g} %"
    if "fsc" in column:  # the last shell: it never falls
        return "≥ 0.5" if value > 0.499 else f"{value:.3f}"
    digits = {"psnr_db": 2, "ssim": 3, "seconds": 1, "peak_memory_gb": 2, "residual_over_noise": 2}
    return f"{value:.{digits[column]}f}" if column in digits else f"{value:.4g}"


def is_best(column: str, run: Run, runs: Sequence[Run]) -> bool:
    better = COLUMNS.get(column, ("", "", 0))[2]
    values = [better * r.numbers[column] for r in runs if column in r.numbers]
    return (
        better != 0
        and len(values) > 1
        and column in run.numbers
        and better * run.numbers[column] == max(values)
    )
