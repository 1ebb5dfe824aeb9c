"""A finished folder against its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from recon.io import write_volume
from recon.metrics import against_truth as scores
from recon.metrics.against_truth import against_truth
from recon.metrics.volumes import crowther_frequency, nrmse, psnr
from recon.series import Volume

SHAPE = (16, 12, 20)


def volume(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


def folder(path: Path, tomogram: np.ndarray, truth: np.ndarray) -> Path:
    write_volume(Volume(torch.from_numpy(tomogram), 1.0, unit="density"), path / "tomogram.mrc")
    write_volume(Volume(torch.from_numpy(truth), 1.0, unit="density"), path / "truth.mrc")
    return path


def test_the_numbers_are_those_of_the_volumes(tmp_path: Path) -> None:
    shown, truth = volume() + 0.3 * volume(1), volume()
    found = against_truth(folder(tmp_path, shown, truth))
    a, b = torch.from_numpy(shown), torch.from_numpy(truth)
    assert found.numbers["psnr_db"] == pytest.approx(psnr(a, b))
    assert found.numbers["nrmse"] == pytest.approx(nrmse(a, b))
    assert found.numbers["fsc_0.5"] == 0.5  # noise of a tenth of the power hides nothing
    assert found.fsc is not None
    assert np.mean(found.fsc.correlation) == pytest.approx(1 / np.sqrt(1.09), abs=0.02)
    assert found.notes == ()


def test_of_a_large_volume_the_middle_rows_are_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, truth = volume() + 0.3 * volume(1), volume()
    monkeypatch.setattr(scores, "SCORED_VOXELS", 4 * SHAPE[0] * SHAPE[2])
    monkeypatch.setattr(scores, "FSC_VOXELS", 2 * SHAPE[0] * SHAPE[2])
    found = against_truth(folder(tmp_path, shown, truth))
    middle = slice(4, 8)
    wanted = nrmse(torch.from_numpy(shown[:, middle]), torch.from_numpy(truth[:, middle]))
    assert found.numbers["nrmse"] == pytest.approx(wanted)
    assert found.notes == (
        "scored on the middle 4 of 12 rows",
        "Fourier shell correlation of the middle 2 of 12 rows",
    )


@pytest.mark.parametrize(
    ("tomogram", "truth", "says"),
    [
        (volume(), np.zeros(SHAPE, np.float32), "a reference volume that is 0 everywhere"),
        (
            np.zeros((8, 8, 8), np.float32),
            volume(),
            "the tomogram has 8 × 8 × 8 voxels, the truth 16 × 12 × 20",
        ),
        (volume()[:4], volume()[:4], "no ssim"),
    ],
)
def test_what_cannot_be_scored_is_a_note(
    tmp_path: Path, tomogram: np.ndarray, truth: np.ndarray, says: str
) -> None:
    found = against_truth(folder(tmp_path, tomogram, truth))
    assert any(says in note for note in found.notes)


def test_a_constant_tomogram_correlates_with_nothing(tmp_path: Path) -> None:
    found = against_truth(folder(tmp_path, np.full(SHAPE, 2, np.float32), volume()))
    assert found.fsc is not None
    assert np.abs(found.fsc.correlation).max() < 1e-6


def test_no_truth_no_scores(tmp_path: Path) -> None:
    found = against_truth(tmp_path)
    assert (found.numbers, found.fsc, found.notes) == ({}, None, ())


def test_crowther_is_pi_d_over_n() -> None:
    """61 views 2 degrees apart: N is 90 of a half turn; D = 100 voxels are resolved to pi 100 / 90
    voxels."""
    assert 1 / crowther_frequency(np.arange(-60, 61, 2.0), 100) == pytest.approx(np.pi * 100 / 90)
    assert crowther_frequency(np.array([0.0]), 100) is None
    assert crowther_frequency(np.array([np.nan, 1, 2]), 0) is None
