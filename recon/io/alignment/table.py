"""An alignment as a table that people write: YAML or CSV; IMOD's .xf (``imod.py``) is read as well.

YAML::

    axis_deg: -87.7          # optional: the tilt axis, counter-clockwise from +y (y upwards)
    views:
      - {view: 0, dy_px: 1.5, dx_px: -2.0}
      - {view: 1, dy_px: 0.0, dx_px: 3.2, rotation_deg: 0.1}

CSV: a first line with the columns ``view,dy_px,dx_px`` and, where wanted, ``rotation_deg``; lines
that start with # are comments, but for ``# axis_deg: -87.7``. A line a view of the series that is
aligned, from 0, in any order. Shifts are in raw pixels and are added after the rotation by the
axis: equation (2) of ``geometry.py``. ``rotation_deg`` is added to the axis in that view.
"""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml  # type: ignore[import-untyped]

from recon.align.from_file import GivenAlignment
from recon.errors import UserError
from recon.geometry import axis_rotation
from recon.io.alignment.aretomo import read_aln
from recon.io.alignment.imod import read_tlt, read_xf
from recon.io.atomic import replacing

COLUMNS = ("view", "dy_px", "dx_px", "rotation_deg")
LEFT_PX = 1e-5  # per pixel: two transforms closer than an .xf file's digits are one


def read_alignment(path: Path) -> GivenAlignment:
    """By suffix: .yaml, .yml, .csv, .xf (with the solved tilts of a .tlt of the same name beside
    it), .aln. Raises ``UserError`` naming the file and the line or view
    that is not as above."""
    suffix = path.suffix.lower()
    if suffix == ".xf":
        return _from_xf(path)
    if suffix == ".aln":
        return _from_aln(path)
    if suffix not in (".yaml", ".yml", ".csv"):
        raise UserError(
            f"align.path={path.name} given, a .yaml, .csv, IMOD .xf or AreTomo .aln file wanted"
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UserError(f"{path.name} cannot be read ({reason}); check align.path=") from error
    axis, rows = _csv(path, text) if suffix == ".csv" else _yaml(path, text)
    table = np.array([[_number(path, row, column) for column in COLUMNS] for row in rows])
    views = table[:, 0].astype(int)
    if (views != table[:, 0]).any() or sorted(views.tolist()) != list(range(len(views))):
        counts = np.bincount(views.clip(0), minlength=len(views))
        missing = [v for v in range(len(views)) if v not in views.tolist()]
        twice = np.flatnonzero(counts > 1)
        why = (
            f"view {twice[0]} is there twice"
            if twice.size
            else f"view {missing[0] if missing else table[0, 0]:g} is not there"
        )
        raise UserError(
            f"{path.name} has {len(views)} lines but {why}; one line a view wanted, counted from 0"
        )
    table = table[np.argsort(views)]
    turned = bool(table[:, 3].any())
    matrices = np.stack([axis_rotation((axis or 0.0) + r) for r in table[:, 3]]) if turned else None
    return GivenAlignment(path.name, axis, table[:, 1:3], matrices)


def write_alignment(path: Path, given: GivenAlignment) -> None:
    """The same as .csv or .yaml (by suffix). Raises ``UserError`` for views that are enlarged or
    sheared, which only an .xf file holds."""
    axis = given.axis_deg or 0.0
    rotation = np.zeros(len(given.shifts_px))
    if given.matrices is not None:
        rotation = np.array([_turn_deg(m) for m in given.matrices])
        rotation = (rotation - axis + 180) % 360 - 180
        if (
            np.abs(given.matrices - np.stack([axis_rotation(axis + r) for r in rotation])).max()
            > LEFT_PX
        ):
            raise UserError(
                f"{path.name}: views are enlarged or sheared, which a table of shifts and "
                f"rotations cannot say; write an .xf file"
            )
    rows = [
        {
            "view": v,
            "dy_px": round(float(dy), 5),
            "dx_px": round(float(dx), 5),
            "rotation_deg": round(float(r), 6),
        }
        for v, ((dy, dx), r) in enumerate(zip(given.shifts_px, rotation, strict=True))
    ]
    with replacing(path) as temporary:
        if path.suffix.lower() == ".csv":
            lines = [",".join(COLUMNS), *(",".join(str(row[c]) for c in COLUMNS) for row in rows)]
            head = [] if given.axis_deg is None else [f"# axis_deg: {given.axis_deg!r}"]
            temporary.write_text("\n".join([*head, *lines]) + "\n", "utf-8")
        else:
            document = ({} if given.axis_deg is None else {"axis_deg": float(given.axis_deg)}) | {
                "views": rows
            }
            temporary.write_text(
                yaml.safe_dump(document, sort_keys=False, default_flow_style=None), "utf-8"
            )


def _from_xf(path: Path) -> GivenAlignment:
    found = _from_transforms(path, *read_xf(path))
    beside = path.with_suffix(".tlt")
    if not beside.is_file():
        return found
    tilts = read_tlt(beside)
    if tilts.size != len(found.shifts_px):
        raise UserError(
            f"{beside.name} has {tilts.size} tilt angles but {path.name} aligns "
            f"{len(found.shifts_px)} views; remove the one that is of another series"
        )
    return replace(found, tilt_deg=tilts, tilt_by=beside.name)


def _from_aln(path: Path) -> GivenAlignment:
    aln = read_aln(path)
    order = np.argsort(aln.section)
    found = _from_transforms(path, aln.matrices[order], aln.shifts[order])
    left_out = sorted(set(range(aln.raw_size[2])) - set(aln.section.tolist()))
    return replace(found, tilt_deg=aln.tilt_deg[order], tilt_by=path.name, left_out=tuple(left_out))


def _from_transforms(path: Path, matrices: np.ndarray, shifts: np.ndarray) -> GivenAlignment:
    """``matrices``: (view, 2, 2) and ``shifts``: (view, 2), both on (x, y)."""
    # IMOD's matrices act on (x, y), ours on (y, x): both axes reversed.
    matrices, shifts = (
        np.ascontiguousarray(matrices[:, ::-1, ::-1]),
        np.ascontiguousarray(shifts[:, ::-1]),
    )
    if not (
        np.isfinite(matrices).all()
        and np.isfinite(shifts).all()
        and (np.linalg.det(matrices) > 0).all()
    ):
        raise UserError(
            f"{path.name} holds a transform that mirrors a view or is not finite, rotations and "
            f"magnifications wanted"
        )
    turns = np.deg2rad([_turn_deg(m) for m in matrices])
    axis = float(np.rad2deg(np.arctan2(np.sin(turns).mean(), np.cos(turns).mean())))
    same = np.abs(matrices - axis_rotation(axis)).max() < LEFT_PX
    return GivenAlignment(path.name, axis, shifts, None if same else matrices)


def _turn_deg(matrix: np.ndarray) -> float:
    """The axis of ``axis_rotation`` nearest to a (2, 2) matrix on (dy, dx)."""
    return float(np.rad2deg(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])))


