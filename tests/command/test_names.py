"""Folders' names are short, legal on every system, and different."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.command.names import LONGEST, folder_name, run_folders, series_names, what_differs

TEXT = st.text(max_size=90)


def is_legal(name: str) -> bool:
    """On Linux, macOS and Windows."""
    return (
        0 < len(name) <= LONGEST + 8
        and not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        and not name.startswith(".")
        and not name.endswith((".", " "))
        and name.partition(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")
    )


@given(TEXT)
@settings(deadline=None)
def test_any_text_becomes_a_legal_name(text: str) -> None:
    assert is_legal(folder_name(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("needle", "needle"),
        ("a b/c", "a_b_c"),
        ("Nadel_ü", "Nadel_ü"),
        ("con", "con_"),
        ("nul.2", "nul.2_"),
        ("...", "series"),
        ("angles=-60:60:2", "angles=-60_60_2"),
    ],
)
def test_known_names(text: str, name: str) -> None:
    assert folder_name(text) == name


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "a_1", "b"]) | TEXT, TEXT), max_size=12))
@settings(deadline=None)
def test_series_never_share_a_folder(given_names: list[tuple[str, str]]) -> None:
    """Nor on a disk that takes a and A for one; and a command gives the same names again."""
    names = series_names(given_names, taken=("overview.html",))
    assert len({n.casefold() for n in (*names, "overview.html")}) == len(given_names) + 1
    assert all(is_legal(n) for n in names)
    assert series_names(given_names, taken=("overview.html",)) == names


@pytest.mark.parametrize(
    ("given_names", "names"),
    [
        ([("A", "x"), ("B", "x")], ("A", "B")),
        ([("A", "x"), ("A", "y"), ("B", "x")], ("x_A", "y_A", "B")),
        ([("A", "x"), ("a", "x")], ("A_1", "a_2")),
        ([("A", ""), ("A", "")], ("A_1", "A_2")),
        ([("A", "x"), ("A", "y"), ("x_A", "z")], ("x_A", "y_A", "x_A_2")),
        ([("overview.html", "x")], ("overview.html_2",)),
    ],
)
def test_two_of_one_name_are_told_apart(
    given_names: list[tuple[str, str]], names: tuple[str, ...]
) -> None:
    assert series_names(given_names, taken=("overview.html", "overview.csv")) == names


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        (
            [{"algorithm": "wbp", "threads": "1"}, {"algorithm": "tv", "threads": "1"}],
            ("algorithm=wbp", "algorithm=tv"),
        ),
        (
            [{"algorithm.weights": "/a/b"}, {"algorithm.weights": "/c/d/"}],
            ("weights=b", "weights=d"),
        ),
        (
            [{"angles": "/x/1/t.tlt"}, {"angles": "/x/2/t.tlt"}],
            ("angles=1_t.tlt", "angles=2_t.tlt"),
        ),
        (
            [{"angles": "'/x/a.tlt'"}, {"angles": r"C:\x\b.tlt"}],
            ("angles=a.tlt", "angles=b.tlt"),
        ),
        (
            [
                {"align.path": "/a", "analyze.path": "/b"},
                {"align.path": "/c", "analyze.path": "/d"},
            ],
            ("align.path=a,analyze.path=b", "align.path=c,analyze.path=d"),
        ),
        ([{"algorithm": "tv"}, {}], ("algorithm=tv", "run")),
        ([{"algorithm": "tv", "threads": "1", "output": "x"}], ("algorithm=tv",)),
        ([{"output": "x", "input": "a.mrc"}], ("run",)),
        ([{"threads": "1"}, {"threads": "2"}], ("threads=1", "threads=2")),
    ],
)
def test_a_run_is_named_by_what_differs(
    runs: list[dict[str, str]], labels: tuple[str, ...]
) -> None:
    assert what_differs(runs) == labels


def test_folders_of_runs_sort_in_their_order() -> None:
    names = run_folders([f"angles=/{'x' * 90}/{k}" for k in range(12)])
    assert sorted(names) == list(names)
    assert len(set(names)) == 12
    assert all(is_legal(n) for n in names)
    assert run_folders(["algorithm=wbp", "algorithm=tv"]) == ("0_algorithm=wbp", "1_algorithm=tv")
