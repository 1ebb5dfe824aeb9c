"""The stage in a run: from the command to atoms.xyz and labels.mrc, scored against what the sample
knows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from recon.analyze.base import NOTHING, Known, nothing
from recon.cli import CONFIGS
from recon.command.config import make_stages
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_volume, write_volume
from recon.io.xyz import read_xyz
from recon.run.analysis import TRUE_LABELS, analyze, write_known
from recon.series import TiltSeries, Volume
from recon.simulate.sample import Sample

Command = Callable[..., subprocess.CompletedProcess[str]]
QUICK = (
    "threads=1",
    "trust=none",
    "report=false",
    "align=none",
    "simulate.stage.drift_px=0",
    "simulate.stage.axis_deg=0",
    "output=out",
)


def test_atoms_of_a_phantom(command: Command, tmp_path: Path) -> None:
    specimen = (
        "phantom=atoms",
        "phantom.size=64",
        "phantom.box_nm=2.2",
        "phantom.structure=amorphous",
    )
    imaging = (
        "simulate.views.max_tilt_deg=88",
        "simulate.views.dose_e_nm2=1e7",
        "algorithm.n_iterations=20",
    )
    done = command(*specimen, *imaging, *QUICK, "analyze=atoms", "analyze.element=Si")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "out/run.json").read_text())["analysis"]
    assert facts["matched"] == facts["true_atoms"] == facts["atoms"]
    assert facts["rmsd_pm"] < 15
    lines = (tmp_path / "out/atoms.xyz").read_text().splitlines()
    assert int(lines[0]) == facts["atoms"] == len(lines) - 2
    assert lines[2].startswith("Si ")
    # The frame of the file is the frame of the tomogram, not the best of 48.
    np.testing.assert_array_equal(facts["truth_axes_zyx"], np.eye(3))
    assert len(read_xyz(tmp_path / "out/truth_positions.xyz")) == facts["true_atoms"]


def test_labels_of_a_phantom(command: Command, tmp_path: Path) -> None:
    done = command("phantom=core_shell", "phantom.size=32", *QUICK, "analyze=labels")
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "out/run.json").read_text())["analysis"]["scores"]
    assert min(s["dice"] for s in scores.values()) > 0.7
    assert (
        read_volume(tmp_path / "out/labels.mrc").voxel_nm
        == read_volume(tmp_path / "out/tomogram.mrc").voxel_nm
    )
    assert "Dice" in done.stdout


def test_a_truth_that_is_not_there_is_known_before_the_work() -> None:
    with (
        initialize_config_dir(str(CONFIGS), version_base="1.3"),
        pytest.raises(UserError, match=r"nowhere\.xyz"),
    ):
        make_stages(
            compose("reconstruct", overrides=["analyze=atoms", "analyze.truth=nowhere.xyz"])
        )


def test_true_labels_lie_on_the_tomogram(tmp_path: Path) -> None:
    """Moved and binned as the found geometry has it: half a voxel of the binned grid must be
    filled."""
    labels = torch.zeros(16, 16, 16, dtype=torch.int16)
    labels[4:8, 4:8, 4:8] = 3
    labels[8:12, 4:8, 4:8] = 1
    labels[2:3, 12:13, 12:13] = 2  # an eighth of a binned voxel
    angles = np.array([-60.0, 0.0, 60.0])
    series = TiltSeries(torch.ones(3, 16, 16), Geometry(angles, 1.0))
    sample = Sample(
        series, Volume(labels.float(), 1.0, unit="density"), Geometry(angles, 1.0), labels=labels
    )
    moved = np.tile([1.0, 0.0], (3, 1))  # one binned pixel along y: two voxels
    write_known(tmp_path, sample, Geometry(angles, 2.0, 0.0, moved), 2)
    found = read_volume(tmp_path / TRUE_LABELS)
    wanted = np.zeros((8, 8, 8))
    wanted[2:4, 3:5, 2:4], wanted[4:6, 3:5, 2:4] = 3, 1
    np.testing.assert_array_equal(found.data.numpy(), wanted)
    assert found.voxel_nm == pytest.approx(2)


def test_what_cannot_be_analysed_is_said_and_the_tomogram_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from recon.analyze.atoms import ATOMS

    write_volume(Volume(torch.rand(8, 8, 8), None), tmp_path / "tomogram.mrc")
    facts = analyze(ATOMS(), tmp_path, memory_gb=4, console=Console())
    assert "pixel_nm" in str(facts["failed"])
    assert "no analysis" in capsys.readouterr().err
    facts = analyze(ATOMS(), tmp_path, memory_gb=1e-9, console=Console())
    assert "memory_gb" in str(facts["failed"])


def test_none_does_not_even_read(tmp_path: Path) -> None:
    assert analyze(NOTHING(), tmp_path, memory_gb=1, console=Console()) == {}
    assert nothing(Volume(torch.zeros(2, 2, 2), None), known=Known()).facts == {}
