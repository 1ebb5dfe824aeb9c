"""The bead classifier learns, from the seed alone, and goes on where it was stopped; its crops are
what their labels say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.training import beads as training
from recon.training import state
from recon.training.bead_crops import Crops, kept


def drawn(folder: Path, seed: int, number: int) -> Crops:
    """Round spots and bars in noise, in place of simulated series, which take a second each."""
    rng = np.random.default_rng([seed, number])
    y, x = np.indices((32, 32)) - 15.5
    spot, bar = np.exp(-(y**2 + x**2) / 40), np.exp(-(y**2) / 40)
    bead = rng.random(160) < 0.5
    pictures = np.where(bead[:, None, None], spot, bar) + 0.3 * rng.normal(size=(160, 32, 32))
    pictures -= pictures.mean((1, 2), keepdims=True)
    pictures /= pictures.std((1, 2), keepdims=True)
    return Crops(
        pictures.astype(np.float16),
        bead,
        rng.random(160).astype(np.float32),
        np.full(160, 55, np.float32),
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "kept", drawn)


OPTIONS = {"series": 24, "held_out": 1, "epochs": 4, "seed": 3}


def test_it_learns_and_a_seed_gives_the_same_weights(quick: None, tmp_path: Path) -> None:
    cards = []
    for name in ("a", "b"):
        folder = training.train_beads(tmp_path / name, **OPTIONS)
        cards.append(json.loads((folder / "card.json").read_text("utf-8")))
    assert cards[0]["sha256"] == cards[1]["sha256"]
    assert cards[0]["held_out"]["network_f1"] > 0.9
    assert cards[0]["held_out"]["classical_f1"] < 0.7  # random numbers
    assert (tmp_path / "a/weights.safetensors").stat().st_size < 1_000_000


def test_a_stopped_training_goes_on_to_the_same_weights(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = training.train_beads(tmp_path / "whole", **OPTIONS)
    save = state.save

    def save_and_stop(*parts: object) -> None:
        save(*parts)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(state, "save", save_and_stop)
        training.train_beads(tmp_path / "stopped", **OPTIONS)
    resumed = training.train_beads(tmp_path / "stopped", **OPTIONS)
    assert (resumed / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()


def test_augmented_crops_keep_their_height_about() -> None:
    pictures = torch.randn(16, 1, 32, 32)
    changed = training.augmented(pictures, torch.Generator().manual_seed(0))
    assert changed.shape == pictures.shape
    assert changed.mean((2, 3)).abs().max() < 1e-5
    assert (changed.std((2, 3)) - 1).abs().max() < 0.4


def test_crops_are_labelled_by_the_truth_and_kept(tmp_path: Path) -> None:
    made = kept(tmp_path, 0, 2)
    middle = made.pictures[:, 14:18, 14:18].astype(float).mean((1, 2))
    assert 50 < made.bead.sum() < len(made.bead) - 20
    assert (
        np.median(middle[made.bead]) > 1 > np.median(middle[~made.bead])
    )  # bright on dark, in the middle
    assert np.isnan(made.classical[made.bead]).sum() == 0
    again = kept(tmp_path, 0, 2)
    assert np.array_equal(made.pictures, again.pictures)
    assert np.array_equal(made.bead, again.bead)
