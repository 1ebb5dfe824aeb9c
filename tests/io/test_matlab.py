"""MATLAB files up to version 7: views come last there, first here; nothing else in the file
matters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume
from recon.io.sniff import format_of

DATA = np.arange(60, dtype=np.int16).reshape(3, 4, 5)  # (y, x, tilt)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_views_come_last(dtype: str, compressed: bool, tmp_path: Path) -> None:
    content = {
        "angle": np.zeros((5, 3)),
        "small": np.ones((2, 2, 3)),
        "stack": DATA.astype(dtype),
        "name": "x",
    }
    savemat(tmp_path / "a.mat", content, do_compression=compressed)
    assert format_of(tmp_path / "a.mat") == "matlab"
    series = read_tilt_series(tmp_path / "a.mat", angles="-60:60:30", exclude=[1])
    np.testing.assert_array_equal(series.data.numpy(), DATA.transpose(2, 0, 1)[[0, 2, 3, 4]])
    assert "'stack'" in series.history[0]


def test_one_odd_side_in_front_counts_the_views(tmp_path: Path) -> None:
    square = np.arange(48.0).reshape(3, 4, 4)
    savemat(tmp_path / "a.mat", {"a": square})
    np.testing.assert_array_equal(read_volume(tmp_path / "a.mat").data.numpy(), square)
    savemat(tmp_path / "b.mat", {"a": square.transpose(1, 2, 0)})
    np.testing.assert_array_equal(read_volume(tmp_path / "b.mat").data.numpy(), square)


def test_files_without_a_stack_are_a_sentence(tmp_path: Path) -> None:
    savemat(
        tmp_path / "a.mat", {"angle": np.zeros((5, 3)), "cell": np.array([[1, "a"]], dtype=object)}
    )
    with pytest.raises(UserError, match="angle 5 x 3 double"):
        read_volume(tmp_path / "a.mat")


def test_complex_numbers_are_a_sentence(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"a": DATA + 1j})
    with pytest.raises(UserError, match="complex"):
        read_volume(tmp_path / "a.mat")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_damaged_file_is_a_sentence(compressed: bool, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 9))
    savemat(tmp_path / "a.mat", {"a": noise}, do_compression=compressed)
    content = (tmp_path / "a.mat").read_bytes()
    for size in range(24, len(content) - 8, len(content) // 23):
        (tmp_path / "a.mat").write_bytes(content[:size])
        with pytest.raises(UserError, match=r"a\.mat"):
            read_volume(tmp_path / "a.mat")
    for at in range(128, len(content), len(content) // 40):
        (tmp_path / "a.mat").write_bytes(
            content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        )
        with suppress(
            UserError
        ):  # a wrong grey value cannot be known; nothing but a sentence comes out
            read_volume(tmp_path / "a.mat")


def test_version_7_3_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(
        b"MATLAB 7.3 MAT-file, Platform: PCWIN64" + b" " * 474 + b"\x89HDF\r\n\x1a\n" + bytes(600)
    )
    with pytest.raises(UserError, match="save -v7"):
        read_volume(tmp_path / "a.mat")


def test_the_silicon_series(reference: Callable[[str], Path]) -> None:
    path = reference("asi_nanoparticle/NP1_aSi2nm_Dose1p6e5_proj.mat")
    series = read_tilt_series(path, angles="0:177:3", pixel_nm=0.0195)
    assert tuple(series.data.shape) == (60, 128, 128)
    assert float(series.data[0].sum()) == 74320  # the sum over (y, x) of the first view


@pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5)])
def test_a_vector_called_angles_gives_them(shape: tuple[int, ...], tmp_path: Path) -> None:
    tilts = np.array([-60.0, -30, 0, 30, 60])
    savemat(tmp_path / "a.mat", {"p": DATA, "angles": tilts.reshape(shape), "pixel_nm": 0.7})
    series = read_tilt_series(tmp_path / "a.mat")
    np.testing.assert_array_equal(series.geometry.angles_deg, tilts)
    assert series.geometry.pixel_nm == pytest.approx(0.7)
    np.testing.assert_array_equal(series.data.numpy(), DATA.transpose(2, 0, 1))


def test_euler_angles_of_a_single_axis_and_structs(tmp_path: Path) -> None:
    tilts = np.array([-60.0, -30, 0, 30, 60])
    euler = np.stack([0 * tilts, tilts, 0 * tilts], axis=1)
    savemat(tmp_path / "a.mat", {"s": {"data": DATA, "angles": euler, "note": "x"}})
    series = read_tilt_series(tmp_path / "a.mat")
    np.testing.assert_array_equal(series.geometry.angles_deg, tilts)
    np.testing.assert_array_equal(series.data.numpy(), DATA.transpose(2, 0, 1))
    euler[:, 0] = tilts / 2  # a general rotation of each view is no tilt
    savemat(tmp_path / "b.mat", {"s": {"data": DATA, "angles": euler}})
    with pytest.raises(UserError, match="no tilt angles"):
        read_tilt_series(tmp_path / "b.mat")


def test_views_first_where_only_they_are_as_many_as_the_angles(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"p": DATA, "angles": [-60.0, 0, 60]})
    np.testing.assert_array_equal(read_tilt_series(tmp_path / "a.mat").data.numpy(), DATA)


def test_one_of_two_arrays_is_chosen_by_name(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"haadf": DATA, "bf": -DATA})
    series = read_tilt_series(tmp_path / "a.mat", angles="-60:60:30", dataset="bf")
    np.testing.assert_array_equal(series.data.numpy(), -DATA.transpose(2, 0, 1).astype(float))
    with pytest.raises(UserError, match="holds haadf, bf"):
        read_tilt_series(tmp_path / "a.mat", angles="-60:60:30", dataset="df")
