"""MRC in: every mode and byte order comes back exactly, whatever the header says besides."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume
from recon.io.mrc.read import open_mrc

MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(sorted(MODES)),
    order=st.sampled_from("<>"),
    sides=st.tuples(st.integers(3, 7), st.integers(2, 9), st.integers(2, 9)),
    extended=st.sampled_from([0, 128, 1000]),
    tagged=st.booleans(),
    zipped=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_pixels_of_every_mode_come_back(
    mode: int,
    order: str,
    sides: tuple[int, int, int],
    extended: int,
    tagged: bool,
    zipped: bool,
    seed: int,
    pack_mrc: Callable[..., bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    low, high = {0: (-128, 128), 1: (-32768, 32768), 6: (0, 65536)}.get(
        mode, (-2048, 2048)
    )  # float16 has 11 bits
    data = np.random.default_rng(seed).integers(low, high, sides).astype(f"{order}{MODES[mode]}")
    data[:, 0, :2] = (0, 1)  # no constant view
    content = pack_mrc(data, mode, extended=bytes(extended), tagged=tagged, statistics=mode == 0)
    path = tmp_path_factory.mktemp("mrc") / "stack.st"
    path.write_bytes(gzip.compress(content) if zipped else content)
    series = read_tilt_series(path, angles=np.linspace(-60, 60, sides[0]).tolist())
    np.testing.assert_array_equal(series.data.numpy(), data.astype(np.float32))


@pytest.mark.parametrize(("flags", "value"), [(0, 200.0), (1, 72.0), (None, 200.0)])
def test_bytes_are_unsigned_in_imod_without_its_flag(
    flags: int | None, value: float, pack_mrc: Callable[..., bytes], tmp_path: Path
) -> None:
    data = np.full((3, 2, 2), 200, np.uint8)
    path = tmp_path / "bytes.mrc"
    path.write_bytes(pack_mrc(data, 0, imod_flags=flags))
    assert set(read_volume(path).data.ravel().tolist()) == {value}


@pytest.mark.parametrize(
    ("middle", "signed"), [(60, False), (127, False), (200, False), (127, True), (200, True)]
)
def test_bytes_without_statistics_are_read_as_the_data_tell(
    middle: int, signed: bool, pack_mrc: Callable[..., bytes], tmp_path: Path
) -> None:
    y, x = np.mgrid[:24, :30]
    smooth = middle - 128 * signed + 50 * np.sin(x / 5) * np.cos(y / 6)
    data = np.stack([smooth + k for k in range(3)]).round().astype("i1" if signed else "u1")
    path = tmp_path / "a.mrc"
    path.write_bytes(pack_mrc(data, 0))
    series = read_tilt_series(path, angles=[-60, 0, 60])
    np.testing.assert_array_equal(series.data.numpy(), data.astype(np.float32))
    guessed = any("sign: taken as" in line for line in series.history)
    assert guessed == bool((data.view("i1") < 0).any())


def test_columns_along_y_are_turned(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    views = np.arange(3 * 4 * 6, dtype=np.int16).reshape(3, 4, 6)  # (tilt, y, x)
    path = tmp_path / "a.mrc"
    path.write_bytes(pack_mrc(np.ascontiguousarray(views.transpose(0, 2, 1)), 1, axes=(2, 1, 3)))
    series = read_tilt_series(path, angles=[-60, 0, 60])
    np.testing.assert_array_equal(series.data.numpy(), views.astype(np.float32))
    path.write_bytes(pack_mrc(views, 1, axes=(3, 2, 1)))
    with pytest.raises(UserError, match=r"order \[3, 2, 1\]"):
        read_tilt_series(path, angles=[-60, 0, 60])


@pytest.mark.parametrize("width", [6, 7])
def test_four_bit_pixels(width: int, pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 16, (3, 4, width)).astype(np.uint8)
    even = np.pad(values, ((0, 0), (0, 0), (0, width % 2)))
    packed = even[:, :, ::2] | even[:, :, 1::2] << 4  # the first pixel in the lower half
    content = bytearray(pack_mrc(packed, 101))
    content[:4] = width.to_bytes(4, "little")
    path = tmp_path / "a.mrc"
    path.write_bytes(bytes(content))
    series = read_tilt_series(path, angles=[-60, 0, 60], exclude=[])
    np.testing.assert_array_equal(series.data.numpy(), values.astype(np.float32))


@pytest.mark.parametrize(
    ("pixel_a", "pixel_nm"), [(0.0, None), (1.0, None), (33.6, 3.36), (0.8, 0.08)]
)
def test_one_angstrom_or_none_means_unknown(
    pixel_a: float, pixel_nm: float | None, pack_mrc: Callable[..., bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(pack_mrc(np.arange(12, dtype="<i2").reshape(3, 2, 2), 1, pixel_a=pixel_a))
    assert read_volume(path).voxel_nm == pixel_nm


def test_padding_below_one_view_is_harmless(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    data = np.arange(12, dtype="<i2").reshape(3, 2, 2)
    path = tmp_path / "a.mrc"
    path.write_bytes(pack_mrc(data, 1) + bytes(7))
    np.testing.assert_array_equal(read_volume(path).data.numpy(), data)
    path.write_bytes(pack_mrc(data, 1) + bytes(8))
    with pytest.raises(UserError, match="does not fit its header"):
        read_volume(path)


def test_any_damaged_header_is_a_sentence(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    content = bytearray(pack_mrc(np.arange(12, dtype="<i2").reshape(3, 2, 2), 1))
    path = tmp_path / "a.mrc"
    rng = np.random.default_rng(3)
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(0, 256, 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_tilt_series(path, angles="-60:60:60")
        except UserError as error:
            assert "\n" not in str(error)


def test_the_needle(reference: Callable[[str], Path]) -> None:
    """Legacy FEI: no 'MAP ' tag, no stamp, pixel size and tilts in the extended header, voxel size
    1.0 in the main one."""
    path = reference("needle/HAADF.mrc")
    file = open_mrc(path)
    assert file.shape == (77, 256, 256)
    np.testing.assert_array_equal(file.angles[0].values_deg, np.arange(-76, 77, 2))
    assert file.pixels[0].nm == 3.36
    series = read_tilt_series(path)
    raw = np.fromfile(path, "<i2", offset=1024 + 131072).reshape(77, 256, 256)
    np.testing.assert_array_equal(series.data.numpy(), raw)
    assert series.geometry.pixel_nm == 3.36
    assert series.name == "HAADF"
    assert "HAADF.rawtlt and FEI extended header" in " ".join(series.history)


def test_old_and_new_vendor_files(reference: Callable[[str], Path]) -> None:
    old = read_volume(reference("vendor_formats/ncempy/temp.mrc"))
    assert tuple(old.data.shape) == (3, 128, 128)
    assert old.voxel_nm == 0.2
    assert float(old.data.mean()) == pytest.approx(0.49713758, rel=1e-4)  # as its header says
    new = open_mrc(reference("vendor_formats/rosettasciio/HAADFscan.mrc"))
    assert new.shape == (1, 16, 16)
    # The FEI2 record and the main header give the pixel size independently of each other.
    assert [p.nm for p in new.pixels] == pytest.approx([5.67913, 5.67913])
    assert new.angles[0].values_deg == pytest.approx([0.00811612], rel=1e-4)
