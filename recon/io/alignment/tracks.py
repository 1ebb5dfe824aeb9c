"""IMOD's text about beads: 3-D positions (.xyz of tiltalign) and tracks as points (``model2point``
of a .fid model).

IMOD counts in pixels from the lower left corner of the image, so that the middle of the first pixel
is at 1/2 and that of n pixels at n / 2; we count from the centre. Views are counted from 0 in both,
contours (beads) from 1 in IMOD's.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.text import read_text, write_text


def write_xyz(
    path: Path,
    beads_px: np.ndarray,
    shape: tuple[int, int],
    pixel_nm: float | None,
    bead: np.ndarray | None = None,
) -> None:
    """One line a bead: number, X, Y, Z, object, contour; the first line ends with the pixel size in
    Angstrom and the image size.

    ``beads_px``: (bead, 3) as (z, y, x) from the centre of the volume. ``shape``: (y, x) of the
    images. ``bead``: (bead,) numbers from 0.
    """
    numbers = np.arange(len(beads_px)) if bead is None else np.asarray(bead)
    lines = []
    for k, ((z, y, x), number) in enumerate(
        zip(np.asarray(beads_px, np.float64), numbers, strict=True)
    ):
        lines.append(
            f"{k + 1:4d}{x + shape[1] / 2:12.4f}{y + shape[0] / 2:12.4f}{z:12.4f}{1:7d}{int(number) + 1:5d}"
        )
    size = f" Dim:{shape[1]:6d}{shape[0]:6d}"
    lines[0] += (f" Pix:{10 * pixel_nm:11.5f}" if pixel_nm is not None else "") + size
    write_text(path, "\n".join([*lines, ""]))


def read_xyz(path: Path, shape: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """((bead, 3) positions (z, y, x) from the centre of the volume in px, (bead,) numbers from 0).

    ``shape``: (y, x) of the images; None takes it from the file. Raises ``UserError`` for lines of
    another form, or no size anywhere.
    """
    text = read_text(path)
    stated = re.search(r"Dim:\s*(\d+)\s+(\d+)", text)
    if shape is None:
        if stated is None:
            raise UserError(
                f"{path.name} does not say the size of the images; pass their shape (y, x)"
            )
        shape = int(stated[2]), int(stated[1])
    rows = _numbers(
        path,
        re.sub(r"(Pix:\s*\S+|Dim:\s*\d+\s+\d+)", "", text),
        (6,),
        "number X Y Z object contour",
    )
    return rows[:, [3, 2, 1]] - [0.0, shape[0] / 2, shape[1] / 2], rows[:, 5].astype(int) - 1


def write_points(
    path: Path, bead: np.ndarray, view: np.ndarray, position_px: np.ndarray, shape: tuple[int, int]
) -> None:
    """Tracks as ``contour x y z`` a line, by bead and view: what ``point2model`` makes a .fid of.

    ``bead``, ``view``: (obs,) from 0. ``position_px``: (obs, 2) as (y, x) from the centre of images
    of ``shape`` (y, x).
    """
    lines = []
    for o in np.lexsort((view, bead)):
        y, x = position_px[o]
        lines.append(
            f"{int(bead[o]) + 1:6d}{x + shape[1] / 2:12.4f}{y + shape[0] / 2:12.4f}{float(view[o]):9.2f}"
        )
    write_text(path, "\n".join([*lines, ""]))


def read_points(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((obs,) bead, (obs,) view, (obs, 2) position (y, x) from the centre in px) of ``model2point
    -contour`` or ``-object`` text.

    Raises ``UserError`` for lines of another form and for points between two views.
    """
    rows = _numbers(path, read_text(path), (4, 5), "contour x y z")
    rows = rows[:, -4:]
    view = np.round(rows[:, 3]).astype(int)
    between = np.abs(rows[:, 3] - view) > 0.3
    if between.any() or (view < 0).any() or (rows[:, 0] < 1).any():
        worst = int(np.argmax(between | (view < 0) | (rows[:, 0] < 1)))
        raise UserError(
            f"{path.name}: contour {rows[worst, 0]:g} has a point at z = {rows[worst, 3]:g}, "
            f"contours from 1 and whole views from 0 wanted; "
            "write it with model2point -contour"
        )
    position = rows[:, [2, 1]] - [shape[0] / 2, shape[1] / 2]
    return rows[:, 0].astype(int) - 1, view, position


def _numbers(path: Path, text: str, widths: tuple[int, ...], wanted: str) -> np.ndarray:
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            row = []
        if (
            len(row) not in widths
            or (rows and len(row) != len(rows[0]))
            or not np.isfinite(row).all()
        ):
            raise UserError(
                f"{path.name}, line {number}: {line.strip()[:60]!r} given, {wanted} wanted; check "
                f"the file"
            )
        rows.append(row)
    if not rows:
        raise UserError(f"{path.name} is empty, lines of {wanted} wanted; check the file")
    return np.array(rows)
