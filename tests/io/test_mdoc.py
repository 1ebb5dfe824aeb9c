"""SerialEM .mdoc: order by ZValue, Angstrom to nm, remarks and other sections ignored; compared
with mdocfile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.io.mdoc import read_mdoc

MDOC = """PixelSpacing = 5.4
[T =     Tilt axis angle = 85.3, binning = 4  spot = 8  camera = 2]
[ZValue = 2]
TiltAngle = 3.5
PixelSpacing = 5.4
[ZValue = 0]
TiltAngle = -3.5
RotationAngle = 175.3
[ZValue = 1]
TiltAngle = 0.01
SubFramePath = C:\\a = b.tif
[FrameSet = 0]
TiltAngle = 99
"""


def test_sections_are_ordered_by_zvalue(tmp_path: Path) -> None:
    path = tmp_path / "a.mdoc"
    path.write_text(MDOC)
    mdoc = read_mdoc(path)
    assert mdoc.angles_deg is not None
    assert mdoc.angles_deg.tolist() == [-3.5, 0.01, 3.5]
    assert mdoc.pixel_nm == pytest.approx(0.54)
    assert mdoc.axis is not None
    assert (mdoc.axis.axis_deg, mdoc.axis.reliable) == (85.3, True)
    assert mdoc.frame_names == ["", "a = b.tif", ""]


def test_the_axis_is_the_remarks_and_rotation_is_90_degrees_more(tmp_path: Path) -> None:
    path = tmp_path / "a.mdoc"
    rotated = "[ZValue = 0]\nTiltAngle = 0\nRotationAngle = -175.0\n"
    for remark, axis, reliable in (
        ("[T =     Tilt axis angle = 95,0, binning = 1]\n", 95.0, True),
        ("[T = TiltAxisAngle = -85.2 Binning = 1]\n", -85.2, False),
        ("", 95.0, False),
    ):
        path.write_text(remark + rotated)
        found = read_mdoc(path).axis
        assert found is not None
        assert (found.axis_deg, found.reliable) == (axis, reliable)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_decimal_commas_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mdoc"
    text = MDOC.replace("3.5", "3,5").replace("0.01", "0,01").replace("5.4", "5,4")
    path.write_bytes(("[T = 20 \u00b0C]\r\n" + text).encode(encoding))
    mdoc = read_mdoc(path)
    assert mdoc.angles_deg is not None
    assert mdoc.angles_deg.tolist() == [-3.5, 0.01, 3.5]
    assert mdoc.pixel_nm == pytest.approx(0.54)


def test_what_the_microscope_said_of_each_view_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.mdoc"
    path.write_text(
        "".join(
            f"[ZValue = {k}]\nTiltAngle = {3 * k}\nExposureDose = 2.5\nPriorRecordDose = {2.5 * k}\n"
            f"DateTime = 01-Jan-26  10:0{k}:00\nTargetDefocus = -3\nSubFramePath = D:\\a\\f{k}.tif\n"
            for k in range(3)
        )
    )
    mdoc = read_mdoc(path)
    assert mdoc.per_view["prior_dose_e_per_a2"] == [0.0, 2.5, 5.0]
    assert mdoc.per_view["dose_e_per_a2"] == [2.5] * 3
    assert mdoc.per_view["defocus_um"] == [-3.0] * 3
    assert mdoc.per_view["date"][1] == "01-Jan-26  10:01:00"
    assert mdoc.frame_names == ["f0.tif", "f1.tif", "f2.tif"]


def test_a_view_without_angle_makes_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.mdoc"
    path.write_text(MDOC.replace("TiltAngle = 0.01\n", ""))
    assert read_mdoc(path).angles_deg is None


@pytest.mark.parametrize(
    ("name", "views"), [("mdocfile/tilt_series.mdoc", 41), ("cryocat/017.mdoc", 0)]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mdocfile's, not ours
def test_real_files_agree_with_mdocfile(
    name: str, views: int, reference: Callable[[str], Path]
) -> None:
    mdocfile = pytest.importorskip("mdocfile")
    path = reference(f"vendor_formats/{name}")
    table = mdocfile.read(path).sort_values("ZValue")
    mdoc = read_mdoc(path)
    assert mdoc.angles_deg is not None
    assert views in (0, mdoc.angles_deg.size)
    np.testing.assert_array_equal(mdoc.angles_deg, table["TiltAngle"].to_numpy(dtype=float))
    assert mdoc.pixel_nm == pytest.approx(float(table["PixelSpacing"].iloc[0]) / 10)
