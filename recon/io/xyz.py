"""Atom positions as text: .xyz files and tables of atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.atomic import replacing


def write_xyz(
    path: Path, positions_nm: np.ndarray, heights: np.ndarray | None, *, element: str, comment: str
) -> None:
    """Extended XYZ: a count, a line of properties, then ``element x y z`` and, where given, the
    height of each atom, in Angstrom.

    ``positions_nm``: (n, 3) as (z, y, x) from the centre of the tomogram. Raises ``UserError`` for
    a write that fails.
    """
    words = " ".join(comment.replace('"', "'").split())
    ends = [""] * len(positions_nm) if heights is None else [f" {height:.6g}" for height in heights]
    columns = "species:S:1:pos:R:3" + ("" if heights is None else ":height:R:1")
    lines = [str(len(positions_nm)), f'Properties={columns} pbc="F F F" comment="{words}"']
    lines += [
        f"{element} {10 * x:.5f} {10 * y:.5f} {10 * z:.5f}{end}"
        for (z, y, x), end in zip(positions_nm, ends, strict=True)
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "utf-8")


def read_xyz(path: Path) -> np.ndarray:
    """(n, 3) Angstrom as (z, y, x) from an .xyz file, or from lines of ``species x y z`` or ``x y
    z``; % and # begin comments.

    Raises ``UserError`` for a file that is not there or holds something else.
    """
    path = path.expanduser()
    try:
        lines = path.read_bytes()[:400_000_000].decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise UserError(
            f"{str(path)[-150:]!r} cannot be read ({error.strerror}); give a file of atoms (.xyz)"
        ) from error
    rows = [(number, line.split()) for number, line in enumerate(lines, start=1)]
    rows = [
        (number, words) for number, words in rows if words and not words[0].startswith(("%", "#"))
    ]
    if rows and len(rows[0][1]) == 1:  # the count of an .xyz file; the line after it is free text
        rows = [row for row in rows if row[0] > rows[0][0] + 1]
    atoms = []
    for number, words in rows:
        try:
            x, y, z = map(float, words[:3] if len(words) == 3 else words[1:4])
        except ValueError as error:
            shown = " ".join(words)[:40]
            raise UserError(
                f"{path.name}, line {number}: {shown!r} is no atom; species x y z in Angstrom "
                f"wanted"
            ) from error
        atoms.append((z, y, x))
    if not atoms or not np.isfinite(atoms).all():
        raise UserError(
            f"{path.name} holds {'positions that are not finite' if atoms else 'no atoms'}; "
            f"species x y z wanted"
        )
    return np.array(atoms)
