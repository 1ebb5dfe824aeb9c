"""What a step needs to run on another device than the CPU."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.primal_dual import PrimalDual as Network
from recon.command.training import check_ours
from recon.console import Console
from recon.errors import UserError
from recon.training import loop, state
from recon.training.batches import Batch, draw_slices
from recon.training.beads import BeadBatch
from recon.training.examples import Example
from recon.training.loop import Trainer, move_batch
from recon.training.source import Sizes
from recon.training.tasks import PrimalDual

META = torch.device("meta")  # a device without memory, which every build of torch has
ONES = torch.ones(2, 3, 4)


def example(n: int) -> Example:
    part = torch.rand(n, 2, n)
    return Example(part, part, part, torch.rand(5, 2, n), np.arange(5.0), 9.0, False, "foam")


@pytest.mark.parametrize(
    "batch", [Batch(ONES, ONES, ONES), BeadBatch(ONES, ONES, ONES), example(8)]
)
def test_all_tensors_of_a_batch_go_and_nothing_else_changes(batch: object) -> None:
    moved = move_batch(batch, META)
    for field in fields(batch):  # type: ignore[arg-type]
        before, after = getattr(batch, field.name), getattr(moved, field.name)
        if isinstance(before, Tensor):
            assert after.device == META
            assert after.shape == before.shape
        else:
            assert after is before
    assert move_batch(batch, torch.device("cpu")) is batch


def test_averages_stay_on_the_cpu_and_are_their_own() -> None:
    network, averages = nn.Linear(2, 2), {}
    state.average(averages, network, 0.5)
    before = averages["weight"].clone()
    with torch.no_grad():
        network.weight += 1
    assert torch.equal(averages["weight"], before)
    state.average(averages, network, 0.5)
    assert torch.allclose(averages["weight"], before + 0.5)
    assert averages["weight"].device.type == "cpu"


def test_projections_on_the_cpu_are_not_trained_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere:
        device = torch.device("cuda")

        def __init__(self, **_: object) -> None: ...

        def launch(self) -> None: ...

    monkeypatch.setattr(loop, "Fabric", Elsewhere)
    task = PrimalDual(network=Network)
    with pytest.raises(UserError, match=r"task=primal_dual .* use trainer=cpu"):
        loop.train(Trainer(), task, None, None, tmp_path, {}, Console())  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"voxels": 64}, {"planar": 255}, {"rows": 0}, {"voxels": 0}])
def test_sizes_that_cannot_be_binned_are_a_sentence(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"sizes.{next(iter(wrong))}="):
        replace(Sizes(), **wrong)


def test_small_examples_of_several_sizes_are_a_sentence() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match=r"task\.crop=96 .* 8, 12 pixels, task\.crop=8 or less"):
        draw_slices([example(8), example(12)], rng, batch=2, crop=96)
    assert draw_slices([example(8), example(12)], rng, batch=2, crop=8).tv.shape == (2, 8, 8)


def test_a_training_replaces_nothing_of_the_users(tmp_path: Path) -> None:
    check_ours(tmp_path)
    (tmp_path / "card.json").write_text("mine")
    for checkpoint in (None, "mine"):
        if checkpoint is not None:
            (tmp_path / "checkpoint.safetensors").write_text(checkpoint)
        with pytest.raises(UserError, match="would be replaced"):
            check_ours(tmp_path)
    state.save(tmp_path / "checkpoint.safetensors", 1, {}, {"a": ONES}, {}, {"of": "a test"})
    check_ours(tmp_path)