def _csv(path: Path, text: str) -> tuple[float | None, list[dict[str, object]]]:
    axis: float | None = None
    lines = []
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            if line.strip():
                lines.append(line)
            continue
        name, colon, value = line.lstrip("# \t").partition(":")
        if name.strip() == "axis_deg" and colon:
            axis = _finite(path, "axis_deg", value.strip())
    reader = csv.DictReader(lines, skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    if not set(COLUMNS[:3]) <= set(names) <= set(COLUMNS):
        raise UserError(
            f"{path.name} has the columns {', '.join(names)[:80] or 'none'}, view, dy_px, dx_px "
            f"and perhaps rotation_deg wanted"
        )
    reader.fieldnames = names
    rows = [dict(row) for row in reader]
    if any(None in row for row in rows):
        raise UserError(
            f"{path.name} has a line with more values than its {len(names)} columns, one value a "
            f"column wanted"
        )
    if not rows:
        raise UserError(f"{path.name} names no view, one line a view wanted")
    return axis, rows


def _yaml(path: Path, text: str) -> tuple[float | None, list[dict[str, object]]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where is not None else ""
        raise UserError(
            f"{path.name}{line} is not YAML; axis_deg: and views: with one entry a view wanted"
        ) from error
    views = document.get("views") if isinstance(document, dict) else None
    if not isinstance(views, list) or not views or not set(document) <= {"axis_deg", "views"}:
        raise UserError(
            f"{path.name} is not of the form wanted: axis_deg: and views: with one entry a view, "
            f"and nothing else"
        )
    for k, row in enumerate(views):
        if not isinstance(row, dict) or not set(COLUMNS[:3]) <= set(row) <= set(COLUMNS):
            raise UserError(
                f"{path.name}: entry {k} of views is {str(row)[:60]}, view, dy_px, dx_px and "
                f"perhaps rotation_deg wanted"
            )
    axis = document.get("axis_deg")
    return None if axis is None else _finite(path, "axis_deg", axis), views


def _number(path: Path, row: dict[str, object], column: str) -> float:
    value = row.get(column)
    if value in (None, "") and column == "rotation_deg":
        return 0.0
    return _finite(path, f"{column} of view {row.get('view')}", value)


def _finite(path: Path, name: str, value: object) -> float:
    try:
        number = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{path.name}: {name} is {str(value)[:30]}, a finite number wanted")
    return number
