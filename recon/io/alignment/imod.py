"""IMOD's text files: tilt angles (.tlt) and linear transforms (.xf).

A line of an .xf file is ``A11 A12 A21 A22 DX DY`` and maps a position (x, y), both from the image
centre, by ``x' = A11 x + A12 y + DX``, ``y' = A21 x + A22 y + DY``
(https://bio3d.colorado.edu/imod/doc/man/xfmodel.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.angle_text import read_tlt
from recon.io.text import read_text, write_text

__all__ = ["read_tlt", "read_xf", "write_tlt", "write_xf"]


def write_tlt(path: Path, angles_deg: Sequence[float] | np.ndarray) -> None:
    """One angle in degrees a line, four decimals."""
    write_text(
        path, "".join(f"{angle:9.4f}\n" for angle in np.asarray(angles_deg, dtype=np.float64))
    )


def write_xf(path: Path, matrices: np.ndarray, shifts: np.ndarray) -> None:
    """One transform a line. ``matrices``: (tilt, 2, 2) acting on (x, y); ``shifts``: (tilt, 2) as
    (dx, dy) in pixels."""
    if matrices.shape[1:] != (2, 2) or shifts.shape != (matrices.shape[0], 2):
        raise UserError(
            f"matrices of shape {matrices.shape} and shifts of {shifts.shape} given, (n, 2, 2) and "
            f"(n, 2) wanted"
        )
    lines = []
    for matrix, (dx, dy) in zip(
        np.asarray(matrices, np.float64), np.asarray(shifts, np.float64), strict=True
    ):
        lines.append("".join(f"{a:12.7f}" for a in matrix.ravel()) + f"{dx:12.4f}{dy:12.4f}\n")
    write_text(path, "".join(lines))


def read_xf(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(tilt, 2, 2) matrices acting on (x, y) and (tilt, 2) shifts (dx, dy) in pixels. Raises
    ``UserError`` for other lines."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            row = []
        if len(row) != 6:
            raise UserError(
                f"{path.name}, line {number}: {line.strip()[:60]!r} is no transform, six numbers "
                f"A11 A12 A21 A22 DX DY wanted"
            )
        rows.append(row)
    if not rows:
        raise UserError(
            f"{path.name} holds no transforms, one line of six numbers per view wanted; check the "
            f"file"
        )
    table = np.array(rows)
    return table[:, :4].reshape(-1, 2, 2), table[:, 4:]
