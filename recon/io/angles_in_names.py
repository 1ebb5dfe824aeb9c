"""Tilt angles in the names of files, told apart from counters, dates, times, doses and the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.errors import UserError

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# Times of day and dates: taken out of a name before numbers are looked for.
_MOMENTS = re.compile(
    rf"""(?<!\d)(?:
      (?:[01]?\d|2[0-3])[.:h](?:[0-5]\d)[.:m][0-5]\d s?          # 22.19.28, 22:19:28, 22h19m28
    | (?:[01]\d|2[0-3])-[0-5]\d-[0-5]\d                           # 22-19-28
    | (?:19|20)\d\d([-._])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])   # 2026-01-30
    | (?:0?[1-9]|[12]\d|3[01])([-.])(?:0?[1-9]|1[0-2])\2(?:(?:19|20)\d\d|\d\d) # 30.01.2026
    | (?:0?[1-9]|[12]\d|3[01])[-_. ]?(?:{_MONTH})[a-z]*[-_. ]?(?:(?:19|20)\d\d|\d\d)? # 30-Jan-26
    )(?!\d)
    | (?:{_MONTH})[a-z]*[-_. ]?(?:0?[1-9]|[12]\d|3[01])(?!\d)     # May30
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[.,][0-5]\d")
_CALLED_TILT = re.compile(r"(?:tilt|angle|alpha|theta)[_\-= \[(]*$", re.IGNORECASE)
_CALLED_OTHER = re.compile(
    r"(?<![a-z])(?:dose|exp(?:osure)?|fluence|temp(?:erature)?|time|mag|defocus|df|def|current|energy|height)"
    r"[_\-= \[(]*$",
    re.IGNORECASE,
)
_IN_DEGREES = re.compile(r"[_ ]?(?:deg(?:rees?)?|°)(?![a-z])", re.IGNORECASE)
_IN_OTHER = re.compile(
    r"[_ ]?(?:e[-_]?(?:/?p?A\^?2?|/|/?nm\^?2?|px)|e-?(?![a-z\d])|kV|keV|kx|nm|um|µm|mm|pm|s|ms|pA|nA|K|C|degC|°C|x|min|h|mrad)"
    r"(?![a-zA-Z\d])"
)


@dataclass(frozen=True)
class _Found:
    """A number in a name: its ``text``, and what stands ``before`` and ``after`` it."""

    text: str
    before: str
    after: str

    @property
    def value(self) -> float:
        return float(self.text.replace(",", "."))


def angles_in_names(names: Sequence[str]) -> np.ndarray | None:
    """(file,) degrees from the numbers in file names, None when no number is clearly a tilt.

    Numbers are compared by their place in the name, once times of day and dates are out of it. A
    tilt is within +-180, differs from file to file, and shows itself by a word (tilt, deg), by both
    signs, or by decimals; a plain counter does none of these. A number that is called or measured
    otherwise (dose, temperature, time) is none. Raises ``UserError`` when several numbers show
    themselves equally well.
    """
    rows = [_numbers(name) for name in names]
    least, most = min(map(len, rows), default=0), max(map(len, rows), default=0)
    # Places from the end where names differ in how many numbers they hold, else from the start.
    places = range(least) if least == most else range(-1, -least - 1, -1)
    ranked: dict[int, list[list[_Found]]] = {}
    for place in places:
        column = [row[place] for row in rows]
        if (rank := _rank(column)) and not any(_same(column, c) for c in ranked.get(rank, [])):
            ranked.setdefault(rank, []).append(column)
    if not ranked:
        return None
    best = ranked[max(ranked)]
    if len(best) > 1:
        shown = " and ".join(f"{c[0].text} to {c[-1].text}" for c in best[:3])
        raise UserError(
            f"names such as {names[0]!r} hold several numbers that may be the tilt angle ({shown}); "
            "say which with angles=[...], in the order of the names"
        )
    return np.array([found.value for found in best[0]])


def _numbers(name: str) -> list[_Found]:
    plain = _MOMENTS.sub(lambda m: "~" * len(m[0]), name)
    found = []
    for m in _NUMBER.finditer(plain):
        text = m[0]
        # "10-20": the sign after a digit is a dash between two numbers.
        if text[0] in "+-" and m.start() and plain[m.start() - 1].isdigit():
            text = text[1:]
        found.append(_Found(text, plain[: m.start()], plain[m.end() :]))
    return found


def _rank(column: Sequence[_Found]) -> int:
    """How clearly a column of numbers is the tilt; 0: it is not."""
    values = np.array([c.value for c in column])
    if np.abs(values).max() > 180 or (values.size > 1 and np.ptp(values) == 0):
        return 0
    if all(_CALLED_OTHER.search(c.before) or _IN_OTHER.match(c.after) for c in column):
        return 0
    if all(_CALLED_TILT.search(c.before) for c in column) or all(
        _IN_DEGREES.match(c.after) for c in column
    ):
        return 3
    if values.min() < 0 <= values.max():
        return 2
    decimals = all(re.search("[.,]", c.text) for c in column)
    clock = all(_CLOCK.fullmatch(c.text) for c in column)
    return 1 if decimals and not clock else 0


def _same(a: Sequence[_Found], b: Sequence[_Found]) -> bool:
    return [c.value for c in a] == [c.value for c in b]
