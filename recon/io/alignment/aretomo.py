"""AreTomo's alignment file (.aln): a line a view with rotation, magnification, shift and tilt;
local alignments are not read.

The transform of a line is ``q = R(-ROT) (p - T)`` on positions from the centre, with ``[cos ROT,
sin ROT; -sin ROT, cos ROT]`` on (x, y) for R(-ROT): the one that AreTomo itself writes as IMOD's
.xf. So ROT is our ``axis_deg``, and T = (TX, TY) is where the centre shows in the raw image.
AreTomo writes GMAG = 1; we write the view's magnification there, and divide by it on reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.text import read_text, write_text

_HEAD = (
    "# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE    "
    " "
    "TILT\n"
)


@dataclass(frozen=True, eq=False)
class Alignment:
    """``section``: (view,) index in the raw stack, from 0; dark frames that AreTomo left out are
    missing. ``tilt_deg``: (view,).

    ``matrices``: (view, 2, 2) on (x, y); ``shifts``: (view, 2) as (dx, dy) in raw pixels, as in an
    .xf file. ``raw_size``: (x, y, views).
    """

    section: np.ndarray
    tilt_deg: np.ndarray
    matrices: np.ndarray
    shifts: np.ndarray
    raw_size: tuple[int, int, int]


def write_aln(
    path: Path,
    matrices: np.ndarray,
    shifts: np.ndarray,
    tilt_deg: np.ndarray,
    raw_size: tuple[int, int, int],
) -> None:
    """One line a view. ``matrices``, ``shifts`` as ``Alignment``. What is neither rotation nor
    magnification cannot be written and is lost.

    Raises ``UserError`` for shapes that do not belong together and for mirrored views.
    """
    n = len(tilt_deg)
    if matrices.shape != (n, 2, 2) or shifts.shape != (n, 2):
        raise UserError(
            f"matrices of shape {matrices.shape} and shifts of {shifts.shape} given, ({n}, 2, 2) "
            f"and ({n}, 2) wanted"
        )
    if (np.linalg.det(matrices) <= 0).any():
        raise UserError(
            "a transform that mirrors a view was given; AreTomo's .aln has rotations only, export "
            ".xf instead"
        )
    where = -np.linalg.solve(matrices, shifts[:, :, None])[:, :, 0]
    rotation = np.rad2deg(
        np.arctan2(matrices[:, 0, 1] - matrices[:, 1, 0], matrices[:, 0, 0] + matrices[:, 1, 1])
    )
    magnification = 1 / np.sqrt(np.linalg.det(matrices))
    x, y, views = raw_size
    lines = [
        "# AreTomo Alignment / Priims bprmMn\n",
        f"# RawSize = {x} {y} {views}\n",
        "# NumPatches = 0\n",
        _HEAD,
    ]
    for k in range(n):
        lines.append(
            f"{k:5d}{rotation[k]:12.5f}{magnification[k]:11.6f}{where[k, 0]:12.4f}{where[k, 1]:12.4f}"
            f"{1:9.2f}{1:9.2f}{1:9.2f}{0:9.2f}{float(tilt_deg[k]):11.4f}\n"
        )
    write_text(path, "".join(lines))


def read_aln(path: Path) -> Alignment:
    """The global alignment. Sections are counted from 0 or from 1 by the version; 1 is taken when
    no view, dark or not, is called 0.

    Raises ``UserError`` for files of another form.
    """
    text = read_text(path).partition("# Local Alignment")[0]
    size = re.search(r"RawSize\s*=\s*(\d+)\s+(\d+)\s+(\d+)", text)
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            row = []
        if len(row) != 10 or not np.isfinite(row).all() or row[2] <= 0:
            raise UserError(
                f"{path.name}, line {number}: {line.strip()[:60]!r} given, SEC ROT GMAG TX TY "
                f"SMEAN SFIT SCALE BASE TILT wanted; check the file"
            )
        rows.append(row)
    if not rows or size is None:
        raise UserError(
            f"{path.name} is no AreTomo alignment: 'RawSize' and a line a view are wanted; check "
            f"the file"
        )
    table = np.array(rows)
    dark = [int(n) for n in re.findall(r"DarkFrame\s*=\s*\d+\s+(\d+)", text)]
    first = 0 if 0 in dark or (table[:, 0] == 0).any() else 1
    r = np.deg2rad(table[:, 1])
    matrices = (
        np.stack([np.stack([np.cos(r), np.sin(r)], 1), np.stack([-np.sin(r), np.cos(r)], 1)], 1)
        / table[:, 2, None, None]
    )
    shifts = -np.einsum("vij,vj->vi", matrices, table[:, 3:5])
    return Alignment(
        table[:, 0].astype(int) - first,
        table[:, 9],
        matrices,
        shifts,
        (int(size[1]), int(size[2]), int(size[3])),
    )
