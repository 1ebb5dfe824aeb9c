"""Several series of one command -> one self-contained ``overview.html`` and ``overview.csv``: a row
each, in the order given. Different specimens are never ranked."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from recon.errors import UserError
from recon.io.atomic import replacing, write_error
from recon.io.mrc.planes import read_header, read_rows, shrink
from recon.report.data import Run, load_runs
from recon.report.page import template
from recon.report.pictures import LOSSLESS, encode
from recon.report.table import cell_text
from recon.run.folder import OVERVIEW

SIDE = 128  # pixels of a picture, at most
COLUMNS = (
    "series", "run", "folder", "status", "input", "views", "tilt_from_deg", "tilt_to_deg",
    "axis_deg", "residual", "withheld", "seconds", "warnings", "first_warning", "failure",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One run of one series. ``run``: what it differs in from the others of its series, or "".

    ``page``: the series' report, which may be missing. ``failure``: its sentence, or "".
    ``begun``: whether the command got to it.
    """

    series: str
    run: str
    source: str
    folder: Path
    page: Path
    failure: str = ""
    begun: bool = True


def write_overview(folder: Path, rows: Sequence[Row]) -> Path:
    """Write both files to ``folder`` and return the path of the page. Raises ``UserError`` when
    they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    found = [_load(row) for row in rows]
    with replacing(folder / OVERVIEW[1]) as temporary:
        temporary.write_text(_csv(folder, rows, found), "utf-8", "replace")
    with replacing(folder / OVERVIEW[0]) as temporary:
        temporary.write_text(_page(folder, rows, found), "utf-8", "replace")
    return folder / OVERVIEW[0]


def _load(row: Row) -> Run | None:
    """What the run left; None where it has not finished."""
    if row.failure:
        return Run(row.series, row.folder, failure=row.failure)
    return load_runs([row.folder])[0] if row.begun else None


def _status(run: Run | None) -> str:
    return "waiting" if run is None else "failed" if run.failure else "done"


def _csv(folder: Path, rows: Sequence[Row], found: Sequence[Run | None]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, run in zip(rows, found, strict=True):
        head = [row.series, row.run, _relative(row.folder, folder), _status(run), row.source]
        if run is None or run.failure:
            empty = [""] * (len(COLUMNS) - len(head) - 1)
            writer.writerow([*head, *empty, "" if run is None else run.failure])
            continue
        low, high = _tilts(run)
        warnings = run.record.warnings
        writer.writerow(
            [
                *head,
                run.angles_deg.size,
                *("" if value is None else value for value in (low, high, run.record.axis_deg)),
                *(run.numbers.get(name, "") for name in ("residual", "withheld", "seconds")),
                len(warnings),
                warnings[0] if warnings else "",
                "",
            ]
        )
    return text.getvalue()


def _page(folder: Path, rows: Sequence[Row], found: Sequence[Run | None]) -> str:
    states = [_status(run) for run in found]
    names = list(dict.fromkeys(row.series for row in rows))
    return template("overview.html").render(
        title=f"{len(names)} series",
        folder=str(folder),
        made=time.strftime("%Y-%m-%d %H:%M"),
        headline=_headline(len(names), states),
        methods=any(row.run for row in rows),
        rows=[_cells(folder, row, run) for row, run in zip(rows, found, strict=True)],
    )


def _headline(series: int, states: Sequence[str]) -> str:
    runs = f", {len(states)} runs" if len(states) != series else ""
    counts = [
        f"{states.count(state)} {word}"
        for state, word in (("done", "finished"), ("failed", "failed"), ("waiting", "to come"))
        if states.count(state) or state == "done"
    ]
    return f"{series} series{runs}: {', '.join(counts)}"


def _cells(folder: Path, row: Row, run: Run | None) -> dict[str, object]:
    cells: dict[str, object] = {
        "series": row.series,
        "run": row.run,
        "source": row.source,
        "status": _status(run),
        "failure": "" if run is None else run.failure,
        "link": quote(_relative(row.page, folder)) if row.page.exists() else "",
    }
    if run is None or run.failure:
        return cells
    low, high = _tilts(run)
    warnings, axis = run.record.warnings, run.record.axis_deg
    picture, what = _picture(run)
    return cells | {
        "picture": picture,
        "what": what,
        "views": str(run.angles_deg.size),
        "tilts": "–" if low is None else f"{low:.4g}° to {high:.4g}°",
        "axis": "–" if axis is None else f"{axis:.2f}°",
        "numbers": [cell_text(c, run.numbers.get(c)) for c in ("residual", "withheld", "seconds")],
        "n_warnings": len(warnings),
        "warning": warnings[0] if warnings else "",
    }


def _tilts(run: Run) -> tuple[float, float] | tuple[None, None]:
    """The lowest and the highest tilt, in degrees."""
    angles = run.angles_deg[np.isfinite(run.angles_deg)]
    return (float(angles.min()), float(angles.max())) if angles.size else (None, None)


def _picture(run: Run) -> tuple[str, str]:
    """(data URI of the middle xz slice in its own grey range, what it is); empty where the volume
    cannot be read."""
    path = run.folder / "tomogram.mrc"
    try:
        y = read_header(path).shape[1] // 2
        image = read_rows(path, y, 1)[:, 0]
    except (OSError, UserError):
        return "", "no picture: tomogram.mrc cannot be read"
    # Square blocks: a slice keeps its shape.
    block = max(1, -(-max(image.shape) // SIDE))
    image = shrink(image, *(min(block, n) for n in image.shape))
    black, white = (float(v) for v in np.quantile(image, (0.005, 0.998)))
    grey = 255 * np.clip((image - black) / max(white - black, 1e-30), 0, 1)
    return encode(np.rint(grey).astype(np.uint8), LOSSLESS), f"xz slice at y = {y}"


def _relative(path: Path, folder: Path) -> str:
    """As a link in ``folder`` has it."""
    return Path(os.path.relpath(path, folder)).as_posix()
