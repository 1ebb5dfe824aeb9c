"""Tables of measurements: rows of text, one for each case and method, kept in their table's order."""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, str]


def read(table: Path) -> list[Row]:
    """The rows of a table, or none."""
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def put_row(
    table: Path,
    row: Row,
    columns: Sequence[str],
    key: Sequence[str],
    order: Sequence[Sequence[str]],
) -> None:
    """In the place of the row with the same ``key`` columns, or where its key stands in ``order``;
    those that stand nowhere go last. Several runs may write to one table."""
    folder = os.open(table.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)

        def key_of(one: Row) -> tuple[str, ...]:
            return tuple(one[column] for column in key)

        rows = [old for old in read(table) if key_of(old) != key_of(row)] + [row]
        places = {tuple(one): place for place, one in enumerate(order)}
        rows.sort(key=lambda one: places.get(key_of(one), len(places)))
        part = table.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        part.replace(table)
    finally:
        os.close(folder)  # gives the lock back
