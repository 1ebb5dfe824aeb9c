"""IMOD's text files of beads: round trips and IMOD's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io.alignment.tracks import read_points, read_xyz, write_points, write_xyz

SHAPE = (480, 512)


def test_xyz_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    beads, numbers = rng.uniform(-250, 250, (7, 3)), np.array([0, 2, 3, 9, 10, 40, 800])
    write_xyz(tmp_path / "a.xyz", beads, SHAPE, 2.02, numbers)
    found, found_numbers = read_xyz(tmp_path / "a.xyz")
    np.testing.assert_allclose(found, beads, atol=5.1e-5)
    assert found_numbers.tolist() == numbers.tolist()
    assert "Pix:   20.20000 Dim:   512   480" in (tmp_path / "a.xyz").read_text()


def test_a_bead_in_the_centre_is_at_half_the_size(tmp_path: Path) -> None:
    write_xyz(tmp_path / "a.xyz", np.zeros((1, 3)), SHAPE, None)
    assert [float(w) for w in (tmp_path / "a.xyz").read_text().split()[1:4]] == [256.0, 240.0, 0.0]


def test_points_round_trip_in_the_order_of_beads_and_views(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    bead, view = rng.integers(0, 9, 50), rng.integers(0, 61, 50)
    position = rng.uniform(-240, 240, (50, 2))
    write_points(tmp_path / "a.fid.txt", bead, view, position, SHAPE)
    found_bead, found_view, found = read_points(tmp_path / "a.fid.txt", SHAPE)
    order = np.lexsort((view, bead))
    assert found_bead.tolist() == bead[order].tolist()
    assert found_view.tolist() == view[order].tolist()
    np.testing.assert_allclose(found, position[order], atol=5.1e-5)


def test_a_point_is_contour_x_y_z_from_the_corner(tmp_path: Path) -> None:
    """The middle of the first pixel is at 1/2 in IMOD and at -(n - 1) / 2 from the centre."""
    (tmp_path / "a.txt").write_text("3 0.5 0.5 7.0\n")
    bead, view, position = read_points(tmp_path / "a.txt", SHAPE)
    assert (bead.tolist(), view.tolist()) == ([2], [7])
    assert position[0].tolist() == [-239.5, -255.5]


def test_the_object_column_may_stand_before(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 3 10 20 7\n1 4 10 20 7\n")
    assert read_points(tmp_path / "a.txt", SHAPE)[0].tolist() == [2, 3]


@pytest.mark.parametrize(
    "text",
    ["", "1 2 3\n", "1 2 3 x\n", "1 2 3 4\n1 1 2 3 4\n", "1 2 3 4.5\n", "0 2 3 4\n", "1 nan 3 4\n"],
)
def test_other_points_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(UserError, match=r"a\.txt"):
        read_points(tmp_path / "a.txt", SHAPE)


@pytest.mark.parametrize("text", ["1 2 3 4 5 6\n", "1 2 3 Dim: 5 5\n", "\n"])
def test_other_xyz_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(UserError, match=r"a\.xyz"):
        read_xyz(tmp_path / "a.xyz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.xyz cannot be read"):
        read_xyz(tmp_path / "none.xyz")


def test_imods_own_positions(reference: Callable[[str], Path], tmp_path: Path) -> None:
    beads, numbers = read_xyz(reference("bead_tracks/BBafid.xyz"))
    assert beads.shape == (23, 3)
    np.testing.assert_allclose(beads[0], [46.24, 242.64 - 256, 244.50 - 256])
    assert numbers[[0, 3, -1]].tolist() == [0, 4, 24]  # contour 4 and 24 of the model are missing
    write_xyz(tmp_path / "a.xyz", beads, (512, 512), 2.02, numbers)
    np.testing.assert_allclose(read_xyz(tmp_path / "a.xyz")[0], beads, atol=1e-9)
