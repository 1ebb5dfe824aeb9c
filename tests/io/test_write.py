"""Writing: what is written comes back with its size, history and angles; a failed write leaves
nothing behind."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_tilt_series, read_volume, write_tilt_series, write_volume
from recon.series import TiltSeries, Volume

NAMES = ["v.mrc", "v.rec", "v.tif", "v.ome.zarr", "v.zarr"]
DATA = torch.from_numpy(np.random.default_rng(5).normal(size=(5, 6, 7)).astype(np.float32))
HISTORY = ("read a.mrc", "aligned: axis 85.3°, rms 0.4 px", "sirt, 100 iterations")


def volume(**changes: Any) -> Volume:
    return Volume(
        **{"data": DATA, "voxel_nm": 0.336, "history": HISTORY, "unit": "density", **changes}
    )


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    sides=st.tuples(*[st.integers(1, 70)] * 3),
    nm=st.one_of(st.none(), st.sampled_from([0.1, 0.2, 1.0]), st.floats(0.01, 100)),
    transposed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_volumes_come_back(
    name: str,
    sides: tuple[int, int, int],
    nm: float | None,
    transposed: bool,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("w") / name
    data = torch.from_numpy(np.random.default_rng(seed).normal(size=sides).astype(np.float32))
    if transposed:
        data = data.permute(2, 0, 1)
    write_volume(Volume(data, nm, unit="density"), path)
    back = read_volume(path)
    assert torch.equal(back.data, data)
    assert back.voxel_nm == nm


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 5, 7), (5, 1, 7), (5, 7, 1)])
def test_thin_volumes_stay_volumes(name: str, shape: tuple[int, int, int], tmp_path: Path) -> None:
    data = torch.arange(35, dtype=torch.float32).reshape(shape)
    write_volume(volume(data=data), tmp_path / name)
    assert torch.equal(read_volume(tmp_path / name).data, data)


@pytest.mark.parametrize("name", NAMES)
def test_history_comes_back(name: str, tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / name)
    back = read_volume(tmp_path / name).history
    assert len(back) == len(HISTORY) + 1
    assert [line.replace("°", "deg") for line in back[:3]] == [
        line.replace("°", "deg") for line in HISTORY
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tail", [0.0, 0.00371])
def test_tilt_series_come_back_with_their_angles(name: str, tail: float, tmp_path: Path) -> None:
    angles = np.array([-60.0, -30.5, 0.25, 30, 59.75]) + tail
    series = TiltSeries(DATA, Geometry(angles, 0.1), history=HISTORY)
    write_tilt_series(series, tmp_path / name)
    back = read_tilt_series(tmp_path / name)
    assert torch.equal(back.data, series.data)
    np.testing.assert_allclose(back.geometry.angles_deg, angles, atol=5.1e-5)
    assert back.geometry.pixel_nm == 0.1


def test_mrc_files_are_valid_to_others(tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / "v.mrc")
    write_tilt_series(TiltSeries(DATA, Geometry(np.arange(5.0), 0.336)), tmp_path / "s.mrc")
    for name in ("v.mrc", "s.mrc"):
        assert mrcfile.validate(tmp_path / name)
        with mrcfile.open(tmp_path / name) as file:
            np.testing.assert_array_equal(file.data, DATA.numpy())
            assert float(file.voxel_size.x) == pytest.approx(3.36)
            assert float(file.header.rms) == pytest.approx(float(DATA.std(correction=0)), rel=1e-5)
            labels = b" ".join(file.header.label).decode()
            assert (
                "(z,y,x), y = tilt axis" if name == "v.mrc" else "(tilt,y,x), y = tilt axis"
            ) in labels
            assert file.is_volume() == (name == "v.mrc")


def test_a_long_history_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    write_volume(
        volume(history=tuple(f"step {i} " + "x" * 90 for i in range(30))), tmp_path / "v.mrc"
    )
    labels = [label.decode() for label in mrcfile.open(tmp_path / "v.mrc").header.label]
    assert len(labels) == 10
    assert all(len(label) <= 80 for label in labels)
    assert labels[2].startswith("step 0 ")
    assert labels[3] == "(23 steps left out here)"
    assert [label.split()[1] for label in labels[4:]] == ["24", "25", "26", "27", "28", "29"]


def test_tiff_and_zarr_say_unit_and_axes_to_others(tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / "v.tif")
    with tifffile.TiffFile(tmp_path / "v.tif") as tif:
        tags = tif.pages.first.tags
        pixels, centimetres = tags["XResolution"].value
        assert centimetres / pixels * 1e7 == pytest.approx(0.336, rel=1e-5)
        assert '"zyx"' in tags["ImageDescription"].value
    write_volume(volume(), tmp_path / "v.ome.zarr")
    group = zarr.open_group(str(tmp_path / "v.ome.zarr"), mode="r")
    image = group.attrs["multiscales"][0]
    assert [(a["name"], a["unit"]) for a in image["axes"]] == [
        ("z", "nanometer"),
        ("y", "nanometer"),
        ("x", "nanometer"),
    ]
    assert image["datasets"][0]["coordinateTransformations"][0]["scale"] == [0.336] * 3
    np.testing.assert_array_equal(group["0"][:], DATA.numpy())


def fail(number: int) -> Any:
    def raise_it(*_: object, **__: object) -> None:
        raise OSError(number, "failed")

    return raise_it


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "no permission"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "failed"),
    ],
)
def test_a_failed_write_leaves_what_was_there(
    name: str,
    before: bool,
    number: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / name
    if before:
        write_volume(volume(voxel_nm=7.0), path)
    # Fail as late as can be: all is written, the rename does not work.
    monkeypatch.setattr(Path, "replace", fail(number))
    with pytest.raises(UserError, match=words) as caught:
        write_volume(volume(), path)
    monkeypatch.undo()
    assert name in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ([name] if before else [])
    if before:
        assert read_volume(path).voxel_nm == 7.0


def test_a_folder_moved_aside_comes_back_when_the_rename_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(volume(voxel_nm=7.0), tmp_path / "v.zarr")
    rename = Path.replace

    def second_fails(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError(errno.EIO, "failed")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", second_fails)
    with pytest.raises(UserError, match="failed"):
        write_volume(volume(), tmp_path / "v.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]
    assert read_volume(tmp_path / "v.zarr").voxel_nm == 7.0


def test_a_disk_that_fills_up_while_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "ascontiguousarray", fail(errno.ENOSPC))
    for name in NAMES:
        with pytest.raises(UserError, match="disk is full"):
            write_volume(volume(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_writing_again_replaces(name: str, tmp_path: Path) -> None:
    write_volume(volume(voxel_nm=7.0), tmp_path / name)
    write_volume(volume(data=DATA[:3] + 1), tmp_path / name)
    back = read_volume(tmp_path / name)
    assert torch.equal(back.data, DATA[:3] + 1)
    assert back.voxel_nm == 0.336
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the folder does not exist"):
        write_volume(volume(), tmp_path / "no" / "v.mrc")
    with pytest.raises(UserError, match=r"v\.png: its suffix says no format"):
        write_volume(volume(), tmp_path / "v.png")
    (tmp_path / "v.zarr").mkdir()
    (tmp_path / "v.zarr" / "thesis.doc").touch()
    with pytest.raises(UserError, match="is no Zarr"):
        write_volume(volume(), tmp_path / "v.zarr")
    assert (tmp_path / "v.zarr" / "thesis.doc").exists()
    (tmp_path / "v.mrc").mkdir()
    with pytest.raises(UserError, match="folder of that name"):
        write_volume(volume(), tmp_path / "v.mrc")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.mrc", "v.zarr"]
