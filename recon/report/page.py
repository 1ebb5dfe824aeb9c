"""Finished runs -> one self-contained ``report.html`` and one ``report.csv``: numbers, slices,
spectra, and what they prove."""

from __future__ import annotations

import csv
import io
import json
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
import numpy as np

from recon.io.atomic import replacing, write_error
from recon.io.mrc.planes import size
from recon.progress import track
from recon.report.alignment import alignments
from recon.report.data import Run, flatten, load_runs, number, references
from recon.report.pictures import pictures
from recon.report.plots import colour_of, crowther, plots
from recon.report.verdict import verdict

TEMPLATES = Path(__file__).parent / "templates"

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


def write_report(
    folder: Path, runs: Sequence[Path], failures: Mapping[str, str] | None = None
) -> Path:
    """Write ``report.html`` and ``report.csv`` to ``folder`` and return the path of the page.

    ``runs``: folders with ``run.json`` and ``tomogram.mrc``, and ``truth.mrc`` where it is known;
    the first is what differences are taken from. ``failures``: runs that failed, by name, each with
    its sentence. A run that cannot be read becomes a failed row. Raises ``UserError`` when the
    files cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    with track("writing the report", 3) as phase:
        found = load_runs(runs)
        phase.advance()  # the scores against the truth take a third of the time
        found += [
            Run(name, Path(name), {}, sentence or "no reason was given")
            for name, sentence in (failures or {}).items()
        ]
        with replacing(folder / "report.csv") as temporary:
            temporary.write_text(_table_csv(found), "utf-8")
        page = _page(found)
    with replacing(folder / "report.html") as temporary:
        temporary.write_text(page, "utf-8")
    return folder / "report.html"


def _columns(runs: Sequence[Run]) -> list[str]:
    """The known columns in their order, then whatever else the runs' trust scores hold."""
    return list(dict.fromkeys([*COLUMNS, *(key for run in runs for key in run.numbers)]))


def _table_csv(runs: Sequence[Run]) -> str:
    columns = _columns(runs)
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


def _page(runs: Sequence[Run]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,  # file names can contain anything
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    done = [run for run in runs if not run.failure]
    first = done[0] if done else None
    name = str(first.record.get("name", "series")) if first else "no finished run"
    shown, notes = pictures(done)
    warned = _warnings(done)
    columns = [
        c for c in _columns(done) if c not in CSV_ONLY and any(c in run.numbers for run in done)
    ]
    return environment.get_template("report.html").render(
        title=name,
        facts=_facts(first) if first else [],
        made=time.strftime("%Y-%m-%d %H:%M"),
        verdict=verdict(runs),
        columns=[(c, *COLUMNS.get(c, (c.replace("_", " "), "", 0))[:2]) for c in columns],
        rows=[
            {
                "label": run.label,
                "colour": colour_of(done.index(run)) if run in done else "",
                "folder": run.folder.name,
                "failure": run.failure,
                "cells": [(_text(c, run.numbers.get(c)), _is_best(c, run, done)) for c in columns],
            }
            for run in runs
        ],
        references=[
            {
                "label": name,
                "colour": colour_of(len(done) + k),
                "cells": [_text(c, error if c == "withheld" else None) for c in columns],
            }
            for k, (name, (_, error)) in enumerate(references(done).items())
        ],
        warnings=warned,
        sampled=sorted(
            {
                int(rows)
                for run in done
                if (rows := number(run.dictionary("trust").get("rows"))) is not None
            }
        ),
        notes=[*notes, *(f"{run.label}: {note}" for run in done for note in run.notes)],
        several=len(done) > 1,
        alignments=[
            a
            | {
                "warning": ""
                if any(w.endswith(str(a["warning"])) for w in warned)
                else a["warning"]
            }
            for a in alignments(done)
        ],
        differing=_differing(done),
        configurations=[
            {
                "label": run.label,
                "folder": str(run.folder),
                "command": shlex.join(str(w) for w in command)
                if isinstance(command := run.record.get("command"), list)
                else "",
                "config": json.dumps(
                    run.record.get("config", {}), indent=2, ensure_ascii=False, default=str
                ),
                "settled": {**run.dictionary("options"), **run.dictionary("settled")},
                "analysis": run.dictionary("analysis"),
                "history": history
                if isinstance(history := run.record.get("history"), list)
                else [],
                "versions": run.dictionary("versions"),
                "machine": str(run.record.get("machine", "")),
            }
            for run in done
        ],
        data={**shown, "plots": plots(done)},
    )


def _facts(run: Run) -> list[str]:
    """The line under the title: views, tilts, voxels."""
    angles, shape = run.series("angles_deg"), run.series("shape_zyx")
    facts = []
    if angles.size and np.isfinite(angles).any():
        facts.append(f"{angles.size} views, {np.nanmin(angles):.4g}° to {np.nanmax(angles):.4g}°")
    if shape.size == 3 and np.isfinite(shape).all():
        facts.append(f"{size([int(n) for n in shape])} voxels (z, y, x)")
    voxel = number(run.record.get("voxel_nm"))
    facts.append("voxel size unknown" if voxel is None else f"voxel {voxel:.4g} nm")
    if (limit := crowther(run)) is not None:
        unit = f"{1 / limit:.3g} voxels" if voxel is None else f"{voxel / limit:.3g} nm"
        facts.append(f"Crowther limit πD/N {unit}, D the whole width")
    return facts


def _warnings(runs: Sequence[Run]) -> list[str]:
    """What the runs warned of, each sentence once, with the runs that said it unless all did."""
    said: dict[str, list[str]] = {}
    for run in runs:
        found = run.record.get("warnings")
        for sentence in dict.fromkeys(str(w) for w in found) if isinstance(found, list) else ():
            said.setdefault(sentence, []).append(run.label)
    return [
        sentence if len(who) == len(runs) else f"{', '.join(who)}: {sentence}"
        for sentence, who in said.items()
    ]


def _text(column: str, value: float | None) -> str:
    if value is None:
        return "–"
    if column.endswith("_fraction"):
        return f"{100 * value:.3g} %"
    if "fsc" in column:  # the last shell: it never falls
        return "≥ 0.5" if value > 0.499 else f"{value:.3f}"
    digits = {"psnr_db": 2, "ssim": 3, "seconds": 1, "peak_memory_gb": 2, "residual_over_noise": 2}
    return f"{value:.{digits[column]}f}" if column in digits else f"{value:.4g}"


def _is_best(column: str, run: Run, runs: Sequence[Run]) -> bool:
    better = COLUMNS.get(column, ("", "", 0))[2]
    values = [better * r.numbers[column] for r in runs if column in r.numbers]
    return (
        better != 0
        and len(values) > 1
        and column in run.numbers
        and better * run.numbers[column] == max(values)
    )


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Configuration keys that more than one run has and that are not the same in all, with the
    value of each."""
    flat = [flatten(run.dictionary("config")) for run in runs]
    keys = dict.fromkeys(
        k for f in flat for k in f if k.rsplit(".", 1)[-1] not in ("_partial_", "output")
    )
    rows = {k: ["–" if k not in f else str(f[k]) for f in flat] for k in keys}
    return {
        k: values
        for k, values in rows.items()
        if len(set(values)) > 1 and sum(k in f for f in flat) > 1
    }
