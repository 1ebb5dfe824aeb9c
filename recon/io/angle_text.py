"""Tilt angles as people write them: .tlt, .rawtlt, .txt, .csv, a list, or "start:stop:step"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.mdoc import read_mdoc
from recon.io.number_table import read_table
from recon.io.stack import AngleSource
from recon.io.text import read_text, to_number

_MOST_VIEWS = 10_000


def angles_from_user(given: str | Sequence[float] | Path) -> AngleSource:
    """What ``angles=...`` means: a list of degrees, "start:stop:step" with both ends, or the path
    of an angle file.

    Raises ``UserError`` for text that is neither, and for files that hold no angles.
    """
    if isinstance(given, (str, Path)):
        text = str(given).strip()
        numbers = text.strip("[]()")
        if re.fullmatch(r"[-+.,\deE\s]+:[-+.,\deE\s]+(:[-+.,\deE\s]+)?", text):
            return AngleSource(f"angles={text}", _range(text))
        if re.fullmatch(r"[-+.\deE]+(\s*[,;\s]\s*[-+.\deE]+)+", numbers):
            comma = ";" in numbers  # "-59,5; -57,5"
            parts = re.split(r"[;\s]+" if comma else r"[,;\s]+", numbers)
            return AngleSource("angles=[...]", np.array([to_number(n) for n in parts if n]))
        return AngleSource(Path(text).name, read_angles(Path(text).expanduser()))
    try:
        values = np.array([float(v) for v in given])
    except (TypeError, ValueError) as error:
        raise UserError(
            f"angles={given!r} given, numbers in degrees wanted; for example angles=[-60,-58,-56]"
        ) from error
    return AngleSource("angles=[...]", values)


def read_angles(path: Path) -> np.ndarray:
    """(view,) degrees from .tlt, .rawtlt, .txt, .csv or .mdoc, in the order of the stack."""
    if not path.is_file():
        raise UserError(
            f"angles={str(path)!r} is neither a file nor degrees{close_names(path)}; write "
            f"angles=-60:60:2 or name an angle file"
        )
    if path.suffix.lower() == ".mdoc":
        mdoc = read_mdoc(path)
        if mdoc.angles_deg is None:
            raise UserError(
                f"{path.name} has no TiltAngle in every [ZValue] section, one per view wanted; "
                f"give another angle file"
            )
        return mdoc.angles_deg
    return read_tlt(path)


def read_tlt(path: Path) -> np.ndarray:
    """(view,) degrees from a text file: one number a line, or all on one line, or a table.

    Of a table, the column is taken whose title holds "angle" or "tilt"; without titles, the second
    of two columns when the first only counts the views. Lines that begin with # are comments.
    Raises ``UserError`` for anything else.
    """
    table = read_table(read_text(path), name=path.name)
    if len(table.values) == 1:
        return np.array(table.values[0])
    return _column(table.values, list(table.titles), path.name)


def _column(table: np.ndarray, titles: list[str], name: str) -> np.ndarray:
    n_columns = table.shape[1]
    named = [i for i, title in enumerate(titles) if "tilt" in title or "angle" in title]
    if n_columns == 1:
        return np.array(table[:, 0])
    if len(titles) == n_columns and len(named) == 1:
        return np.array(table[:, named[0]])
    # What only counts the views, or is one number for all of them, is no tilt: so are two of three
    # Euler angles of a single-axis series.
    telling = [
        i
        for i in range(n_columns)
        if np.ptp(table[:, i]) > 0
        and not (i == 0 and np.array_equal(table[:, 0] - table[0, 0], np.arange(len(table))))
    ]
    if len(telling) == 1:
        return np.array(table[:, telling[0]])
    raise UserError(
        f"{name} has {n_columns} columns and no single one titled 'angle', one angle a line "
        f"wanted; keep one column, "
        "decimals with a point"
    )


def _range(text: str) -> np.ndarray:
    """start:stop:step, both ends included."""
    try:
        parts = [to_number(p) for p in text.split(":")]
    except ValueError as error:
        raise UserError(
            f"angles={text} given, start:stop:step in degrees wanted; for example angles=-60:60:2"
        ) from error
    if len(parts) != 3 or parts[2] == 0 or not np.isfinite(parts).all():
        raise UserError(
            f"angles={text} given, start:stop:step with a step other than zero wanted; for example "
            f"angles=-60:60:2"
        )
    start, stop, step = parts
    steps = (stop - start) / step
    if steps < 0:
        raise UserError(
            f"angles={text} never gets from {start:g} to {stop:g} in steps of {step:g}; write "
            f"angles={start:g}:{stop:g}:{-step:g}"
        )
    if steps > _MOST_VIEWS:
        raise UserError(
            f"angles={text} makes {steps + 1:.0f} angles, at most {_MOST_VIEWS} wanted; check the "
            f"step"
        )
    return start + step * np.arange(int(np.floor(steps + 1e-6)) + 1)


def close_names(path: Path) -> str:
    """ " (did you mean a.mrc or b.mrc?)" for names in the same folder; empty when nothing there is
    alike."""
    folder = path.parent
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError:
        return ""
    close = get_close_matches(path.name, names, n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
