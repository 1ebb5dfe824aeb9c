"""Atoms as text, there and back; mistakes are sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io.xyz import read_xyz, write_xyz


@pytest.mark.parametrize("heights", [None, np.array([2.0, 1.0])])
def test_round_trip(heights: np.ndarray | None, tmp_path: Path) -> None:
    positions = np.array([[0.1, -0.2, 0.3], [1.0, 2.0, -3.0]])  # (z, y, x) nm
    write_xyz(tmp_path / "a.xyz", positions, heights, element="Si", comment='a "quoted"\nline')
    lines = (tmp_path / "a.xyz").read_text().splitlines()
    assert lines[0] == "2"
    assert lines[2].split()[:4] == ["Si", "3.00000", "-2.00000", "1.00000"]  # x y z in Angstrom
    np.testing.assert_allclose(read_xyz(tmp_path / "a.xyz") / 10, positions)


@pytest.mark.parametrize(
    "text",
    [
        "% 2\n% Properties=species\n1 1 2 3\n1 4 5 6\n",
        "1 2 3\n4 5 6\n",
        "2\n\nSi 1 2 3 0.5\nSi 4 5 6 0.5\n",
        "2\n9 9 9\nSi 1 2 3\nSi 4 5 6",
    ],
)
def test_the_ways_people_write_atoms(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    np.testing.assert_array_equal(read_xyz(tmp_path / "a.txt"), [[3, 2, 1], [6, 5, 4]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no atoms"),
        ("Si 1 2\n", "no atom"),
        ("Si 1 2 x\n", "line 1"),
        ("2\nc\nSi 1 2 3\nSi 1 2 nan\n", "not finite"),
    ],
)
def test_other_text_is_a_sentence(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(UserError, match=says):
        read_xyz(tmp_path / "a.xyz")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"b\.xyz"):
        read_xyz(tmp_path / "b.xyz")
