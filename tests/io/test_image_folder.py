"""One TIFF per tilt: the angle is found in the name, a counter is not mistaken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from recon.errors import UserError
from recon.io import read_tilt_series
from recon.io.angles_in_names import angles_in_names


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
        (["a_-12.0_May30_22.19.28", "a_0.0_May30_22.20.45", "a_12.0_May31_22.24.36"], [-12, 0, 12]),
        (["HAADF_-59,5", "HAADF_0,5", "HAADF_60,5"], [-59.5, 0.5, 60.5]),
        (["t_-3_22-19-28", "t_0_22-20-45", "t_3_22-24-36"], [-3, 0, 3]),
        (
            ["2026-01-30 12.10.11 -60", "2026-01-30 12.11.11 0", "2026-01-31 12.12.11 60"],
            [-60, 0, 60],
        ),
        (["30.01.2026_-60_-170C", "30.01.2026_0_-171C", "31.01.2026_60_-170C"], [-60, 0, 60]),
        (["a_-9.0_27.5", "a_0.0_30.0", "a_9.0_33.1"], [-9, 0, 9]),  # no dose is negative
        (["a_30.0_3.1eA2", "a_33.0_6.2eA2", "a_36.0_9.3eA2"], [30, 33, 36]),
        (["a_30.0_dose3.1", "a_33.0_dose6.2", "a_36.0_dose9.3"], [30, 33, 36]),
        (["HAADF_22.19", "HAADF_22.20", "HAADF_22.45"], None),  # a time of day
        (["k20260130_tilt045", "k20260130_tilt048", "k20260130_tilt051"], [45, 48, 51]),
    ],
)
def test_angles_in_names(names: list[str], angles: list[float] | None) -> None:
    found = angles_in_names(names)
    assert (None if found is None else found.tolist()) == angles


@pytest.mark.parametrize(
    "names", [["a_30.5_3.5", "a_33.5_6.5", "a_36.5_9.5"], ["a_-3_b_2", "a_-1_b_1", "a_2_b_-1"]]
)
def test_of_two_numbers_alike_neither_is_taken(names: list[str]) -> None:
    with pytest.raises(UserError, match="several numbers that may be the tilt angle"):
        angles_in_names(names)


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


MDOC = "PixelSpacing = 5.0\n[T = Tilt axis angle = 84.8, binning = 1]\n" + "".join(
    f"[ZValue = {k}]\nTiltAngle = {tilt}\nSubFramePath = X:\\\\frames\\\\g_{k + 8}.tif\n"
    for k, tilt in enumerate([0, -30, 30, -60])
)


def test_an_mdoc_in_the_folder_names_each_file(tmp_path: Path) -> None:
    write(tmp_path, ["g_8.tif", "g_9.tif", "g_10.tif", "g_11.tif"])
    (tmp_path / "g.mrc.mdoc").write_text(MDOC)
    series = read_tilt_series(tmp_path)
    assert series.geometry.angles_deg.tolist() == [0, -30, 30, -60]
    assert series.data[:, 1, 1].tolist() == [0, 1, 2, 3]
    (tmp_path / "g.mrc.mdoc").write_text(MDOC.replace("g_8", "h_8"))
    with pytest.raises(UserError, match=r"g\.mrc\.mdoc in it does not name these files"):
        read_tilt_series(tmp_path)


def test_an_mdoc_a_file(tmp_path: Path) -> None:
    for k, tilt in enumerate((30, -30, 0)):
        write(tmp_path, [f"{tilt + 90}.tif"])
        text = f"[FrameSet = 0]\nTiltAngle = {tilt}\n"
        (tmp_path / f"{tilt + 90}.tif.mdoc").write_text(text)
        assert k < 3
    series = read_tilt_series(tmp_path)
    assert series.geometry.angles_deg.tolist() == [-30, 0, 30]


def test_a_rawtlt_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path, ["g_8.tif", "g_9.tif", "g_10.tif"])
    (tmp_path / "g.rawtlt").write_text("-30\n0\n30\n")
    assert read_tilt_series(tmp_path).geometry.angles_deg.tolist() == [-30, 0, 30]


def test_a_folder_of_mrc_images_with_mdocs(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    for k, tilt in enumerate((30, -30, 0)):
        view = np.arange(20, dtype=np.int16).reshape(1, 4, 5) + k
        (tmp_path / f"v{k}.mrc").write_bytes(pack_mrc(view, 1))
        (tmp_path / f"v{k}.mrc.mdoc").write_text(f"[ZValue = 0]\nTiltAngle = {tilt}\n")
    series = read_tilt_series(tmp_path)
    assert series.geometry.angles_deg.tolist() == [-30, 0, 30]
    assert series.data[:, 0, 0].tolist() == [1, 2, 0]
    (tmp_path / "v3.mrc").write_bytes(pack_mrc(np.zeros((2, 4, 5), np.int16), 1))
    with pytest.raises(UserError, match=r"v3\.mrc in .* has 2 images"):
        read_tilt_series(tmp_path)


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
