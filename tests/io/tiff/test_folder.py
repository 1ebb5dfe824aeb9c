"""One TIFF per tilt: the angle is found in the name, a counter is not mistaken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from recon.errors import UserError
from recon.io import read_tilt_series
from recon.io.tiff.folder import angles_in_names


@pytest.mark.parametrize(
    ("names", "angles"),
    [
        (["TS_01_0000_-60.0", "TS_01_0002_-54.0", "TS_01_0020_0.0"], [-60, -54, 0]),
        (["tilt-30", "tilt_0", "tilt_+30"], [-30, 0, 30]),
        (["s1_001[-3.00]", "s1_002[0.00]", "s1_003[3.00]"], [-3, 0, 3]),
        (["p_001_-3.0_20230101", "p_002_0.0_20230101", "p_003_3.0_20230101"], [-3, 0, 3]),
        (["0deg_a", "10deg_a", "20deg_a"], [0, 10, 20]),
        (["slice001", "slice002", "slice003"], None),
        (["scan-001", "scan-002", "scan-003"], None),
        (["img_0000", "img_0002", "img_0004"], None),
        (["a", "b", "c"], None),
        (["run_300.5_a", "run_301.5_a", "run_302.5_a"], None),
    ],
)
def test_angles_in_names(names: list[str], angles: list[float] | None) -> None:
    found = angles_in_names(names)
    assert (None if found is None else found.tolist()) == angles


def write(folder: Path, names: list[str]) -> None:
    for value, name in enumerate(names):
        image = np.full((4, 5), value, np.int16)
        image[0, 0] = 100
        tifffile.imwrite(folder / name, image, photometric="minisblack", metadata=None)


def test_views_are_sorted_by_angle(tmp_path: Path) -> None:
    write(tmp_path, ["a_0.0.tif", "a_-30.0.tif", "a_30.0.TIFF", "a_-60.0.tif"])
    series = read_tilt_series(tmp_path)
    assert series.geometry.angles_deg.tolist() == [-60, -30, 0, 30]
    assert series.data[:, 1, 1].tolist() == [3, 1, 0, 2]
    assert "sorted by the angles in their names" in " ".join(series.history)


def test_without_angles_in_names_the_names_give_the_order(tmp_path: Path) -> None:
    write(tmp_path, ["a_10.tif", "a_9.tif", "a_11.tif"])
    with pytest.raises(UserError, match="no tilt angles"):
        read_tilt_series(tmp_path)
    series = read_tilt_series(tmp_path, angles=[-10, 0, 10])
    assert series.data[:, 1, 1].tolist() == [1, 0, 2]


def test_an_excluded_view_is_not_even_read(tmp_path: Path) -> None:
    write(tmp_path, [f"a_{a}.0.tif" for a in (-60, -30, 0, 30)])
    path = tmp_path / "a_0.0.tif"
    path.write_bytes(path.read_bytes()[:8] + bytes([255]) * 16 + path.read_bytes()[24:])
    with pytest.raises(UserError, match=r"a_0\.0\.tif"):
        read_tilt_series(tmp_path)


def test_the_cryo_shell(reference: Callable[[str], Path]) -> None:
    series = read_tilt_series(reference("cryo_shell/raw"))
    assert tuple(series.data.shape) == (20, 500, 500)
    np.testing.assert_array_equal(series.geometry.angles_deg, np.arange(-60, 55, 6))
    assert float(series.data.mean()) == pytest.approx(100, rel=0.02)  # as its description says
