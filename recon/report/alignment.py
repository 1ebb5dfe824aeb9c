"""The report's account of the alignment: numbers, plots, pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from recon.align.found import Alignment
from recon.report.data import Run
from recon.report.plots import COLOURS, line
from recon.section.words import say_section

PICTURES = {
    "preview.png": "Sections, and one row of the stack before and after the alignment",
    "fiducials.png": "Beads through the views, and their residuals",
}


def alignments(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Each different alignment once, with the runs that share it, its numbers and its plots."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        key = (run.record.axis_deg, run.record.shifts_px, run.record.angles_deg)
        groups.setdefault(key, []).append(run)
    return [_alignment(group) for group in list(groups.values())[:4]]


def _alignment(group: Sequence[Run]) -> dict[str, object]:
    run = group[0]
    record, found, angles = run.record, run.record.facts.align, run.angles_deg
    order = np.argsort(angles)
    axis = record.axis_deg
    numbers = [] if axis is None else [("tilt axis", f"{axis:.2f}° from the detector's +y")]
    plots: list[dict[str, object]] = []
    if len(record.shifts_px) == angles.size > 1:
        dy, dx = np.array(record.shifts_px, np.float64).T
        numbers.append(("largest shift", f"{np.abs([dy, dx]).max():.3g} px"))
        drawn = [
            line("dx, across the axis", COLOURS[0], angles[order], dx[order]),
            line("dy, along the axis", COLOURS[1], angles[order], dy[order]),
        ]
        plots.append(
            {"title": "Shift of each view", "x": "tilt / deg", "y": "shift / px", "lines": drawn}
        )
    error = np.array(found.error_px_per_view, np.float64)
    if error.size == angles.size > 1:
        distance = line("distance from reprojection", COLOURS[2], angles[order], error[order])
        plots.append(
            {
                "title": "Mismatch with the reprojection",
                "x": "tilt / deg",
                "y": "distance / px",
                "lines": [distance],
            }
        )
        rms = f"{np.sqrt(np.nanmean(error**2)):.2g} px" if np.isfinite(error).any() else "–"
        numbers.append(("mismatch, rms", rms))
    if found.freedom:
        numbers.append(("solved for", found.freedom))
    if found.method == "fiducial":
        plots += _fiducial_plots(found, angles, order)
        numbers += _fiducial_numbers(found)
    if said := say_section(record.facts.section, record.voxel_nm):
        numbers.append(("section", said))
    names = {
        "axis_error_deg": ("axis, against the truth", "°"),
        "shift_error_px_rms": ("shifts, against the truth, rms", " px"),
    }
    for key, value in record.against_truth.items():
        what, unit = names.get(key, (key.replace("_", " "), ""))
        numbers.append((what, f"{value:.3g}{unit}"))
    return {
        "labels": [r.label for r in group],
        "numbers": numbers,
        "plots": plots,
        "pictures": stored_pictures(run, PICTURES),
        "warning": found.warning,
    }


def _fiducial_numbers(found: Alignment) -> list[tuple[str, str]]:
    """Beads, trajectories and residuals, as far as the run recorded them."""
    named = (
        (found.n_beads, "beads followed", "g", ""),
        (found.views_per_bead, "views per bead, mean", ".1f", ""),
        (found.before_px, "beads off the nominal geometry, mean", ".3g", " px"),
        (found.residual_px, "residual, mean", ".3f", " px"),
        (found.leave_out_px, "residual left out, mean", ".3f", " px"),
        (found.axis_error_deg, "error bar of the tilt axis", ".3f", "°"),
    )
    return [(what, f"{v:{form}}{unit}") for v, what, form, unit in named if v is not None]


def _fiducial_plots(
    found: Alignment, angles: np.ndarray, order: np.ndarray
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
        ("mean residual", np.array(found.residual_px_per_view)),
    )
    beads = np.array(found.residual_px_per_bead)
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
    change, error = np.array(found.tilt_change_deg), np.array(found.tilt_error_deg)
    if change.size == error.size:
        named = (
            ("solved minus nominal", change),
            ("+ standard deviation", change + error),
            ("- standard deviation", change - error),
        )
        per_view("Tilt of each view", "change / deg", *named)
    rotation = np.array(found.rotation_deg)
    per_view(
        "Rotation of each view",
        "rotation less its mean / deg",
        ("rotation", rotation - rotation.mean() if rotation.size else rotation),
    )
    per_view(
        "Magnification of each view",
        "change / %",
        ("magnification", 100 * (np.array(found.magnification) - 1)),
    )
    return plots


def stored_pictures(run: Run, named: Mapping[str, str]) -> list[tuple[str, str]]:
    """(what it shows, data URI) of the pictures that the run left beside its tomogram, by file
    name."""
    there = [
        (title, run.folder / name) for name, title in named.items() if (run.folder / name).exists()
    ]
    return [
        (title, "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode())
        for title, path in there
    ]
