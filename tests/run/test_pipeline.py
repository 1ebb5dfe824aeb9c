"""The main job, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.geometry import axis_rotation
from recon.io import read_tilt_series, read_tlt, read_volume, read_xf

Command = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parents[2]
FILES = [
    "aligned.mrc",
    "aligned.tlt",
    "aligned.xf",
    "preview.png",
    "report.csv",
    "report.html",
    "run.json",
    "tomogram.mrc",
]
SAMPLE = ("sample.size=64", "sample.step_deg=4")


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    words = [
        sys.executable,
        str(ROOT / "reconstruct.py"),
        *SAMPLE,
        "output=out",
        "also=[tiff,zarr]",
        "preprocess.bin=1",
    ]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder / "out"


def test_the_files_have_their_fixed_names(sample_run: Path) -> None:
    assert sorted(p.name for p in sample_run.iterdir()) == sorted(
        [*FILES, "truth.mrc", "tomogram.tif", "tomogram.ome.zarr"]
    )


def test_the_tomogram_is_the_truth_that_was_put_in(sample_run: Path) -> None:
    tomogram, truth = (
        read_volume(sample_run / "tomogram.mrc"),
        read_volume(sample_run / "truth.mrc"),
    )
    assert tomogram.data.shape == truth.data.shape == (64, 64, 64)
    assert tomogram.voxel_nm == pytest.approx(1.0)
    a, b = tomogram.data.numpy().ravel(), truth.data.numpy().ravel()
    # The specimen's position is free: alignment centres its mass, which the phantom's is not,
    # quite.
    assert np.corrcoef(a, b)[0, 1] > 0.85
    assert a.sum() == pytest.approx(
        b.sum(), rel=0.06
    )  # the scale is kept; positivity lifts the noise around it


def test_alignment_found_the_drift(sample_run: Path) -> None:
    record = json.loads((sample_run / "run.json").read_text())
    assert abs(record["against_truth"]["axis_error_deg"]) < 0.3
    assert record["against_truth"]["shift_error_px_rms"] < 0.3


def test_the_record_says_what_was_done(sample_run: Path) -> None:
    record = json.loads((sample_run / "run.json").read_text())
    assert record["algorithm"] == "sirt"
    assert record["options"]["n_iterations"] == len(record["residual_per_iteration"])
    assert record["residual"] <= record["residual_per_iteration"][0]
    assert len(record["residual_per_view"]) == len(record["angles_deg"])
    assert record["config"]["sample"]["size"] == 64
    assert record["versions"]["torch"]
    assert any("hot" in line for line in record["history"])


def test_the_record_holds_scores_curves_and_warnings(sample_run: Path) -> None:
    record = json.loads((sample_run / "run.json").read_text())
    trust, views = record["trust"], len(record["angles_deg"])
    assert list(trust["withheld"]) == ["sirt", "wbp", "tv"]
    assert all(
        len(curve) == len(trust["withheld_angles_deg"])
        for curve in trust["withheld_per_view"].values()
    )
    assert len(trust["whitened_residual_per_view"]) == views
    assert record["fsc_with_truth"]["correlation"][0] > 0.9
    assert record["scores"]["fsc_0.5"] <= 0.5
    assert 1 / record["crowther_per_voxel"] == pytest.approx(np.pi * 64 / 45)
    assert isinstance(record["warnings"], list)
    page = (sample_run / "report.html").read_text("utf-8")
    assert "FSC with the truth" in page
    assert " is ahead of " in page or "predict withheld views equally well" in page


def test_the_transforms_bring_raw_to_aligned(sample_run: Path) -> None:
    matrices, shifts = read_xf(sample_run / "aligned.xf")
    record = json.loads((sample_run / "run.json").read_text())
    assert matrices[3] == pytest.approx(axis_rotation(record["axis_deg"])[::-1, ::-1], abs=1e-6)
    assert shifts[:, ::-1] == pytest.approx(np.array(record["shifts_px"]), abs=1e-3)
    assert read_tlt(sample_run / "aligned.tlt") == pytest.approx(record["angles_deg"])


def test_all_formats_hold_the_same_volume(sample_run: Path) -> None:
    mrc = read_volume(sample_run / "tomogram.mrc")
    for name in ("tomogram.tif", "tomogram.ome.zarr"):
        other = read_volume(sample_run / name)
        assert np.array_equal(other.data, mrc.data)
        assert other.voxel_nm == pytest.approx(mrc.voxel_nm)


def test_the_picture_is_a_picture(sample_run: Path) -> None:
    assert (sample_run / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert (sample_run / "preview.png").stat().st_size > 50_000


def test_binning_keeps_the_specimen_in_place_and_in_scale(
    command: Command, sample_run: Path, tmp_path: Path
) -> None:
    done = command(*SAMPLE, "preprocess.bin=2", "output=half")
    assert done.returncode == 0, done.stderr
    half, whole = (
        read_volume(tmp_path / "half/tomogram.mrc"),
        read_volume(sample_run / "tomogram.mrc"),
    )
    assert half.voxel_nm == pytest.approx(2.0)
    binned = whole.data.numpy().reshape(32, 2, 32, 2, 32, 2).mean((1, 3, 5))
    assert np.corrcoef(half.data.numpy().ravel(), binned.ravel())[0, 1] > 0.97
    assert half.data.mean() == pytest.approx(float(whole.data.mean()), rel=0.05)
    _, shifts = read_xf(tmp_path / "half/aligned.xf")
    _, full_shifts = read_xf(sample_run / "aligned.xf")
    assert np.abs(shifts - full_shifts).mean() < 0.5  # both in raw pixels, binning 1


def test_a_series_that_was_written_is_read_and_needs_no_alignment(
    command: Command, sample_run: Path, tmp_path: Path
) -> None:
    done = command(str(sample_run / "aligned.mrc"), "align=none", "preprocess=none", "output=again")
    assert done.returncode == 0, done.stderr
    again, first = (
        read_volume(tmp_path / "again/tomogram.mrc").data,
        read_volume(sample_run / "tomogram.mrc").data,
    )
    assert float((again - first).abs().max()) < 1e-4 * float(first.max())
    series = read_tilt_series(sample_run / "aligned.mrc")
    assert series.geometry.pixel_nm == pytest.approx(1.0)


TWO_SLABS = (
    "sample.size=96",
    "sample.step_deg=12",
    "align.rounds=0",
    "algorithm.n_iterations=20",
)
# The command, which sends itself a signal as soon as its first slab is on the disk: however busy the
# machine is, it never comes too late.
STOPPED = """
import os, signal, sys
import recon.run.slabs as slabs
save = slabs.save_state
def save_and_stop(*given):
    save(*given)
    os.kill(os.getpid(), {number})
