"""Weights that ship with the package: found by name, checked by their sha256, never unpickled."""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from torch import nn

import models
from models.folding import folded
from recon.errors import UserError

FOLDER = Path(models.__file__).parent / "weights"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network ready for use, and ``card``: what its training data were like
    (``recon.learned.card``)."""

    network: nn.Module
    card: Mapping[str, object]
    name: str


@functools.lru_cache(maxsize=4)
def trained(name: str, folder: Path = FOLDER) -> Trained:
    """The network that ``weights.toml`` in ``folder`` lists as ``name``, in evaluation mode, its
    batch normalisation folded in.

    Raises ``UserError`` for a name that is not listed and for a file that is missing or not the one
    that was listed.
    """
    registry = tomllib.loads((folder / "weights.toml").read_text("utf-8"))
    if name not in registry:
        raise UserError(
            f"weights={name} given, one of {', '.join(sorted(registry))} wanted; train.py makes "
            f"others"
        )
    entry = registry[name]
    path = folder / str(entry["file"])
    if not path.exists():
        raise UserError(
            f"the weights {path} are missing; install the package again, or fetch the file from "
            f"the repository"
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != entry["sha256"]:
        raise UserError(
            f"the weights {path} were altered: sha256 {found[:12]}... found, "
            f"{str(entry['sha256'])[:12]}... wanted; install the package "
            "again, or list your own file in weights.toml"
        )
    network = _network(str(entry["network"]), dict(entry.get("options", {})))
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load_tensors(content).items()}
    )
    card = json.loads((folder / str(entry["card"])).read_text("utf-8"))
    return Trained(folded(network.eval()), card["data"], name)


def _network(target: str, options: dict[str, object]) -> nn.Module:
    module, _, kind = target.rpartition(".")
    if not module.startswith("models."):
        raise UserError(f"network={target} given in weights.toml, a class of models wanted")
    network = getattr(importlib.import_module(module), kind)(**options)
    assert isinstance(network, nn.Module)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
