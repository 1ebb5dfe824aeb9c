"""The training loop: seed, step, validate, average, keep, resume."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from recon.console import Console
from recon.errors import UserError
from recon.training import state
from recon.training.base import B, E, Judge, Line, Source, Task
from recon.training.losses import discriminator_score, finite, generator_score
from recon.training.pool import available, start_filling, wait_for
from recon.training.statistics import in_use


@dataclass(frozen=True)
class Trainer:
    """How long and how fast. ``steps``: of the whole cosine schedule; ``max_minutes``,
    ``stop_after``: stop, to be resumed, after so long or that step.

    ``first_groups`` of examples have to be there before the first step, one more after every
    ``steps_per_group`` steps, up to ``groups``. ``adversarial_from``: the share of the steps after
    which a task's discriminator joins in.
    """

    accelerator: str = "cpu"
    devices: int = 1
    strategy: str = "auto"
    precision: str = "bf16-mixed"
    cores: int = 1
    seed: int = 0
    steps: int = 20000
    max_minutes: float | None = None
    stop_after: int | None = None
    learning_rate: float = 1e-3
    warm_up: int = 200
    clip: float = 1.0
    average_decay: float = 0.998
    adversarial_from: float = 0.0
    groups: int = 96
    first_groups: int = 8
    steps_per_group: int = 150
    validate_every: int = 1000
    checkpoint_minutes: float = 5.0

    def rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def train(
    trainer: Trainer,
    task: Task[E, B],
    source: Source[E],
    judge: Judge,
    folder: Path,
    facts: dict[str, object],
    console: Console,
) -> int:
    """Train until ``trainer.steps`` or the time is up, from the checkpoint in ``folder`` if there
    is one; returns the step reached.

    The state lies in ``checkpoint.safetensors``, the numbers in ``log.csv``. Raises ``UserError``
    when the loss is no longer a number.
    """
    torch.manual_seed(trainer.seed)
    fabric = Fabric(
        accelerator=trainer.accelerator, devices=trainer.devices, strategy=trainer.strategy, precision=trainer.precision  # type: ignore[arg-type]
    )  # fmt: skip
    fabric.launch()
    if fabric.device.type != "cpu" and task.on_cpu:
        raise UserError(
            f"task={task.name} given with trainer.accelerator={trainer.accelerator}, but its "
            "projections are made on the CPU; use trainer=cpu"
        )
    bare = {"network": task.network().to(memory_format=torch.channels_last)}  # type: ignore[call-overload]
    judge_of = task.discriminator() if task.adversarial > 0 else None
    if judge_of is not None:
        bare["discriminator"] = judge_of
    kinds = {"network": torch.optim.AdamW, "discriminator": torch.optim.RMSprop}
    ready = {
        n: fabric.setup(
            net, kinds[n](net.parameters(), lr=trainer.learning_rate, weight_decay=1e-4)
        )
        for n, net in bare.items()
    }
    networks, optimisers = {n: r[0] for n, r in ready.items()}, {n: r[1] for n, r in ready.items()}
    averages: state.Averages = {}
    checkpoint = folder / state.CHECKPOINT
    step = 0
    if checkpoint.exists():
        step, before = state.load(checkpoint, bare, averages, optimisers)
        _same_training(before, facts)
        console.say(f"going on from step {step} of {trainer.steps}")

    def keep() -> None:
        if fabric.is_global_zero:
            state.save(checkpoint, step, bare, averages, optimisers, facts)

    worker = start_filling(source, range(trainer.groups))
    examples: list[E] = []
    began = kept = time.monotonic()
    try:
        with console.progress("training", trainer.steps - step) as advance:
            while step < (
                trainer.steps
                if trainer.stop_after is None
                else min(trainer.steps, trainer.stop_after)
            ):
                wanted = available(
                    step,
                    first=trainer.first_groups,
                    steps_per_group=trainer.steps_per_group,
                    limit=trainer.groups,
                )
                while len(examples) < wanted * source.per_group:
                    examples += wait_for(source, len(examples) // source.per_group, worker)
                loss = _step(fabric, trainer, task, networks, optimisers, examples, step)
                if not finite(loss):
                    raise UserError(
                        f"the loss at step {step} is {float(loss):g}; {checkpoint} holds the last "
                        f"good state, lower "
                        "trainer.learning_rate and repeat the command"
                    )
                step += 1
                state.average(
                    averages, bare["network"], min(trainer.average_decay, step / (step + 10))
                )
                advance(1)
                if step % trainer.validate_every == 0 or step == trainer.steps:
                    line = judge(in_use(task, averages, examples), folder, step)
                    _log(line, folder, step, float(loss), time.monotonic() - began, console)
                if time.monotonic() - kept > 60 * trainer.checkpoint_minutes:
                    keep()
                    kept = time.monotonic()
                if (
                    trainer.max_minutes is not None
                    and time.monotonic() - began > 60 * trainer.max_minutes
                ):
                    console.say(
                        f"{trainer.max_minutes:g} minutes are up at step {step} of "
                        f"{trainer.steps}; repeat the command to go on"
                    )
                    break
        keep()
    except KeyboardInterrupt:
        keep()
        console.warn(f"stopped at step {step}; repeat the command to go on")
        raise
    finally:
        worker.terminate()
    return step


def _step(
    fabric: Fabric,
    trainer: Trainer,
    task: Task[E, B],
    networks: dict[str, nn.Module],
    optimisers: dict[str, torch.optim.Optimizer],
    examples: Sequence[E],
    step: int,
) -> Tensor:
    """One update of the network, and of the discriminator where there is one. What is drawn depends
    on (seed, step, rank) alone."""
    torch.manual_seed(trainer.seed * 1_000_003 + step)
    rng = np.random.default_rng([trainer.seed, step, fabric.global_rank])
    batch = move_batch(task.draw(examples, rng), fabric.device)
    for optimiser in optimisers.values():
        for group in optimiser.param_groups:
            group["lr"] = trainer.rate(step)
    network, judge = networks["network"].train(), networks.get("discriminator")
    loss, shown = task.losses(network, batch)
    joined = step >= trainer.adversarial_from * trainer.steps
    if shown is None or judge is None or not joined:
        _update(fabric, loss, network, optimisers["network"], trainer.clip)
        return loss.detach()
    out, truth, condition = (part[:, None] for part in shown)
    real, fake = judge(truth, condition), judge(out, condition)
    loss = loss + task.adversarial * generator_score(real.detach(), fake)
    _update(fabric, loss, network, optimisers["network"], trainer.clip)
    real, fake = judge(truth, condition), judge(out.detach(), condition)
    _update(
        fabric, discriminator_score(real, fake), judge, optimisers["discriminator"], trainer.clip
    )
    return loss.detach()


def move_batch(batch: B, device: torch.device) -> B:
    """``batch`` (a dataclass) with its tensors on ``device``."""
    if device.type == "cpu":
        return batch
    assert is_dataclass(batch)
    parts = {f.name: getattr(batch, f.name) for f in fields(batch)}
    moved = {name: v.to(device) for name, v in parts.items() if isinstance(v, Tensor)}
    return cast(B, replace(cast(Any, batch), **moved))


def _update(
    fabric: Fabric, loss: Tensor, network: nn.Module, optimiser: torch.optim.Optimizer, clip: float
) -> None:
    optimiser.zero_grad()
    fabric.backward(loss)
    fabric.clip_gradients(network, optimiser, max_norm=clip, error_if_nonfinite=False)
    optimiser.step()


def _log(
    line: Line, folder: Path, step: int, loss: float, seconds: float, console: Console
) -> None:
    console.say(f"step {step}: loss {loss:.3f}, {line.sentence}")
    path = folder / "log.csv"
    if not path.exists():
        path.write_text("step,seconds,loss," + ",".join(line.names) + "\n", "utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(
            f"{step},{seconds:.0f},{loss:.4f}," + ",".join(f"{v:.3f}" for v in line.values) + "\n"
        )


def _same_training(before: dict[str, object], now: dict[str, object]) -> None:
    """Raise ``UserError`` when a checkpoint belongs to other options: it would go on as neither of
    the two."""
    if changed := sorted(k for k in now if before.get(k) != now[k]):
        raise UserError(
            f"the checkpoint was made with other options ({', '.join(changed)}); repeat them, or "
            f"train in another folder with output=DIR"
        )
