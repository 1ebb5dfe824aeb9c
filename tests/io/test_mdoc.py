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
    assert mdoc.axis_deg == 175.3


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
