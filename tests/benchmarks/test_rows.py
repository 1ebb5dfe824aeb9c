"""A table keeps one row for each key, in its order, whichever comes first."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows import put_row, read

COLUMNS, KEY = ("case", "method", "db"), ("case", "method")
ORDER = [("a", "x"), ("a", "y"), ("b", "x")]


def test_rows_stand_in_the_tables_order_once_each(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    assert read(table) == []
    for case, method, db in (
        ("b", "x", "1"), ("gone", "z", "2"), ("a", "y", "3"), ("b", "x", "4"), ("a", "x", "5"),
    ):  # fmt: skip
        put_row(table, dict(zip(COLUMNS, (case, method, db), strict=True)), COLUMNS, KEY, ORDER)
    assert [tuple(row.values()) for row in read(table)] == [
        ("a", "x", "5"), ("a", "y", "3"), ("b", "x", "4"), ("gone", "z", "2"),
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
