"""Finished runs -> one self-contained ``report.html`` and one ``report.csv``: numbers, slices, spectra, and what they prove."""

from __future__ import annotations

import base64
import csv
import io
import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jinja2
import numpy as np
from matplotlib import colormaps
from PIL import Image

from recon.errors import UserError
from recon.io.atomic import replacing, write_error
from recon.report_data import (
    LARGEST_SIDE,
    Planes,
    Run,
    crowther_frequency,
    flatten,
    load_runs,
    number,
    read_header,
    read_planes,
    shrink,
    size,
)

TEMPLATES = Path(__file__).parent / "templates"
MOST_PICTURED = 12  # runs; further ones are in the table only
MOST_SECTIONS = 64  # slider positions of an axis
PLANES_BYTES = 300_000_000  # of memory, for the planes of all volumes
PICTURE_BYTES = 12_000_000  # of all slices, in base64; the page stays below 15 MB
LOSSLESS = 100
# (every n-th section, in-plane reduction, JPEG quality), from the best down until it fits
LADDER = ((1, 1, LOSSLESS), (1, 1, 90), (1, 1, 80), (2, 1, 90), (2, 1, 80), (3, 1, 75), (3, 2, 80), (4, 4, 75), (4, 8, 50))
COLOURS = ("#0b6ba8", "#c8500a", "#078763", "#b0498a", "#b58300", "#3f8fc4", "#6a51a3", "#666666")

# column: (heading, what it means, which is better: -1 less, 1 more, 0 neither)
COLUMNS = {
    "withheld": ("withheld views", "relative error on views left out of the reconstruction and predicted by it", -1),
    "residual": ("residual", "|y - Ax| / |y| on the views used", 0),
    "residual_over_noise": ("residual / noise", "1: only noise is left; above: structure is left; below: noise was fitted", 0),
    "psnr_db": ("PSNR, dB", "against the truth; peak: the range of the truth", 1),
    "ssim": ("SSIM", "structural similarity with the truth, over xz slices", 1),
    "nrmse": ("NRMSE", "|volume - truth| / |truth|", -1),
    "invented_fraction": ("in the wedge", "share of the volume's energy in directions that no view measured", 0),
    "changed_measured_fraction": ("measured, changed", "by how much the measured part of the spectrum was changed, relative", 0),
    "even_odd_fsc_crossing.0.5": (
        "even/odd FSC 0.5",
        "cycles per voxel up to which even and odd views alone agree; smoothing raises it too",
        0,
    ),
    "even_odd_fsc_crossing.0.143": ("even/odd FSC 0.143", "the same at a correlation of 0.143", 0),
    "seconds": ("seconds", "wall clock of the whole run", 0),
    "peak_memory_gb": ("memory, GB", "largest resident memory of the process up to the end of this run", 0),
}
CSV_ONLY = ("noise_share_of_data",)


