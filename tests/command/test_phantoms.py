"""A volume of the user's own is read at the door: recorded by the simulators, named for training,
and refused in a sentence."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from recon.cli import CONFIGS
from recon.command.config import make_settings, make_stages
from recon.command.phantoms import build_families, read_given
from recon.errors import UserError
from recon.io import write_volume
from recon.series import Volume
from recon.simulate.sample import Sample


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        yield


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """12 voxels wide in a slab of 24 x 32 x 32, density 37."""
    z, y, x = np.mgrid[-12:12, -16:16, -16:16] + 0.5
    inside = (z**2 + y**2 + x**2 < 36).astype(np.float32)
    write_volume(Volume(torch.from_numpy(37 * inside), 1.5, unit="density"), tmp_path / "ball.mrc")
    write_volume(Volume(torch.from_numpy(4 * inside), 9.0, unit="label"), tmp_path / "labels.mrc")
    return tmp_path / "ball.mrc"


@pytest.mark.parametrize("simulate", ["haadf", "fiducials", "cryo"])
def test_a_volume_is_recorded_with_its_truth(hydra: None, ball: Path, simulate: str) -> None:
    words = [
        *("phantom=file", f"phantom.path={ball}", f"phantom.labels={ball.parent / 'labels.mrc'}"),
        *("phantom.size=16", f"simulate={simulate}"),
    ]
    config = compose("reconstruct", overrides=words)
    sample = make_stages(config).source()
    assert isinstance(sample, Sample)
    assert sample.truth.data.shape == (16, 16, 16)
    assert sample.truth.voxel_nm == pytest.approx(3.0)
    assert float(sample.truth.data.abs().max()) > 0
    assert sample.series.data.shape[1:] == (16, 16)
    if sample.labels is not None:
        assert set(sample.labels.unique().tolist()) == {0, 4}
    assert make_settings(config).output.parent == Path("runs/ball")


def test_volumes_are_families_named_by_their_files(ball: Path) -> None:
    families = build_families(None, [str(ball)])
    assert list(families) == ["ball"]
    assert float(families["ball"]().density.max()) == pytest.approx(1, abs=1e-5)
    assert families["ball"](size=12, seed=5).density.shape == (12, 12, 12)
    with pytest.raises(UserError, match="already"):
        build_families(None, [str(ball), str(ball)])
    with pytest.raises(UserError, match=r"phantoms=\[a\.mrc"):
        build_families(None, str(ball))


def test_a_volume_to_train_on_needs_no_voxel_size(tmp_path: Path) -> None:
    write_volume(Volume(torch.ones(9, 9, 9), None), tmp_path / "any.mrc")
    family = build_families({}, [str(tmp_path / "any.mrc")])["any"]
    assert family(size=10).density.shape == (10, 10, 10)


def test_voxels_that_are_no_cubes_are_a_sentence_unless_the_user_says_they_are(
    tmp_path: Path,
) -> None:
    path = tmp_path / "flat.mrc"
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, 8, 8, 8, 2)
    struct.pack_into("<3i", head, 28, 8, 8, 8)
    struct.pack_into("<3f", head, 40, 8 * 5.0, 8 * 5.0, 8 * 20.0)
    head[208:216] = b"MAP \x44\x44\x00\x00"
    path.write_bytes(bytes(head) + np.ones(512, "<f4").tobytes())
    with pytest.raises(UserError, match=r"voxels of 0\.5 nm \(x\) and 2 nm \(z.*voxel_nm=\.\.\."):
        read_given(str(path))
    assert read_given(str(path), voxel_nm=0.5).voxel_nm == 0.5


def test_a_volume_that_is_not_there_is_a_sentence(hydra: None) -> None:
    words = ["phantom=file", "phantom.path=nowhere.mrc"]
    with pytest.raises(UserError, match=r"nowhere\.mrc not found"):
        make_stages(compose("reconstruct", overrides=words))


def test_weights_of_another_task_are_known_before_the_work(hydra: None) -> None:
    with pytest.raises(UserError, match="of task=irdm, weights of task=fiducials wanted"):
        make_stages(compose("reconstruct", overrides=["align=fiducial", "align.weights=irdm"]))
