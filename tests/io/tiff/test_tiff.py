"""Multi-page TIFF: pixels exact, pixel sizes only from where they can be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume

DATA = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "f4", "f8"]),
    order=st.sampled_from("<>"),
    imagej=st.booleans(),
    compression=st.sampled_from([None, "zlib", "lzw"]),
    drop=st.lists(st.integers(0, 4), max_size=2),
)
def test_pixels_come_back(
    dtype: str,
    order: str,
    imagej: bool,
    compression: str | None,
    drop: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    imagej = imagej and dtype in ("u1", "u2", "f4")
    path = tmp_path_factory.mktemp("t") / "a.tif"
    data = (DATA % 101).astype(order + dtype)
    tifffile.imwrite(
        path,
        data,
        photometric="minisblack",
        imagej=imagej,
        byteorder=">" if imagej else order,
        compression=None if imagej else compression,
        metadata={"axes": "ZYX"} if imagej else None,
    )
    series = read_tilt_series(path, angles="-60:60:30", exclude=drop)
    keep = [i for i in range(5) if i not in drop]
    np.testing.assert_array_equal(series.data.numpy(), data[keep].astype(np.float32))
    np.testing.assert_array_equal(series.geometry.angles_deg, np.arange(-60, 61, 30)[keep])


def test_pixel_sizes_that_can_be_trusted(tmp_path: Path) -> None:
    def nm(**options: object) -> float | None:
        path = tmp_path / "a.tif"
        ome = options.pop("ome", False)
        tifffile.imwrite(path, DATA, photometric="minisblack", ome=ome, **options)
        return read_volume(path).voxel_nm

    ij = {"axes": "ZYX", "unit": "nm", "spacing": 2}
    assert nm(imagej=True, resolution=(1 / 0.25, 1 / 0.25), metadata=ij) == pytest.approx(0.25)
    assert nm(
        imagej=True, resolution=(1e3 / 0.25, 1e3 / 0.25), metadata={**ij, "unit": "\\u00B5m"}
    ) == pytest.approx(0.25, rel=1e-5)
    assert nm(imagej=True, resolution=(4, 4), metadata={**ij, "unit": "pixel"}) is None
    assert nm(
        resolution=(1e7 / 0.36, 1e7 / 0.36), resolutionunit="CENTIMETER", metadata=None
    ) == pytest.approx(0.36, rel=1e-5)
    assert nm(resolution=(72, 72), resolutionunit="INCH", metadata=None) is None
    assert (
        nm(resolution=(300, 300), resolutionunit="CENTIMETER", metadata=None) is None
    )  # a printer's
    assert nm(resolution=(1e7, 1e7), resolutionunit="NONE", metadata=None) is None
    assert nm(metadata=None) is None
    sizes = {
        "axes": "ZYX",
        "PhysicalSizeX": 3.36,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 3.36,
        "PhysicalSizeYUnit": "nm",
    }
    assert nm(ome=True, metadata=sizes) == pytest.approx(3.36)


def test_non_square_pixels_are_refused_until_overruled(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        DATA,
        photometric="minisblack",
        resolution=(1e7, 2e7),
        resolutionunit="CENTIMETER",
        metadata=None,
    )
    with pytest.raises(UserError, match=r"1 x 0\.5 nm"):
        read_tilt_series(path, angles="-60:60:30")
    assert read_tilt_series(path, angles="-60:60:30", pixel_nm=1.0).geometry.pixel_nm == 1.0


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 300), value=st.integers(0, 255), cut=st.integers(0, 600))
def test_damage_is_a_sentence_or_harmless(
    place: int, value: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tif"
    tifffile.imwrite(path, DATA, photometric="minisblack", metadata=None, compression="zlib")
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content[: len(content) - cut])
    try:
        read_tilt_series(path, angles="-60:60:30")
    except UserError as error:
        assert len(str(error)) < 400


def test_pages_written_one_by_one_are_one_stack(tmp_path: Path) -> None:
    views = np.arange(5 * 8 * 6, dtype=np.uint16).reshape(5, 8, 6)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((2, 2), np.uint16))  # a thumbnail
        for view in views:
            writer.write(view)
    series = read_tilt_series(tmp_path / "a.tif", angles="-60:60:30", exclude=["1-2"])
    np.testing.assert_array_equal(series.data.numpy(), views[[0, 3, 4]])
    assert any("left out 1 smaller" in line for line in series.history)


def test_one_of_two_channels_is_chosen(tmp_path: Path) -> None:
    stack = np.arange(5 * 2 * 4 * 6, dtype=np.uint16).reshape(5, 2, 4, 6)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(UserError, match=r"2 stacks \(channel 0, channel 1\)"):
        read_tilt_series(tmp_path / "a.tif", angles="-60:60:30")
    series = read_tilt_series(tmp_path / "a.tif", angles="-60:60:30", dataset="1")
    np.testing.assert_array_equal(series.data.numpy(), stack[:, 1])
