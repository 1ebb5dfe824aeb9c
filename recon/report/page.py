"""Finished runs -> one self-contained ``report.html`` and one ``report.csv``: numbers, slices,
spectra, and what they prove."""

from __future__ import annotations

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
from recon.report.data import Run, flatten, load_runs, references
from recon.report.pictures import pictures
from recon.report.plots import colour_of, crowther, plots
from recon.report.restored import restorations
from recon.report.table import COLUMNS, CSV_ONLY, cell_text, column_names, is_best, table_csv
from recon.report.verdict import verdict_paragraphs

TEMPLATES = Path(__file__).parent / "templates"


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
            Run(name, Path(name), failure=sentence or "no reason was given")
            for name, sentence in (failures or {}).items()
        ]
        with replacing(folder / "report.csv") as temporary:
            temporary.write_text(table_csv(found), "utf-8", "replace")
        page = _page(found)
    with replacing(folder / "report.html") as temporary:
        temporary.write_text(page, "utf-8", "replace")
    return folder / "report.html"


def template(name: str) -> jinja2.Template:
    """Of a page; what is put into it is escaped, and what is missing is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,  # file names can contain anything
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _page(runs: Sequence[Run]) -> str:
    done = [run for run in runs if not run.failure]
    first = done[0] if done else None
    shown, notes = pictures(done)
    warned = _warnings(done)
    columns = [
        c for c in column_names(done) if c not in CSV_ONLY and any(c in run.numbers for run in done)
    ]
    return template("report.html").render(
        title=first.record.name if first else "no finished run",
        facts=_facts(first) if first else [],
        made=time.strftime("%Y-%m-%d %H:%M"),
        verdict=verdict_paragraphs(runs),
        columns=[(c, *COLUMNS.get(c, (c.replace("_", " "), "", 0))[:2]) for c in columns],
        rows=[
            {
                "label": run.label,
                "colour": colour_of(done.index(run)) if run in done else "",
                "folder": run.folder.name,
                "failure": run.failure,
                "cells": [
                    (cell_text(c, run.numbers.get(c)), is_best(c, run, done)) for c in columns
                ],
            }
            for run in runs
        ],
        references=[
            {
                "label": name,
                "colour": colour_of(len(done) + k),
                "cells": [cell_text(c, error if c == "withheld" else None) for c in columns],
            }
            for k, (name, (_, error)) in enumerate(references(done).items())
        ],
        warnings=warned,
        sampled=sorted(
            {run.record.trust.rows for run in done if run.record.trust.rows is not None}
        ),
        binned=sorted({run.record.trust.withheld_bin or 1 for run in done} - {1}),
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
        restorations=restorations(done),
        differing=_differing(done),
        configurations=[_configuration(run) for run in done],
        data={**shown, "plots": plots(done)},
    )


def _configuration(run: Run) -> dict[str, object]:
    record = run.record
    return {
        "label": run.label,
        "folder": str(run.folder),
        "command": shlex.join(record.command),
        "config": json.dumps(record.config, indent=2, ensure_ascii=False),
        "settled": {**record.options, **record.settled},
        "analysis": record.analysis,
        "history": record.history,
        "versions": record.versions,
        "machine": record.machine,
    }


def _facts(run: Run) -> list[str]:
    """The line under the title: views, tilts, voxels."""
    angles, shape, voxel = run.angles_deg, run.record.shape_zyx, run.record.voxel_nm
    facts = []
    if angles.size and np.isfinite(angles).any():
        facts.append(f"{angles.size} views, {np.nanmin(angles):.4g}° to {np.nanmax(angles):.4g}°")
    if shape is not None:
        facts.append(f"{size(shape)} voxels (z, y, x)")
    facts.append("voxel size unknown" if voxel is None else f"voxel {voxel:.4g} nm")
    if (limit := crowther(run)) is not None:
        unit = f"{1 / limit:.3g} voxels" if voxel is None else f"{voxel / limit:.3g} nm"
        facts.append(f"Crowther limit πD/N {unit}, D the whole width")
    return facts


def _warnings(runs: Sequence[Run]) -> list[str]:
    """What the runs warned of, each sentence once, with the runs that said it unless all did."""
    said: dict[str, list[str]] = {}
    for run in runs:
        for sentence in dict.fromkeys(run.record.warnings):
            said.setdefault(sentence, []).append(run.label)
    return [
        sentence if len(who) == len(runs) else f"{', '.join(who)}: {sentence}"
        for sentence, who in said.items()
    ]


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Configuration keys that more than one run has and that are not the same in all, with the
    value of each."""
    flat = [flatten(run.record.config) for run in runs]
    keys = dict.fromkeys(
        k for f in flat for k in f if k.rsplit(".", 1)[-1] not in ("_partial_", "output")
    )
    rows = {k: ["–" if k not in f else str(f[k]) for f in flat] for k in keys}
    return {
        k: values
        for k, values in rows.items()
        if len(set(values)) > 1 and sum(k in f for f in flat) > 1
    }
