"""The report's account of the alignment: numbers, plots, pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import numpy as np

from recon.report.data import Run, number
from recon.report.plots import COLOURS, line


def alignments(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Each different alignment once, with the runs that share it, its numbers and its plots."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = json.dumps(
            [run.record.get(k) for k in ("axis_deg", "shifts_px", "angles_deg")], default=str
        )
        groups.setdefault(key, []).append(run)
    return [_alignment(group) for group in list(groups.values())[:4]]


def _alignment(group: Sequence[Run]) -> dict[str, object]:
    run = group[0]
    angles, shifts = run.series("angles_deg"), run.record.get("shifts_px")
    order = np.argsort(angles)
    pairs = (
        [s for s in shifts if isinstance(s, list) and len(s) == 2]
        if isinstance(shifts, list)
        else []
    )
    facts = run.dictionary("facts").get("align")
    facts = facts if isinstance(facts, dict) else {}
    axis = number(run.record.get("axis_deg"))
    numbers = [] if axis is None else [("tilt axis", f"{axis:.2f}° from the detector's +y")]
    plots: list[dict[str, object]] = []
    if len(pairs) == angles.size > 1:
        dy, dx = (np.array([number(p[k]) or 0.0 for p in pairs]) for k in (0, 1))
        numbers.append(("largest shift", f"{np.abs([dy, dx]).max():.3g} px"))
        drawn = [
            line("dx, across the axis", COLOURS[0], angles[order], dx[order]),
            line("dy, along the axis", COLOURS[1], angles[order], dy[order]),
        ]
        plots.append(
            {"title": "Shift of each view", "x": "tilt / deg", "y": "shift / px", "lines": drawn}
        )
    errors = facts.get("error_px_per_view")
    if isinstance(errors, list) and len(errors) == angles.size > 1:
        values = np.array([np.nan if (v := number(e)) is None else v for e in errors])
        distance = line("distance from reprojection", COLOURS[2], angles[order], values[order])
        plots.append(
            {
                "title": "Mismatch with the reprojection",
                "x": "tilt / deg",
                "y": "distance / px",
                "lines": [distance],
            }
        )
        numbers.append(
            (
                "mismatch, rms",
                f"{np.sqrt(np.nanmean(values**2)):.2g} px" if np.isfinite(values).any() else "–",
            )
        )
    if facts.get("method") == "fiducial":
        plots += _fiducial_plots(facts, angles, order)
        numbers += _fiducial_numbers(facts)
    names = {
        "axis_error_deg": ("axis, against the truth", "°"),
        "shift_error_px_rms": ("shifts, against the truth, rms", " px"),
    }
    for key, value in run.dictionary("against_truth").items():
        what, unit = names.get(key, (key.replace("_", " "), ""))
        numbers.append(
            (what, f"{found:.3g}{unit}" if (found := number(value)) is not None else str(value))
        )
    return {
        "labels": [r.label for r in group],
        "numbers": numbers,
        "plots": plots,
        "pictures": _stored_pictures(run),
        "warning": str(facts.get("warning", "")),
    }


def _fiducial_numbers(facts: dict[str, object]) -> list[tuple[str, str]]:
    """Beads, trajectories and residuals, as far as the run recorded them."""
    named = (
        ("n_beads", "beads followed", "g", ""),
        ("views_per_bead", "views per bead, mean", ".1f", ""),
        ("before_px", "beads off the nominal geometry, mean", ".3g", " px"),
        ("residual_px", "residual, mean", ".3f", " px"),
        ("leave_out_px", "residual left out, mean", ".3f", " px"),
        ("axis_error_deg", "error bar of the tilt axis", ".3f", "°"),
    )
    return [
        (what, f"{value:{form}}{unit}")
        for key, what, form, unit in named
        if (value := number(facts.get(key))) is not None
    ]


def _fiducial_plots(
    facts: dict[str, object], angles: np.ndarray, order: np.ndarray
) -> list[dict[str, object]]:
    """Residuals by view and by bead, and what was solved for in every view, with its error bars."""
    plots: list[dict[str, object]] = []

    def per_view(title: str, y: str, *named: tuple[str, np.ndarray]) -> None:
        if angles.size > 1 and all(values.size == angles.size for _, values in named):
            lines = [
                line(name, COLOURS[(2 + k) % len(COLOURS)], angles[order], v[order])
                for k, (name, v) in enumerate(named)
            ]
            plots.append({"title": title, "x": "tilt / deg", "y": y, "lines": lines})

    per_view(
        "Residual of the beads in each view",
        "residual / px",
        ("mean residual", _numbers(facts, "residual_px_per_view")),
    )
    beads = _numbers(facts, "residual_px_per_bead")
    beads = np.sort(beads[np.isfinite(beads)])[::-1]
    if beads.size > 1:
        drawn = line("mean residual", COLOURS[2], np.arange(1.0, beads.size + 1), beads)
        plots.append(
            {
                "title": "Residual of each bead",
                "x": "bead, the worst first",
                "y": "residual / px",
                "lines": [drawn],
            }
        )
    change, error = _numbers(facts, "tilt_change_deg"), _numbers(facts, "tilt_error_deg")
    if change.size == error.size:
        named = (
            ("solved minus nominal", change),
            ("+ standard deviation", change + error),
            ("- standard deviation", change - error),
        )
        per_view("Tilt of each view", "change / deg", *named)
    rotation = _numbers(facts, "rotation_deg")
    per_view(
        "Rotation of each view",
        "rotation less its mean / deg",
        ("rotation", rotation - rotation.mean() if rotation.size else rotation),
    )
    per_view(
        "Magnification of each view",
        "change / %",
        ("magnification", 100 * (_numbers(facts, "magnification") - 1)),
    )
    return plots


def _numbers(facts: dict[str, object], key: str) -> np.ndarray:
    """A list of numbers of the record, NaN where there is none."""
    values = facts.get(key)
    return np.array(
        [np.nan if (v := number(e)) is None else v for e in values]
        if isinstance(values, list)
        else [],
        np.float64,
    )


def _stored_pictures(run: Run) -> list[tuple[str, str]]:
    """(what it shows, data URI) of the pictures that the run left beside its tomogram."""
    named = {
        "preview.png": "Sections, and one row of the stack before and after the alignment",
        "fiducials.png": "Beads through the views, and their residuals",
    }
    there = [
        (title, run.folder / name) for name, title in named.items() if (run.folder / name).exists()
    ]
    return [
        (title, "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode())
        for title, path in there
    ]
