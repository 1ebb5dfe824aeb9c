"""VolumeWriter: slabs in any order make the same file as one write; it resumes, and it claims its
room first."""

from __future__ import annotations

import errno
import os
import shutil
from itertools import pairwise
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io import VolumeWriter, read_volume, write_volume
from recon.series import Volume

SHAPE = (4, 9, 5)
DATA = np.random.default_rng(1).normal(3, 2, SHAPE).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 8), max_size=4), seed=st.integers(0, 99))
def test_slabs_in_any_order_equal_one_write(
    cuts: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("s")
    edges = sorted({0, 9, *cuts})
    slabs = list(pairwise(edges))
    np.random.default_rng(seed).shuffle(slabs)
    writer = VolumeWriter(folder / "v.mrc", SHAPE, voxel_nm=0.5, history=["a", "b"])
    for y0, y1 in slabs:
        rows = np.moveaxis(
            np.moveaxis(DATA[:, y0:y1], 1, 2).copy(), 2, 1
        )  # the projector's (z, x, row) memory
        writer.write_rows(y0, rows)
    writer.flush()
    assert not (folder / "v.mrc").exists()
    writer.finish()
    write_volume(
        Volume(torch.from_numpy(DATA), 0.5, history=("a", "b"), unit="density"), folder / "w.mrc"
    )
    one, other = (folder / "v.mrc").read_bytes(), (folder / "w.mrc").read_bytes()
    assert one[224:] == other[224:]  # labels and pixels
    np.testing.assert_allclose(
        np.frombuffer(one[76:88], "<f4"), np.frombuffer(other[76:88], "<f4"), rtol=1e-6
    )
    assert [p.name for p in sorted(folder.iterdir())] == ["v.mrc", "w.mrc"]


def test_statistics_of_the_header(tmp_path: Path) -> None:
    writer = VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=())
    writer.write_rows(0, DATA)
    writer.finish()
    assert mrcfile.validate(tmp_path / "v.mrc")
    header = mrcfile.open(tmp_path / "v.mrc").header
    found = [float(header[name]) for name in ("dmin", "dmax", "dmean", "rms")]
    assert found == pytest.approx(
        [DATA.min(), DATA.max(), DATA.mean(dtype=float), DATA.std(dtype=float)], rel=1e-6
    )


def test_an_interrupted_run_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "v.mrc"
    first = VolumeWriter(path, SHAPE, voxel_nm=0.5, history=["a"])
    first.write_rows(0, DATA[:, :4])
    first.flush()
    first.close()
    second = VolumeWriter(path, SHAPE, voxel_nm=0.5, history=["a"], resume=True)
    second.write_rows(4, DATA[:, 4:])
    second.finish()
    assert torch.equal(read_volume(path).data, torch.from_numpy(DATA))
    assert read_volume(path).voxel_nm == 0.5


@pytest.mark.parametrize("shape", [(4, 9, 6), (4, 5, 9)])
def test_a_part_of_another_run_is_refused(shape: tuple[int, int, int], tmp_path: Path) -> None:
    VolumeWriter(tmp_path / "v.mrc", shape, voxel_nm=None, history=()).close()
    with pytest.raises(UserError, match=r"v\.mrc\.part .* another run"):
        VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=(), resume=True)
    assert (tmp_path / "v.mrc.part").exists()


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be resumed"):
        VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=(), resume=True)


def test_discard_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "v.mrc").write_text("old")
    writer = VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=())
    writer.discard()
    assert [p.name for p in tmp_path.iterdir()] == ["v.mrc"]
    assert (tmp_path / "v.mrc").read_text() == "old"


def test_a_disk_too_small_is_known_before_the_work(tmp_path: Path) -> None:
    side = round((shutil.disk_usage(tmp_path).free * 2 / 4) ** (1 / 3))
    with pytest.raises(UserError, match=r"needs [\d.e+]+ GB but .* has [\d.e+]+ GB free"):
        VolumeWriter(tmp_path / "v.mrc", (side, side, side), voxel_nm=None, history=())
    assert list(tmp_path.iterdir()) == []


def test_all_room_is_claimed_at_once(tmp_path: Path) -> None:
    VolumeWriter(tmp_path / "v.mrc", (50, 100, 100), voxel_nm=None, history=()).close()
    assert (tmp_path / "v.mrc.part").stat().st_blocks * 512 >= 4 * 50 * 100 * 100


def test_a_claim_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="disk is full"):
        VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=())
    assert list(tmp_path.iterdir()) == []


def test_rows_that_do_not_fit_are_a_fault_of_the_caller(tmp_path: Path) -> None:
    writer = VolumeWriter(tmp_path / "v.mrc", SHAPE, voxel_nm=None, history=())
    for y0, rows in [(8, DATA[:, :2]), (-1, DATA[:, :2]), (0, DATA[:3]), (0, DATA[:, :, :4])]:
        with pytest.raises(ValueError, match="do not fit"):
            writer.write_rows(y0, rows)
    writer.discard()