slabs.save_state = save_and_stop
from recon.cli import reconstruct
reconstruct()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(
    command: Command, tmp_path: Path, how: signal.Signals
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", STOPPED.format(number=int(how)), *TWO_SLABS, "output=out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a shell makes its background jobs deaf to Ctrl-C
    )
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert (tmp_path / "out/unfinished-slabs.json").exists()
    if how == signal.SIGINT:
        assert "resume=true" in process.stderr
        assert "Traceback" not in process.stderr
    assert not (tmp_path / "out/tomogram.mrc").exists()

    refused = command(*TWO_SLABS, "algorithm.relaxation=0.5", "resume=true", "output=out")
    assert refused.returncode == 2
    assert "other settings" in refused.stderr

    done = command(
        *TWO_SLABS, "resume=true", "output=out", "memory_gb=3"
    )  # less memory may be free by then
    assert done.returncode == 0, done.stderr
    assert "resuming" in done.stdout
    fresh = command(*TWO_SLABS, "output=fresh")
    assert fresh.returncode == 0, fresh.stderr
    for name in ("tomogram.mrc", "aligned.mrc"):
        a, b = read_volume(tmp_path / "out" / name), read_volume(tmp_path / "fresh" / name)
        assert np.array_equal(a.data, b.data)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([*FILES, "truth.mrc"])


def test_results_of_two_runs_never_lie_side_by_side(command: Command, tmp_path: Path) -> None:
    small = (
        "sample.size=32",
        "sample.step_deg=6",
        "align.rounds=0",
        "algorithm=wbp",
        "trust=none",
        "output=out",
    )
    assert command(*small, "also=[tiff,zarr]").returncode == 0
    (tmp_path / "out/notes.txt").write_text("mine")
    assert command(*small, "report=false").returncode == 0
    fresh = [name for name in FILES if not name.startswith("report.")]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        [*fresh, "truth.mrc", "notes.txt"]
    )


def test_a_stop_between_volume_and_record_is_no_loss(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All slabs are done and the volume has its name: only the record is missing."""
    script = (
        "import sys, recon.run.pipeline as p\n"
        "def die(*a, **k): import os; os._exit(9)\n"
        "p._picture = die\n"
        "from recon.cli import reconstruct; reconstruct()"
    )
    small = ["sample.size=32", "sample.step_deg=6", "align.rounds=0", "output=out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    died = subprocess.run(
        [sys.executable, "-c", script, *small],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert died.returncode == 9
    assert (tmp_path / "out/tomogram.mrc").exists()
    assert not (tmp_path / "out/run.json").exists()
    done = command(*small, "resume=true")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/run.json").exists()
    assert not (tmp_path / "out/unfinished-slabs.json").exists()


def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = command(*SAMPLE, "output=file/out")
    assert done.returncode == 2
    assert "output=" in done.stderr
    assert "sirt" not in done.stdout


def test_the_real_needle_becomes_a_needle(
    command: Command, reference: Callable[[str], Path], tmp_path: Path
) -> None:
    """Unaided, from the raw file: the layers are straight across, the cross-section is round, the
    voxel size is right."""
    done = command(str(reference("needle/HAADF.mrc")), "output=needle", "algorithm.n_iterations=20")
    assert done.returncode == 0, done.stderr
    volume = read_volume(tmp_path / "needle/tomogram.mrc")
    assert volume.voxel_nm == pytest.approx(3.36)
    data = volume.data.numpy()
    assert data.shape == (256, 256, 256)
    section = data[:, 140] > 0.5 * np.quantile(data[:, 140], 0.99)
    height, width = (
        np.ptp(np.nonzero(section.any(1))[0]) + 1,
        np.ptp(np.nonzero(section.any(0))[0]) + 1,
    )
    assert (
        0.9 < height / width < 1.15
    )  # 28 degrees of missing wedge would elongate a back-projection by 1.2
    middle = data[128, :, 100:155]
    edges = np.argmax(
        np.gradient(middle, axis=0)[60:110], axis=0
    )  # the first layer's edge in each column
    assert np.ptp(edges) <= 3


def test_a_wider_tomogram(
    tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    specimen = ("phantom=polyamide_film", "phantom.size=32", "align=none", "extend_px=12")
    done = command(*specimen, "trust=none", "report=false", "threads=1", "output=out")
    assert done.returncode == 0, done.stderr
    assert read_volume(tmp_path / "out/tomogram.mrc").data.shape == (32, 32, 56)
