"""The bead classifier learns, from the seed alone, and goes on where it was stopped; its crops are
what their labels say."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from models.bead_classifier import BeadClassifier
from recon.console import Console
from recon.errors import UserError
from recon.training import state
from recon.training.bead_crops import BeadRanges, BeadSizes, BeadSource, Crops, join_crops
from recon.training.beads import BeadJudge, Fiducials, augment, gather_beads
from recon.training.loop import Trainer, train
from recon.training.statistics import in_use

SHORT = Trainer(
    steps=100,
    groups=6,
    first_groups=2,
    steps_per_group=5,
    validate_every=50,
    precision="32-true",
    learning_rate=1e-2,
    warm_up=2,
    average_decay=0.9,
)
TASK = Fiducials(functools.partial(BeadClassifier, (8, 16, 16), 32), batch=48)


@dataclass(frozen=True)
class Spots:
    """Round spots and bars in noise, in place of simulated series, which take a second each."""

    folder: Path
    per_group: int = 1

    def ready(self, number: int) -> bool:
        return True

    def group(self, number: int) -> list[Crops]:
        rng = np.random.default_rng([3, number])
        y, x = np.indices((32, 32)) - 15.5
        spot, bar = np.exp(-(y**2 + x**2) / 40), np.exp(-(y**2) / 40)
        bead = rng.random(160) < 0.5
        pictures = np.where(bead[:, None, None], spot, bar) + 0.3 * rng.normal(size=(160, 32, 32))
        pictures -= pictures.mean((1, 2), keepdims=True)
        pictures /= pictures.std((1, 2), keepdims=True)
        return [
            Crops(
                pictures.astype(np.float16),
                bead,
                rng.random(160).astype(np.float32),
                np.full(160, 55, np.float32),
            )
        ]


def run(folder: Path, trainer: Trainer = SHORT) -> dict[str, torch.Tensor]:
    folder.mkdir(exist_ok=True)
    source = Spots(folder)
    judge = BeadJudge(source.group(1_000_000)[0])
    train(trainer, TASK, source, judge, folder, {}, Console())
    with safe_open(folder / "checkpoint.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_it_learns_what_is_a_spot(tmp_path: Path) -> None:
    run(tmp_path)
    source = Spots(tmp_path)
    averages = state.load_averages(tmp_path / "checkpoint.safetensors")
    examples = [crops for g in range(6) for crops in source.group(g)]
    found = BeadJudge(source.group(1_000_000)[0]).scores(in_use(TASK, averages, examples))
    assert found["network_f1"] > 0.9
    assert found["classical_f1"] < 0.7  # random numbers
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert header.startswith("step,seconds,loss,network_f1,classical_f1")


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    short = replace(SHORT, steps=12, validate_every=12)
    whole = run(tmp_path / "whole", short)
    run(tmp_path / "stopped", replace(short, stop_after=7))
    resumed = run(tmp_path / "stopped", short)
    assert set(whole) == set(resumed)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_batch_follows_from_the_generator_and_comes_from_all_series() -> None:
    def crops(value: float, n: int) -> Crops:
        return Crops(
            np.full((n, 32, 32), value, np.float16),
            np.full(n, value > 0),
            np.zeros(n, np.float32),
            np.zeros(n, np.float32),
        )

    examples = [crops(1, 5), crops(0, 10), crops(0, 30)]
    one, two = (TASK.draw(examples, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one.pictures, two.pictures)
    assert 0 < int(one.bead.sum()) < len(one.bead)
    assert float(one.weight) == pytest.approx(40 / 5 / 3)


def test_augmented_crops_keep_their_height_about() -> None:
    pictures = torch.randn(16, 1, 32, 32)
    changed = augment(pictures, torch.Generator().manual_seed(0))
    assert changed.shape == pictures.shape
    assert changed.mean((2, 3)).abs().max() < 1e-5
    assert (changed.std((2, 3)) - 1).abs().max() < 0.4


def test_crops_are_labelled_by_the_truth_and_kept(tmp_path: Path) -> None:
    source = BeadSource(BeadRanges(), 0, tmp_path)
    assert not source.ready(2)
    (made,) = source.group(2)
    middle = made.pictures[:, 14:18, 14:18].astype(float).mean((1, 2))
    assert 50 < made.bead.sum() < len(made.bead) - 20
    assert (
        np.median(middle[made.bead]) > 1 > np.median(middle[~made.bead])
    )  # bright on dark, in the middle
    assert np.isnan(made.classical[made.bead]).sum() == 0
    assert source.ready(2)
    (again,) = source.group(2)
    assert np.array_equal(made.pictures, again.pictures)
    assert np.array_equal(made.bead, again.bead)
    assert len(join_crops([made, again]).bead) == 2 * len(made.bead)


def test_nothing_to_judge_by_is_a_sentence(tmp_path: Path) -> None:
    source = BeadSource(BeadRanges(), 0, tmp_path, BeadSizes(held_out=0))
    with pytest.raises(UserError, match=r"sizes\.held_out=0 given"):
        gather_beads(source, 1, Console())
