"""HyperSpy, Berkeley and Velox EMD, plain HDF5."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume

DATA = np.arange(5 * 4 * 6, dtype=np.float32).reshape(5, 4, 6)


def write_hspy(
    path: Path, *, scale: float = 30.0, units: str = "degrees", tilts: list[float] | None = None
) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["file_format"] = "HyperSpy"
        group = file.create_group("Experiments/s")
        group["data"] = DATA
        axes = [("Projections", -60.0, scale, units), ("y", 0.0, 0.4, "nm"), ("x", 0.0, 4.0, "Å")]
        for i, (name, offset, step, unit) in enumerate(axes):
            group.create_group(f"axis-{i}").attrs.update(
                {"name": name, "offset": offset, "scale": step, "units": unit}
            )
        if tilts is not None:
            group["metadata/Tomography/_sig_tilts/data"] = np.array(tilts).reshape(-1, 1)


def test_hyperspy_axes(tmp_path: Path) -> None:
    write_hspy(tmp_path / "a.hspy")
    series = read_tilt_series(tmp_path / "a.hspy")
    assert series.geometry.angles_deg.tolist() == [-60, -30, 0, 30, 60]
    assert series.geometry.pixel_nm == pytest.approx(0.4)
    np.testing.assert_array_equal(series.data.numpy(), DATA)


def test_etspy_tilts_are_used_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.hspy"
    write_hspy(path, scale=1.0, units="", tilts=[-61, -30, 0, 30, 61])
    assert read_tilt_series(path).geometry.angles_deg.tolist() == [-61, -30, 0, 30, 61]
    write_hspy(path, tilts=[60, 30, 0, -30, -60])
    with pytest.raises(UserError, match="ETSpy tilts and HyperSpy axis hold the same tilt angles"):
        read_tilt_series(path)


def test_an_uncalibrated_axis_says_nothing(tmp_path: Path) -> None:
    write_hspy(tmp_path / "a.hspy", scale=1.0, units="<undefined>")
    with pytest.raises(UserError, match="no tilt angles"):
        read_tilt_series(tmp_path / "a.hspy")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("chunks", [None, (2, 2, 2)])
def test_berkeley_finds_the_tilt_axis_wherever_it_is(
    axis: int, chunks: tuple[int, int, int] | None, tmp_path: Path
) -> None:
    stored = np.moveaxis(DATA, 0, axis)
    tilts = [-60.0, -31.0, 0.5, 30.0, 60.0]
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/stack")
        group.attrs["emd_group_type"] = 1
        group.create_dataset("data", data=stored, chunks=chunks)
        others = iter(["y", "x"])
        for i, size in enumerate(stored.shape):
            tilt = i == axis
            dim = group.create_dataset(
                f"dim{i + 1}", data=tilts if tilt else 0.25 * np.arange(size)
            )
            dim.attrs.update(
                {"name": "angle" if tilt else next(others), "units": "[deg]" if tilt else "[n_m]"}
            )
    series = read_tilt_series(tmp_path / "a.emd", exclude=[2])
    np.testing.assert_array_equal(series.data.numpy(), DATA[[0, 1, 3, 4]])
    assert series.geometry.angles_deg.tolist() == [-60, -31, 30, 60]
    assert series.geometry.pixel_nm == 0.25


def test_velox_frames_carry_tilt_and_pixel_size(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("Data/Image/abc")
        group["Data"] = np.moveaxis(DATA, 0, 2)
        texts = np.zeros((400, 5), np.uint8)
        for i, tilt in enumerate(np.deg2rad([-60, -30, 0, 30, 60])):
            pixel = {"PixelSize": {"width": "3e-10", "height": "3e-10"}, "PixelUnitX": "m"}
            text = json.dumps(
                {"Stage": {"AlphaTilt": f"{tilt:.9f}"}, "BinaryResult": pixel}
            ).encode()
            texts[: len(text), i] = np.frombuffer(text, np.uint8)
        group["Metadata"] = texts
    series = read_tilt_series(tmp_path / "a.emd")
    np.testing.assert_array_equal(series.data.numpy(), DATA)
    np.testing.assert_allclose(series.geometry.angles_deg, [-60, -30, 0, 30, 60], atol=1e-6)
    assert series.geometry.pixel_nm == pytest.approx(0.3)


def test_plain_files(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = DATA
        file["exchange/theta"] = [-60.0, -30, 0, 30, 60]
        file["exchange/data_white"] = DATA[:2]
    assert read_tilt_series(path).geometry.angles_deg.tolist() == [-60, -30, 0, 30, 60]


@settings(max_examples=100, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 3000),
)
def test_damage_is_a_sentence_or_harmless(
    places: list[tuple[int, int]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("h") / "a.hspy"
    write_hspy(path)
    content = bytearray(path.read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(content[: len(content) - cut])
    try:
        read_tilt_series(path)
    except UserError as error:
        assert len(str(error)) < 400


def test_the_catalyst(reference: Callable[[str], Path]) -> None:
    series = read_tilt_series(reference("catalyst/Catalyst3DModel_TiltSeries180.hspy"))
    assert tuple(series.data.shape) == (90, 600, 600)
    np.testing.assert_array_equal(series.geometry.angles_deg, np.arange(0, 180, 2))
    assert series.geometry.pixel_nm == 1.0
    # The tilt axis is horizontal, at row 299.50, by its description: no view's centre of mass moves
    # along x.
    mass = series.data.numpy().sum(axis=1, dtype=np.float64)
    columns = (mass @ np.arange(600)) / mass.sum(axis=1)
    assert float(columns.std()) < 0.02


def test_real_labels_and_emd_files(reference: Callable[[str], Path], tmp_path: Path) -> None:
    assert tuple(read_volume(reference("cryo_labels/tomo1_data.h5")).data.shape) == (100, 100, 100)
    velox = read_volume(reference("vendor_formats/rosettasciio/fei_example_tem_stack.emd"))
    # The pixels count up along (y, x, frame), so frames are the last axis of the file.
    np.testing.assert_array_equal(
        velox.data.numpy(), np.moveaxis(np.arange(18).reshape(3, 3, 2), 2, 0)
    )
    for name, word in [
        ("Acquisition_18.emd", "single image of 1024 x 1024"),
        ("emd_type1_stringDims.h5", r"\(3, 4, 5, 6\)"),
    ]:
        with pytest.raises(UserError, match=word):
            read_tilt_series(reference(f"vendor_formats/ncempy/{name}"))
    with pytest.raises(UserError, match="one view only"):
        read_tilt_series(reference("vendor_formats/ncempy/STEM HAADF Diffraction Micro.emd"))
    with zipfile.ZipFile(
        reference("vendor_formats/rosettasciio/velox_emd_version11.zip")
    ) as archive:
        archive.extractall(tmp_path)
    for path in tmp_path.rglob("*.emd"):
        with pytest.raises(UserError, match=r"\.emd"):
            read_tilt_series(path)


TILTS = [-61.0, -30.0, 0.0, 31.0, 60.0]


def test_the_values_of_a_nonuniform_axis_and_never_its_indices(tmp_path: Path) -> None:
    path = tmp_path / "a.hspy"
    write_hspy(path)
    with h5py.File(path, "a") as file:
        axis = file["Experiments/s/axis-0"]
        for key in ("offset", "scale"):
            del axis.attrs[key]
        axis.attrs["_type"] = "FunctionalDataAxis"
    with pytest.raises(UserError, match="nobody calibrated"):
        read_tilt_series(path)
    with h5py.File(path, "a") as file:
        file["Experiments/s/axis-0"].attrs["_type"] = "DataAxis"
        file["Experiments/s/axis-0/axis"] = TILTS
    assert read_tilt_series(path).geometry.angles_deg.tolist() == TILTS


def test_the_default_axis_and_unset_etspy_tilts_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.hspy"
    write_hspy(path, scale=1.0)
    with h5py.File(path, "a") as file:
        file["Experiments/s/axis-0"].attrs["offset"] = 0.0
    with pytest.raises(UserError, match="the default 0, 1, 2"):
        read_tilt_series(path)
    with h5py.File(path, "a") as file:
        file["Experiments/s/metadata/Tomography/_sig_tilts/data"] = np.zeros((5, 1))
    with pytest.raises(UserError, match="ETSpy tilts were never set"):
        read_tilt_series(path)
    with h5py.File(path, "a") as file:
        file["Experiments/s/metadata/Tomography/_sig_tilts/data"][:, 0] = TILTS
    assert read_tilt_series(path).geometry.angles_deg.tolist() == TILTS


@pytest.mark.parametrize("mark", [1, None])
@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (("angles", "y", "x"), (0, 1, 2)),
        (("x", "y", "angles"), (2, 1, 0)),
        (("angles", "x", "y"), (0, 2, 1)),
        (("y", "x", "angles"), (1, 2, 0)),
    ],
)
def test_the_axes_of_an_emd_go_by_their_names(
    names: tuple[str, ...], axes: tuple[int, int, int], mark: int | None, tmp_path: Path
) -> None:
    stored = DATA.transpose(axes)
    values = {"angles": TILTS, "x": np.arange(6) * 0.5, "y": np.arange(4) * 0.5}
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/tomography")
        if mark is not None:
            group.attrs["emd_group_type"] = mark
        group["data"] = stored
        for i, name in enumerate(names):
            group[f"dim{i + 1}"] = values[name]
            group[f"dim{i + 1}"].attrs.update(
                {"name": name, "units": "[deg]" if name == "angles" else "[n_m]"}
            )
    series = read_tilt_series(tmp_path / "a.emd")
    np.testing.assert_array_equal(series.data.numpy(), DATA)
    assert series.geometry.angles_deg.tolist() == TILTS
    assert series.geometry.pixel_nm == pytest.approx(0.5)


def test_emd_version_1(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"emd_group_type": "file", "version_major": 1})
        group = file.create_group("root/ts")
        group.attrs["emd_group_type"] = "array"
        group["data"] = DATA
        for i, (name, unit, values) in enumerate(
            [("tilt", "deg", TILTS), ("y", "nm", [0, 0.5]), ("x", "nm", [0, 0.5])]
        ):
            group[f"dim{i}"] = values
            group[f"dim{i}"].attrs.update({"name": name, "units": unit})
    series = read_tilt_series(tmp_path / "a.h5")
    assert series.geometry.angles_deg.tolist() == TILTS
    assert series.geometry.pixel_nm == pytest.approx(0.5)


def test_one_of_several_detectors_is_chosen_by_name(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        for k, detector in enumerate(("HAADF", "BF")):
            group = file.create_group(f"Data/Image/{k}")
            group["Data"] = (DATA + 1000 * k).transpose(1, 2, 0)
            table = np.zeros((200, 5), np.uint8)
            for i, tilt in enumerate(np.deg2rad(TILTS)):
                text = json.dumps(
                    {"BinaryResult": {"Detector": detector}, "Stage": {"AlphaTilt": str(tilt)}}
                ).encode()
                table[: len(text), i] = list(text)
            group["Metadata"] = table
    with pytest.raises(UserError, match=r"2 stacks \(HAADF, BF\).*dataset=HAADF"):
        read_tilt_series(tmp_path / "a.emd")
    for name in ("BF", "bf", "1"):
        series = read_tilt_series(tmp_path / "a.emd", dataset=name)
        np.testing.assert_array_equal(series.data.numpy(), DATA + 1000)
    assert series.geometry.angles_deg == pytest.approx(TILTS)


def test_angles_as_an_attribute_and_views_as_the_last_side(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["recording/stack"] = DATA.transpose(1, 2, 0)
        file["recording"].attrs["tilt_angles"] = TILTS
    series = read_tilt_series(path)
    np.testing.assert_array_equal(series.data.numpy(), DATA)
    assert series.geometry.angles_deg.tolist() == TILTS
    assert any("last side of the array" in line for line in series.history)
    with h5py.File(path, "w") as file:
        file["stack"] = DATA.transpose(1, 2, 0)
    np.testing.assert_array_equal(read_tilt_series(path, angles=TILTS).data.numpy(), DATA)