def write_report(folder: Path, runs: Sequence[Path], failures: Mapping[str, str] | None = None) -> Path:
    """Write ``report.html`` and ``report.csv`` to ``folder`` and return the path of the page.

    ``runs``: folders with ``run.json`` and ``tomogram.mrc``, and ``truth.mrc`` where it is known; the first is what differences are
    taken from. ``failures``: runs that failed, by name, each with its sentence. A run that cannot be read becomes a failed row.
    Raises ``UserError`` when the files cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    found = load_runs(runs)
    found += [Run(name, Path(name), {}, sentence or "no reason was given") for name, sentence in (failures or {}).items()]
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
        writer.writerow([run.label, run.folder.name, status, *(run.numbers.get(c, "") for c in columns), run.failure])
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
    pictures, notes = _pictures(done)
    columns = [c for c in _columns(done) if c not in CSV_ONLY and any(c in run.numbers for run in done)]
    return environment.get_template("report.html").render(
        title=name,
        facts=_facts(first) if first else [],
        made=time.strftime("%Y-%m-%d %H:%M"),
        verdict=verdict(runs),
        columns=[(c, *COLUMNS.get(c, (c.replace("_", " "), "", 0))[:2]) for c in columns],
        rows=[
            {
                "label": run.label,
                "colour": _colour(done.index(run)) if run in done else "",
                "folder": run.folder.name,
                "failure": run.failure,
                "cells": [(_text(c, run.numbers.get(c)), _is_best(c, run, done)) for c in columns],
            }
            for run in runs
        ],
        notes=[*notes, *(f"{run.label}: {note}" for run in done for note in run.notes)],
        several=len(done) > 1,
        alignments=_alignments(done),
        differing=_differing(done),
        configurations=[
            {
                "label": run.label,
                "folder": str(run.folder),
                "command": shlex.join(str(w) for w in command) if isinstance(command := run.record.get("command"), list) else "",
                "config": json.dumps(run.record.get("config", {}), indent=2, ensure_ascii=False, default=str),
                "settled": {**run.dictionary("options"), **run.dictionary("settled")},
                "history": history if isinstance(history := run.record.get("history"), list) else [],
                "versions": run.dictionary("versions"),
                "machine": str(run.record.get("machine", "")),
            }
            for run in done
        ],
        data={**pictures, "plots": _plots(done)},
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
    return facts


def _text(column: str, value: float | None) -> str:
    if value is None:
        return "–"
    if column.endswith("_fraction"):
        return f"{100 * value:.3g} %"
    digits = {
        "even_odd_fsc_crossing.0.5": 3,
        "even_odd_fsc_crossing.0.143": 3,
        "psnr_db": 2,
        "ssim": 3,
        "seconds": 1,
        "peak_memory_gb": 2,
        "residual_over_noise": 2,
    }
    return f"{value:.{digits[column]}f}" if column in digits else f"{value:.4g}"


def _is_best(column: str, run: Run, runs: Sequence[Run]) -> bool:
    better = COLUMNS.get(column, ("", "", 0))[2]
    values = [better * r.numbers[column] for r in runs if column in r.numbers]
    return better != 0 and len(values) > 1 and column in run.numbers and better * run.numbers[column] == max(values)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


# ---- the verdict


def verdict(runs: Sequence[Run]) -> list[str]:
    """What the numbers say and what they do not, one sentence or two a paragraph; the first is the headline."""
    done = [run for run in runs if not run.failure]
    failed = [run.label for run in runs if run.failure]
    if not done:
        return [f"No run finished: {_and(failed)} failed." if failed else "There are no runs to report."]
    withheld = {run.label: run.numbers["withheld"] for run in done if "withheld" in run.numbers}
    if len(withheld) == 1:  # a single run brings its own comparison
        withheld |= _references(done, withheld)
    paragraphs = []
    if len(withheld) > 1:
        paragraphs.append(_ranking(withheld, "predicts withheld views best", "predict withheld views equally well", "error"))
        floors = [f for run in done if (f := number(run.dictionary("trust").get("noise_share_of_data"))) is not None]
        if floors:
            paragraphs.append(
                f"Noise alone would leave an error of about {floors[0]:.3g}: even the true volume would not predict them better."
            )
    scored = {run.label: run.numbers["nrmse"] for run in done if "nrmse" in run.numbers}
    if len(scored) > 1:
        headline = not paragraphs
        paragraphs.append(_ranking(scored, "is closest to the known truth", "are equally close to the known truth", "NRMSE"))
        if headline:
            paragraphs.append("That holds for this specimen, dose and tilt range; another specimen can turn it round.")
        if len(withheld) > 1 and min(scored, key=scored.__getitem__) != min(withheld, key=withheld.__getitem__):
            paragraphs.append("Withheld views and truth disagree on the order; of the two, the truth decides.")
    if not paragraphs:
        paragraphs.append(_residual_only(done))
    paragraphs += _noise_and_wedge(done)
    if failed:
        paragraphs.append(f"{_and(failed)} failed and {'is' if len(failed) == 1 else 'are'} not compared.")
    return paragraphs


def _references(runs: Sequence[Run], own: Mapping[str, float]) -> dict[str, float]:
    """The withheld errors of other methods that the one run with such scores was measured beside."""
    run = next(run for run in runs if run.label in own)
    errors = run.dictionary("trust").get("withheld")
    others = (
        {str(k): number(v) for k, v in errors.items() if k != run.record.get("algorithm")} if isinstance(errors, dict) else {}
    )
    return {k: v for k, v in others.items() if v is not None and k not in own}


def _ranking(scores: Mapping[str, float], ahead: str, level: str, what: str) -> str:
    """Errors, smaller is better. A lead below 2 % is called none: other noise would turn it round."""
    winner = min(scores, key=scores.__getitem__)
    second = min((k for k in scores if k != winner), key=scores.__getitem__)
    lead = 100 * (1 - scores[winner] / scores[second]) if scores[second] else 0.0
    numbers = f"{what} {scores[winner]:.4g} against {scores[second]:.4g}"
    if lead < 2:
        return f"{winner} and {second} {level} ({numbers}; a lead below 2 % is no lead)."
    return f"{winner} {ahead}: its error is {lead:.0f} % below that of {second} ({numbers})."


def _residual_only(runs: Sequence[Run]) -> str:
    proof = (
        "a small residual alone proves nothing: noise can be fitted, and what a method puts into the missing wedge leaves no residual. "
        "Withheld views or a known truth would tell."
    )
    residuals = {run.label: run.numbers["residual"] for run in runs if "residual" in run.numbers}
    if len(residuals) > 1:
        best = min(residuals, key=residuals.__getitem__)
        return f"Not decided. {best} fits its own views most closely (residual {residuals[best]:.4g}), but {proof}"
    known = (
        f"{next(iter(residuals))} leaves a residual of {next(iter(residuals.values())):.4g}, but " if residuals else "No scores: "
    )
    return f"Nothing to compare with. {known}{proof}"


def _noise_and_wedge(runs: Sequence[Run]) -> list[str]:
    paragraphs = []
    whitened = {run.label: run.numbers["residual_over_noise"] for run in runs if "residual_over_noise" in run.numbers}
    if low := [k for k, v in whitened.items() if v < 0.9]:
        paragraphs.append(
            f"{_and(low)} {'fits' if len(low) == 1 else 'fit'} the views more closely than their noise allows: part of what is shown is noise."
        )
    if high := [k for k, v in whitened.items() if v > 1.2]:
        paragraphs.append(
            f"{_and(high)} {'leaves' if len(high) == 1 else 'leave'} more than noise in the views "
            f"(up to {max(whitened[k] for k in high):.2g} times): structure, scale or alignment is not explained."
        )
    invented = {run.label: run.numbers["invented_fraction"] for run in runs if "invented_fraction" in run.numbers}
    if invented:
        most = max(invented, key=invented.__getitem__)
        paragraphs.append(
            f"{most} put {100 * invented[most]:.1f} % of its energy where no view measured"
            f"{', the most of all' if len(invented) > 1 else ''}: it may be right, but it comes from the method, not from the microscope."
        )
    return paragraphs


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# ---- pictures


def _pictures(runs: Sequence[Run]) -> tuple[dict[str, object], list[str]]:
    """Sheets of 8-bit slices in one grey range, and Fourier magnitudes; with notes on what could not be shown."""
    notes = []
    shown = runs[:MOST_PICTURED]
    if len(runs) > len(shown):
        notes.append(f"pictures show the first {len(shown)} of {len(runs)} methods")
    truth = next((run.folder / "truth.mrc" for run in shown if (run.folder / "truth.mrc").exists()), None)
    wanted = [(run.label, run.folder / "tomogram.mrc", _colour(i), run) for i, run in enumerate(shown)]
    if truth is not None:
        wanted.append(("truth", truth, "#222222", shown[0]))
    count = _sections_held([path for _, path, *_ in wanted])
    pictured: list[tuple[str, str, Run, Planes]] = []
    for label, path, colour, run in wanted:
        try:
            pictured.append((label, colour, run, read_planes(path, count)))
        except (OSError, UserError) as error:
            notes.append(f"{label} is not pictured: {error}")
    if not pictured:
        return {"methods": [], "window": [0.0, 1.0, 0.0, 1.0]}, notes

    window = _window([planes for *_, planes in pictured])
    sheets, every, how = _sheets([planes for *_, planes in pictured], window)
    notes += [how] if how else []
    spectra, decades = _spectra([planes.middle_xz for *_, planes in pictured])
    unit = pictured[0][2].record.get("grey_unit", "")
    methods = [
        {
            "label": label,
            "known": label == "truth",
            "colour": colour,
            "shape": planes.shape,
            "voxel_nm": number(run.record.get("voxel_nm")),
            "at": {axis: at[every // 2 :: every] if len(at) > every else at[:1] for axis, at in planes.at.items()},
            "sheets": sheet,
            "fourier": spectrum,
            "wedge": wedge_lines(run.series("angles_deg")),
        }
        for (label, colour, run, planes), sheet, spectrum in zip(pictured, sheets, spectra, strict=True)
    ]
    return {"methods": methods, "window": window, "unit": str(unit), "decades": f"{decades:.2g}"}, notes


def _sections_held(paths: Sequence[Path]) -> int:
    """How many sections an axis may have for the planes of all volumes to be held in ``PLANES_BYTES``."""
    held = 0
    for path in paths:
        try:
            z, y, x = (min(n, LARGEST_SIDE) for n in read_header(path).shape)
        except (OSError, UserError):  # said when it is read
            continue
        held += 4 * (z * y + y * x + z * x)
    return min(MOST_SECTIONS, max(12, PLANES_BYTES // max(1, held)))


def _window(all_planes: Sequence[Planes]) -> list[float]:
    """Grey values of 8-bit 0 and 255, then of black and white at first: the median over the methods of each one's 0.5 and 99.8 %."""
    values = [np.concatenate([p.ravel()[:: max(1, p.size // 200_000)] for p in planes.planes.values()]) for planes in all_planes]
    ends = np.array([np.quantile(v, (0.0005, 0.005, 0.998, 0.9999)) for v in values])
    low, high = float(ends[:, 0].min()), float(ends[:, 3].max())
    black, white = np.median(ends[:, 1:3], axis=0)
    # One method's outliers must not coarsen the greys of all.
    span = max(float(white - black), 1e-12 * max(1.0, abs(float(white))))
    low, high = max(low, float(black) - span), min(high, float(white) + span)
    return [low, max(high, low + span), float(black), float(max(white, black + span))]


def _sheets(all_planes: Sequence[Planes], window: Sequence[float]) -> tuple[list[dict[str, object]], int, str]:
    """For each volume and axis one picture that holds its sections in rows of eight, as good as ``PICTURE_BYTES`` allow.

    Returns them, every how many-th section was kept, and a note on what was given up.
    """
    low, high = window[:2]
    grey = [
        {axis: np.rint(255 * np.clip((p - low) / (high - low), 0, 1)).astype(np.uint8) for axis, p in planes.planes.items()}
        for planes in all_planes
    ]
    for every, reduction, quality in LADDER:
        left, sheets = PICTURE_BYTES, []
        for planes in grey:
            sheets.append(
                {
                    axis: _sheet(p[every // 2 :: every] if p.shape[0] > every else p[:1], quality, reduction)
                    for axis, p in planes.items()
                }
            )
            left -= sum(len(str(sheet["picture"])) for sheet in sheets[-1].values())
            if left < 0:
                break
        else:
            break
    how = [] if quality == LOSSLESS else [f"compressed (JPEG, quality {quality})"]
    how += [f"reduced to at most {LARGEST_SIDE // reduction} pixels"] if reduction > 1 else []
    return [dict(s) for s in sheets], every, f"slices are {' and '.join(how)}: read fine detail from tomogram.mrc" if how else ""


def _sheet(planes: np.ndarray, quality: int, reduction: int) -> dict[str, object]:
    """``planes``: (section, down, right) uint8. Tiles are padded to multiples of 8 so that JPEG blocks do not mix two."""
    if reduction > 1:
        steps = [min(reduction, n) for n in planes.shape[1:]]
        planes = np.stack([shrink(p, *steps) for p in planes]).astype(np.uint8)
    count, height, width = planes.shape
    columns = min(8, count)
    tile_h, tile_w = -(-height // 8) * 8, -(-width // 8) * 8
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, tile_h, tile_w), np.uint8)
    padded[:count] = np.pad(planes, ((0, 0), (0, tile_h - height), (0, tile_w - width)), mode="edge")
    sheet = padded.reshape(rows, columns, tile_h, tile_w).swapaxes(1, 2).reshape(rows * tile_h, columns * tile_w)
    return {
        "picture": _encode(Image.fromarray(sheet), quality),
        "columns": columns,
        "tile": [tile_w, tile_h],
        "size": [width, height],
    }


def _encode(image: Image.Image, quality: int) -> str:
    """A data URI: PNG, or JPEG of that quality."""
    buffer = io.BytesIO()
    kind = "png" if quality == LOSSLESS else "jpeg"
    image.save(buffer, kind, **({} if quality == LOSSLESS else {"quality": quality}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _spectra(slices: Sequence[np.ndarray]) -> tuple[list[str], float]:
    """log |F| of each (z, x) slice in one range of colours, and that range in decades.

    k_x to the right, k_z down, 0 in the middle, +-0.5 cycles per voxel at the edges.
    """
    logs = []
    for image in slices:
        window = np.outer(np.hanning(image.shape[0] + 2)[1:-1], np.hanning(image.shape[1] + 2)[1:-1])
        power = np.abs(np.fft.fftshift(np.fft.fft2((image - image.mean()) * window))) ** 2
        power = shrink(power, *(-(-n // LARGEST_SIDE) for n in power.shape))
        logs.append(0.5 * np.log10(np.maximum(power / image.size**2, 1e-60)))
    top = max(float(log.max()) for log in logs)
    decades = float(np.clip(top - min(np.quantile(log, 0.05) for log in logs), 3, 6))
    palette = (255 * colormaps["magma"](np.arange(256))[:, :3]).astype(np.uint8).tobytes()
    images = [Image.fromarray(np.clip(255 * (1 + (log - top) / decades), 0, 255).astype(np.uint8)) for log in logs]
    for indexed in images:
        indexed.putpalette(palette)
    return [_encode(image, LOSSLESS) for image in images], decades


def wedge_edges(angles_deg: np.ndarray) -> tuple[float, float] | None:
    """Directions (k_z over k_x, degrees in [0, 360)) between which nothing was measured; None where the views go all the way round.

    A view at tilt t measures the line (k_z, k_x) = (sin t, cos t), so the wedge is the largest gap between tilts modulo 180.
    """
    turned = np.unique(np.round(np.mod(angles_deg[np.isfinite(angles_deg)], 180.0), 6))
    if turned.size < 2:
        return None
    gaps = np.diff(np.concatenate([turned, turned[:1] + 180.0]))
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 1.5 * float(np.median(np.delete(gaps, widest))):
        return None
    return float(turned[widest]), float(turned[widest] + gaps[widest])


def wedge_lines(angles_deg: np.ndarray) -> dict[str, object] | None:
    """The two edges, from corner to corner of a square of +-0.5 (x to the right, z down), and the two triangles between them."""
    edges = wedge_edges(angles_deg)
    if edges is None:
        return None
    ends = [_to_border(angle) for angle in edges]
    # The border of the square between the two ends, a degree at a time.
    arc = [_to_border(angle) for angle in np.linspace(*edges, 2 + int(edges[1] - edges[0]))]
    opposite = [(-x, -z) for x, z in arc]
    path = "".join("M0 0 " + " ".join(f"L{x:.4f} {z:.4f}" for x, z in side) + "Z" for side in (arc, opposite))
    return {"lines": [[-x, -z, x, z] for x, z in ends], "path": path, "width_deg": edges[1] - edges[0]}


def _to_border(angle_deg: float) -> tuple[float, float]:
    """Where the direction (k_z, k_x) = (sin, cos) meets the border of the square, as (x, z)."""
    x, z = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    scale = 0.5 / max(abs(x), abs(z))
    return round(float(x * scale), 6), round(float(z * scale), 6)


# ---- plots, alignment, configuration


def _plots(runs: Sequence[Run]) -> list[dict[str, object]]:
    """What the page draws: titles, axes, lines."""

    def lines(of: Callable[[Run], tuple[np.ndarray, np.ndarray] | None]) -> list[dict[str, object]]:
        drawn = [(run.label, _colour(i), of(run)) for i, run in enumerate(runs)]
        return [_line(label, colour, *xy) for label, colour, xy in drawn if xy is not None and xy[1].size > 1]

    def per_view(run: Run) -> tuple[np.ndarray, np.ndarray] | None:
        angles, values = run.series("angles_deg"), run.series("residual_per_view")
        return (angles[order := np.argsort(angles)], values[order]) if angles.size == values.size else None

    def convergence(run: Run) -> tuple[np.ndarray, np.ndarray]:
        values = run.series("residual_per_iteration")
        return np.arange(1.0, values.size + 1), values

    plots: list[dict[str, object]] = [
        {"title": "Residual of each view", "x": "tilt / deg", "y": "|y − Ax| / |y|", "lines": lines(per_view)},
        {
            "title": "Convergence",
            "x": "iteration",
            "logx": True,
            "y": "relative residual",
            "log": True,
            "lines": lines(convergence),
        },
        {
            "title": "Fourier shell correlation with the truth",
            "x": "frequency / (cycles per voxel)",
            "y": "correlation",
            "lines": lines(lambda run: run.fsc),
            "range": [0, 1],
            "levels": [[0.5, "0.5"], [0.143, "0.143"]],
            "marks": [[f, "Crowther, whole width"] for run in runs[:1] if (f := crowther_frequency(run)) is not None and f < 0.5],
        },
    ]
    return [plot for plot in plots if plot["lines"]]


def _line(label: str, colour: str, x: np.ndarray, y: np.ndarray) -> dict[str, object]:
    """At most 600 points; what is not finite is a gap."""
    every = max(1, -(-x.size // 600))
    kept = np.unique(np.append(np.arange(0, x.size, every), x.size - 1))
    return {
        "label": label,
        "colour": colour,
        "x": [float(f"{v:.5g}") for v in x[kept]],
        "y": [float(f"{v:.5g}") if np.isfinite(v) else None for v in y[kept]],
    }


def _alignments(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Each different alignment once, with the runs that share it, its numbers and its plots."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = json.dumps([run.record.get(k) for k in ("axis_deg", "shifts_px", "angles_deg")], default=str)
        groups.setdefault(key, []).append(run)
    return [_alignment(group) for group in list(groups.values())[:4]]


def _alignment(group: Sequence[Run]) -> dict[str, object]:
    run = group[0]
    angles, shifts = run.series("angles_deg"), run.record.get("shifts_px")
    order = np.argsort(angles)
    pairs = [s for s in shifts if isinstance(s, list) and len(s) == 2] if isinstance(shifts, list) else []
    facts = run.dictionary("facts").get("align")
    facts = facts if isinstance(facts, dict) else {}
    axis = number(run.record.get("axis_deg"))
    numbers = [] if axis is None else [("tilt axis", f"{axis:.2f}° from the detector's +y")]
    plots = []
    if len(pairs) == angles.size > 1:
        dy, dx = (np.array([number(p[k]) or 0.0 for p in pairs]) for k in (0, 1))
        numbers.append(("largest shift", f"{np.abs([dy, dx]).max():.3g} px"))
        drawn = [
            _line("dx, across the axis", COLOURS[0], angles[order], dx[order]),
            _line("dy, along the axis", COLOURS[1], angles[order], dy[order]),
        ]
        plots.append({"title": "Shift of each view", "x": "tilt / deg", "y": "shift / px", "lines": drawn})
    errors = facts.get("error_px_per_view")
    if isinstance(errors, list) and len(errors) == angles.size > 1:
        values = np.array([np.nan if (v := number(e)) is None else v for e in errors])
        line = _line("distance from reprojection", COLOURS[2], angles[order], values[order])
        plots.append({"title": "Mismatch with the reprojection", "x": "tilt / deg", "y": "distance / px", "lines": [line]})
        numbers.append(("mismatch, rms", f"{np.sqrt(np.nanmean(values**2)):.2g} px" if np.isfinite(values).any() else "–"))
    names = {"axis_error_deg": ("axis, against the truth", "°"), "shift_error_px_rms": ("shifts, against the truth, rms", " px")}
    for key, value in run.dictionary("against_truth").items():
        what, unit = names.get(key, (key.replace("_", " "), ""))
        numbers.append((what, f"{found:.3g}{unit}" if (found := number(value)) is not None else str(value)))
    return {"labels": [r.label for r in group], "numbers": numbers, "plots": plots, "warning": str(facts.get("warning", ""))}


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Configuration keys that more than one run has and that are not the same in all, with the value of each."""
    flat = [flatten(run.dictionary("config")) for run in runs]
    keys = dict.fromkeys(k for f in flat for k in f if k.rsplit(".", 1)[-1] not in ("_partial_", "output"))
    rows = {k: ["–" if k not in f else str(f[k]) for f in flat] for k in keys}
    return {k: values for k, values in rows.items() if len(set(values)) > 1 and sum(k in f for f in flat) > 1}
