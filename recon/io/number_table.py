"""A table of numbers in a text file, with decimal points or with decimal commas.

A comma may part two columns or a number's digits. Where the file itself does not tell, it is not
guessed: half a degree, or a counter taken for a tilt, would pass unseen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.errors import UserError

_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+")
_PLAIN = re.compile(r"[-+]?\d+")


@dataclass(frozen=True, eq=False)
class NumberTable:
    """``values``: (row, column). ``titles``: of the columns, lower case, where the first line has
    words."""

    values: np.ndarray
    titles: tuple[str, ...] = ()


def read_table(text: str, *, name: str) -> NumberTable:
    """The numbers of ``text``, one line a row; lines that begin with # are comments, blank ones
    nothing.

    Raises ``UserError`` for words below the first line, for lines of several lengths, and for
    commas that may mean either.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    titles: tuple[str, ...] = ()
    if lines and not re.match(r"[-+.,;\s]*\d|[-+]?(nan|inf)\b", lines[0][1], re.IGNORECASE):
        first = lines.pop(0)[1]
        parted = r"[,;\t]+" if re.search(r"[,;\t]", first) else r"\s+"
        titles = tuple(t.lower() for t in re.split(parted, first))
    if not lines:
        raise UserError(f"{name} holds no tilt angles; one number in degrees a line wanted")
    comma = _decimal_comma([line for _, line in lines], len(titles), name)
    rows = []
    for number, line in lines:
        cells = [c for c in re.split(r"[;\s]+" if comma else r"[,;\s]+", line) if c]
        try:
            rows.append([float(c.replace(",", ".")) for c in cells])
        except ValueError as error:
            raise UserError(
                f"{name}, line {number}: {line[:40]!r} is not a tilt angle; one number in degrees "
                "a line wanted"
            ) from error
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise UserError(
            f"{name} has lines of {min(widths)} and of {max(widths)} numbers, one angle a line "
            "wanted; write decimals with a point"
        )
    return NumberTable(np.array(rows), titles)


def _decimal_comma(lines: Sequence[str], n_titles: int, name: str) -> bool:
    """Whether commas part digits. Raises ``UserError`` where they may part columns as well."""
    if not any("," in line for line in lines) or any("." in line for line in lines):
        return False
    cells = [[c for c in re.split(r"[;\s]+", line) if c] for line in lines]
    if not all(
        _COMMA_NUMBER.fullmatch(c) or _PLAIN.fullmatch(c) for row in cells for c in row
    ):  # "-60,-58", "1, 2", "1,2,3": columns
        return False
    if any(len(row) > 1 for row in cells):  # other signs part the columns
        return True
    texts = [row[0] for row in cells if "," in row[0]]
    if len(texts) < len(cells):  # a whole number among them: one column
        return True
    if n_titles == 2 or len(lines) == 1:
        return False
    behind = [t.partition(",")[2] for t in texts]
    before = np.array([int(t.partition(",")[0]) for t in texts])
    last = np.array([int(b) for b in behind])
    counted = np.array_equal(before - before[0], np.arange(before.size)) and before[0] in (0, 1)
    zeros = any(len(b) > 1 and b[0] == "0" for b in behind) or any(t[:2] == "-0" for t in texts)
    if zeros or n_titles == 1:  # "-8,05", "-0,5": no column of whole numbers is written so
        return True
    if not counted and (not last.any() or (len(set(map(len, behind))) == 1 and len(behind[0]) > 1)):
        return True  # "-60,0", "-59,97"
    steps = np.diff(last)
    if not counted and last.size > 2 and (steps > 0).any() and (steps < 0).any():
        return True  # "-60,1", "-57,0", "-54,2": no dose or counter goes up and down
    as_numbers = np.array([float(t.replace(",", ".")) for t in texts])
    spread = [_irregular(v) for v in (as_numbers, last if counted else before)]
    if spread[0] < 0.5 * spread[1] - 1e-6:
        return True
    if spread[1] < 0.5 * spread[0] - 1e-6 and counted:
        return False
    raise UserError(
        f"{name} has lines such as {texts[0]!r}, which may be one number with a decimal comma or "
        "two columns; write decimals with a point, or columns with a tab"
    )


def _irregular(values: np.ndarray) -> float:
    """How unequal the steps of sorted values are; a series of tilts has nearly equal ones."""
    steps = np.diff(np.sort(values))
    typical = float(np.median(steps)) if steps.size else 0.0
    return float(np.abs(steps - typical).mean() / typical) if typical > 0 else float("inf")
