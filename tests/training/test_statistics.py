"""A network is used without dropout, and so are its batch statistics taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recon.training.statistics import in_use


class Noisy:
    """A task whose batches are normal numbers about 3."""

    name, used_as, adversarial, crop = "noisy", "", 0.0, 8

    def __init__(self, dropout: float) -> None:
        self.dropout = dropout

    def network(self) -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 1, 1), nn.AlphaDropout(self.dropout), nn.BatchNorm2d(1))

    def draw(self, examples: Any, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.normal(3, 0.5, (8, 1, 8, 8)).astype(np.float32))

    def losses(self, network: nn.Module, batch: Tensor) -> tuple[Tensor, None]:
        return network(batch), None


def train_noisy(task: Noisy) -> dict[str, Tensor]:
    network = task.network()
    with torch.no_grad():
        network[0].weight.fill_(2)
        network[0].bias.fill_(1)
        for k in range(50):
            network(task.draw(None, np.random.default_rng(k)))
    return network.state_dict()


def test_behind_dropout_the_statistics_are_those_of_use() -> None:
    task = Noisy(0.5)
    averages = train_noisy(task)
    network = in_use(task, averages, [])
    assert not network.training
    assert not any(module.training for module in network.modules())
    with torch.no_grad():
        out = network(task.draw(None, np.random.default_rng(99)))
    assert abs(float(out.mean())) < 0.1
    assert abs(float(out.std()) - 1) < 0.1
    assert abs(float(averages["2.running_mean"]) - 7) > 1  # which dropout had made others


def test_without_dropout_nothing_changes() -> None:
    task = Noisy(0.0)
    averages = train_noisy(task)
    network = in_use(task, averages, [])
    for key, value in network.state_dict().items():
        assert torch.equal(value, averages[key])
