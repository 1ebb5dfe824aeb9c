"""A training lowers its loss, resumes exactly, and stops in good order."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from recon.console import Console
from recon.errors import UserError
from recon.training.base import Shown
from recon.training.batches import Batch
from recon.training.loop import Trainer, train
from recon.training.losses import discriminator_score, generator_score, relative_error, structure
from recon.training.source import PhantomSource
from recon.training.tasks import Irdm
from recon.training.validation import PhantomJudge

SHORT = Trainer(
    steps=6,
    groups=2,
    first_groups=1,
    steps_per_group=3,
    validate_every=3,
    precision="32-true",
    warm_up=1,
    checkpoint_minutes=1e-9,
)


@pytest.fixture
def judge(task: Irdm, source: PhantomSource) -> PhantomJudge:
    return PhantomJudge(task, source.group(1_000_000, "polygons"), [])


def weights(folder: Path) -> dict[str, Tensor]:
    with safe_open(folder / "checkpoint.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def run(
    folder: Path,
    source: PhantomSource,
    judge: PhantomJudge,
    task: Irdm,
    trainer: Trainer,
    facts: dict[str, object] | None = None,
) -> Path:
    folder.mkdir(exist_ok=True)
    train(trainer, task, source, judge, folder, facts or {"lr": 1}, Console())
    return folder


def test_resuming_equals_going_through(
    tmp_path: Path, source: PhantomSource, judge: PhantomJudge, task: Irdm
) -> None:
    through = run(tmp_path / "a", source, judge, task, SHORT)
    stopped = run(tmp_path / "b", source, judge, task, replace(SHORT, max_minutes=0.0))
    for _ in range(5):
        run(stopped, source, judge, task, replace(SHORT, max_minutes=0.0))  # one step at a time
    one, two = weights(through), weights(stopped)
    assert set(one) == set(two)
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_the_log_has_a_line_for_every_validation(
    tmp_path: Path, source: PhantomSource, judge: PhantomJudge, task: Irdm
) -> None:
    folder = run(tmp_path / "a", source, judge, task, SHORT)
    with (folder / "log.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["step"] for line in lines] == ["3", "6"]
    assert float(lines[0]["seen_psnr"]) > 5
    assert (folder / "sample.png").stat().st_size > 1000


def test_other_options_do_not_go_on_from_a_checkpoint(
    tmp_path: Path, source: PhantomSource, judge: PhantomJudge, task: Irdm
) -> None:
    folder = run(tmp_path / "a", source, judge, task, SHORT)
    with pytest.raises(UserError, match="other options \\(lr\\)"):
        run(folder, source, judge, task, SHORT, {"lr": 2})


def test_a_loss_that_is_no_number_stops_with_the_last_good_state(
    tmp_path: Path, source: PhantomSource, judge: PhantomJudge, task: Irdm
) -> None:
    class Broken(Irdm):
        def losses(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Shown | None]:
            loss, shown = super().losses(network, batch)
            Broken.steps += 1
            return loss * float("nan") if Broken.steps == 4 else loss, shown

        steps = 0

    broken = Broken(task.network, batch=2, crop=16)
    with pytest.raises(UserError, match="loss at step 3 is nan"):
        run(tmp_path / "a", source, judge, broken, SHORT)
    assert all(
        torch.isfinite(v).all() for v in weights(tmp_path / "a").values() if v.is_floating_point()
    )


def test_steps_lower_the_loss_on_a_fixed_batch(source: PhantomSource, task: Irdm) -> None:
    network = task.network().train()
    batch = task.draw(source.group(0), np.random.default_rng(0))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    values = []
    for _ in range(12):
        loss = task.losses(network, batch)[0]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.9 * values[0]


def test_the_baseline_itself_scores_two() -> None:
    truth, tv = torch.rand(3, 8, 8), torch.rand(3, 8, 8)
    assert float(relative_error(tv, truth, tv)) == pytest.approx(2)
    assert float(relative_error(truth, truth, tv)) == 0
    assert float(structure(truth, truth)) == pytest.approx(0, abs=1e-5)
    assert float(structure(tv, truth)) > 0.5


def test_the_adversaries_want_opposite_things() -> None:
    real, fake = torch.full((4, 1), 1.0), torch.zeros(4, 1)
    assert float(discriminator_score(real, fake)) == 0
    assert float(generator_score(fake, real)) == 0
    assert float(generator_score(real, fake)) == 4


def test_the_rate_rises_and_falls() -> None:
    trainer = Trainer(steps=100, warm_up=10, learning_rate=1.0)
    rates = [trainer.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02
