"""DM3, DM4, SER and EMI through RosettaSciIO."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume

FOLDER = "vendor_formats/ncempy"
DM3_HEAD = bytes([0, 0, 0, 3, 0, 0, 9, 9, 0, 0, 0, 1, 1, 0, 0, 0, 0, 9, 20]) + bytes(1500)
TILTS = np.linspace(-65, 65, 66).tolist()


@pytest.mark.parametrize("suffix", ["dm3", "dm4"])
def test_a_dm_stack_has_its_known_shape(suffix: str, reference: Callable[[str], Path]) -> None:
    """The name of the file tells its sides, x first; its pixels are not square, which the user may
    overrule."""
    pytest.importorskip("rsciio")
    path = reference(f"{FOLDER}/dmTest_3D_int16_64,65,66.{suffix}")
    series = read_tilt_series(path, angles=TILTS, pixel_nm=0.5)
    assert tuple(series.data.shape) == (66, 65, 64)
    with pytest.raises(UserError, match="square"):
        read_tilt_series(path, angles=TILTS)


def test_dm3_and_dm4_hold_the_same_pixels(reference: Callable[[str], Path]) -> None:
    pytest.importorskip("rsciio")
    both = [
        read_tilt_series(
            reference(f"{FOLDER}/dmTest_3D_int16_64,65,66.{s}"), angles=TILTS, pixel_nm=1.0
        )
        for s in ("dm3", "dm4")
    ]
    assert bool((both[0].data == both[1].data).all())
    # The test image is a ramp along x, the same in every row and view.
    np.testing.assert_array_equal(
        both[0].data.numpy(), np.broadcast_to(np.arange(64), (66, 65, 64))
    )


@pytest.mark.parametrize("axis", [0, 2])
def test_views_come_in_order_along_the_axis_in_degrees(
    axis: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a stand-in for the library: no shared file has tilts, and the ramp cannot tell rows or
    views apart."""
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    axes = [{"name": n, "units": "nm", "offset": 0.0, "scale": 0.5} for n in "yx"]
    axes.insert(axis, {"name": "", "units": "deg", "offset": -60.0, "scale": 60.0})
    signal = {"data": np.moveaxis(data, 0, axis), "axes": axes}
    reader = types.ModuleType("rsciio.digitalmicrograph")
    monkeypatch.setattr(reader, "file_reader", lambda _: [signal], raising=False)
    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", reader)
    (tmp_path / "a.dm4").write_bytes(DM3_HEAD)
    series = read_tilt_series(tmp_path / "a.dm4")
    np.testing.assert_array_equal(series.data.numpy(), data)
    assert series.geometry.angles_deg.tolist() == [-60, 0, 60]
    assert series.geometry.pixel_nm == 0.5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ncempy/dmTest_float32_nonSquare_diffPixelSize.dm4", "single image of 128 x 64"),
        ("ncempy/08_carbon.dm3", "single image of 2048 x 1"),
        ("ncempy/16_STOimage_1.ser", "single image of 1024 x 1024"),
        ("ncempy/16_STOimage.emi", "single image of 1024 x 1024"),
        ("rosettasciio/test_STEM_image.dm3", "single image of 68 x 68"),
        ("rosettasciio/test_diffraction_pattern.dm3", "single image of 87 x 87"),
    ],
)
def test_what_is_no_stack_is_a_sentence(
    name: str, words: str, reference: Callable[[str], Path]
) -> None:
    pytest.importorskip("rsciio")
    with pytest.raises(UserError, match=words):
        read_tilt_series(reference(f"vendor_formats/{name}"), angles=[0])


def test_without_the_extra_the_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(
        sys.modules, "rsciio.digitalmicrograph", None
    )  # what a missing package looks like to import
    path = tmp_path / "a.dm3"
    path.write_bytes(DM3_HEAD)
    with pytest.raises(UserError, match=r"pip install 'tiltwise\[vendor\]'"):
        read_volume(path)
