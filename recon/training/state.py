"""A training on the disk: everything the next step depends on, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.optim import Optimizer

from recon.io.atomic import replacing

Averages = dict[str, Tensor]
CHECKPOINT = "checkpoint.safetensors"  # its name in the folder of a training


def average(averages: Averages, network: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and of batch statistics, in place and on the CPU,
    wherever the network is; empty averages are begun."""
    for name, value in network.state_dict().items():
        if name not in averages or not value.is_floating_point():
            averages[name] = value.detach().to("cpu", copy=True)
        else:
            averages[name].lerp_(value.detach().cpu(), 1 - decay)


def save(
    path: Path,
    step: int,
    networks: dict[str, nn.Module],
    averages: Averages,
    optimisers: dict[str, Optimizer],
    facts: dict[str, object],
) -> None:
    """Written whole or not at all."""
    tensors = {f"average/{k}": v for k, v in averages.items()}
    for name, network in networks.items():
        tensors |= {f"{name}/{k}": v for k, v in network.state_dict().items()}
        for i, state in optimisers[name].state_dict()["state"].items():
            tensors |= {f"{name}.optimiser/{i}/{k}": torch.as_tensor(v) for k, v in state.items()}
    contiguous = {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}
    write_tensors(path, contiguous, {"step": str(step), "facts": json.dumps(facts)})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """A safetensors file, whole or not at all, readable as far as the umask lets it be: the
    library's own writer leaves files that only their owner can read."""
    with replacing(path) as temporary:
        temporary.write_bytes(to_bytes(dict(tensors), metadata=dict(facts)))


def is_checkpoint(path: Path) -> bool:
    """Whether ``save`` wrote it."""
    try:
        with safe_open(path, framework="pt") as file:
            return {"step", "facts"} <= set(file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def load_averages(path: Path) -> Averages:
    """The averaged weights alone."""
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith("average/")]  # noqa: SIM118
        return {name.removeprefix("average/"): file.get_tensor(name) for name in names}


def load(
    path: Path, networks: dict[str, nn.Module], averages: Averages, optimisers: dict[str, Optimizer]
) -> tuple[int, dict[str, object]]:
    """Fill what was saved; returns (step, facts)."""
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
        saved = [n for n in file.keys() if not n.startswith("average/")]  # noqa: SIM118
        tensors = {name: file.get_tensor(name) for name in saved}
    averages.clear()
    averages.update(load_averages(path))
    for name, network in networks.items():
        network.load_state_dict(
            {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}
        )
        states: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"{name}.optimiser/"):
                _, index, part = key.split("/")
                states.setdefault(int(index), {})[part] = value
        whole = optimisers[name].state_dict()
        optimisers[name].load_state_dict({"state": states, "param_groups": whole["param_groups"]})
    return int(facts["step"]), json.loads(facts["facts"])
