"""Weights that ship with the package, found by name, and those that ``train.py`` wrote, found by
path: checked by their sha256, never unpickled."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import nn

import models
from models.folding import folded
from recon.errors import UserError
from recon.plugged import PLUGGED

FOLDER = Path(models.__file__).parent / "weights"
WEIGHTS, CARD = "weights.safetensors", "card.json"  # in a folder that train.py wrote


@dataclass(frozen=True, eq=False)
class Trained:
    """A network ready for use, and ``card``: what its training data were like
    (``recon.learned.card``)."""

    network: nn.Module
    card: Mapping[str, object]
    name: str


@dataclass(frozen=True)
class Listed:
    """Where weights lie and what must be true of them. ``whose``: who says so. ``card``: as text,
    so that two of the same content are the same."""

    path: Path
    sha256: str
    network: str
    options: str
    card: str
    whose: str

    @property
    def task(self) -> object:
        return json.loads(self.card).get("task")


def load_trained(weights: str, *, task: str, folder: Path = FOLDER) -> Trained:
    """The network of ``weights``, in evaluation mode, its batch normalisation folded in: a name
    that ``weights.toml`` in ``folder`` lists, or the path of a folder that ``train.py`` wrote (or
    of the ``weights.safetensors`` in it). The shape of the network is what its card says.

    ``task``: what it has to have been trained for, as in ``train.py task=...``. Raises
    ``UserError`` for a name that is not listed, for a file that is missing or not the one that was
    listed, and for weights of another task.
    """
    own = find_own(weights, folder)
    listed = _shipped(weights, folder) if own is None else _read_card(own)
    if listed.task != task:
        raise UserError(
            f"weights={weights} given, which are of task={listed.task}, weights of task={task} "
            f"wanted; {_fitting(task, folder)}"
        )
    try:
        stat = listed.path.stat()
    except OSError as error:
        raise UserError(
            f"the weights {listed.path} are missing; "
            + (
                "install the package again, or fetch the file from the repository"
                if own is None
                else "repeat the train.py command that made them"
            )
        ) from error
    return _load(listed, weights, (stat.st_size, stat.st_mtime_ns))


def find_own(weights: str, folder: Path = FOLDER) -> Path | None:
    """The folder of weights that are given by path; None for a name that ``folder`` lists.

    Raises ``UserError`` for what is neither.
    """
    names = sorted(_registry(folder))
    if weights in names:
        return None
    path = Path(weights).expanduser()
    found = path.parent if path.name == WEIGHTS else path
    try:
        if (found / WEIGHTS).is_file():
            return found
    except OSError:  # too long for a name
        pass
    raise UserError(
        f"weights={weights} given, one of {', '.join(names)} or a folder with {WEIGHTS} and {CARD} "
        f"wanted, such as train.py writes"
    )


def own_digest(weights: str) -> str | None:
    """sha256 that the card of weights given by path states; None for shipped ones, and for what is
    no weights of ours."""
    try:
        own = find_own(weights)
        return None if own is None else _read_card(own).sha256
    except UserError:
        return None


def _registry(folder: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads((folder / "weights.toml").read_text("utf-8"))


def _shipped(name: str, folder: Path) -> Listed:
    entry = _registry(folder)[name]
    options = json.dumps(entry.get("options", {}))
    card = (folder / str(entry["card"])).read_text("utf-8")
    path, digest = folder / str(entry["file"]), str(entry["sha256"])
    return Listed(path, digest, str(entry["network"]), options, card, "weights.toml")


def _read_card(folder: Path) -> Listed:
    path = folder / CARD
    wanted = "the card.json that train.py wrote beside the weights wanted; repeat its command"
    try:
        text = path.read_text("utf-8")
        card = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read, {wanted}") from error
    try:
        network = dict(card["options"]["network"])
        digest, target = str(card["sha256"]), str(network.pop("_target_"))
        data, task = card["data"], card["task"]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} lacks {error}, {wanted}") from error
    if not (isinstance(data, dict) and isinstance(task, str)):
        raise UserError(f"{path} given with task={task} and data={str(data)[:60]}, {wanted}")
    network.pop("_partial_", None)
    return Listed(folder / WEIGHTS, digest, target, json.dumps(network), text, CARD)


def _fitting(task: str, folder: Path) -> str:
    """Which weights would do."""
    names = [name for name in sorted(_registry(folder)) if _shipped(name, folder).task == task]
    shipped = f"weights={' or weights='.join(names)} would fit, and " if names else ""
    return f"{shipped}python train.py task={task} makes others"


@functools.lru_cache(maxsize=4)
def _load(listed: Listed, name: str, stamp: tuple[int, int]) -> Trained:
    """``stamp``: a file that has changed since is read anew."""
    content = listed.path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != listed.sha256:
        raise UserError(
            f"the weights {listed.path} were altered: sha256 {found[:12]}... found, "
            f"{listed.sha256[:12]}... wanted by {listed.whose}; "
            + (
                "repeat the train.py command that made them"
                if listed.whose == CARD
                else "install the package again, or give the path of your own folder"
            )
        )
    network = _network(listed)
    try:
        network.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in load_tensors(content).items()}
        )
    except (SafetensorError, RuntimeError) as error:
        raise UserError(
            f"the weights {listed.path} are not those of {listed.network} with the options "
            f"{listed.options} that {listed.whose} names; give both as they were written"
        ) from error
    return Trained(folded(network.eval()), json.loads(listed.card)["data"], name)


def _network(listed: Listed) -> nn.Module:
    module, _, kind = listed.network.rpartition(".")
    offer = PLUGGED.get(listed.network)
    found: object = None if offer is None else offer.made
    if found is None and listed.network.startswith("plugins."):
        raise UserError(
            f"the weights {listed.path} are of a network from outside, {kind}; write "
            "plugins=[...] with the file that declares it on the command line"
        )
    if found is None and module.startswith("models."):
        try:
            found = getattr(importlib.import_module(module), kind, None)
        except ImportError:
            found = None
    ours = offer is not None or getattr(found, "__module__", None) == module
    if not (inspect.isclass(found) and issubclass(found, nn.Module) and ours):
        raise UserError(
            f"network={listed.network} given in {listed.whose}, a class of models wanted"
        )
    try:
        network: nn.Module = found(**json.loads(listed.options))
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise UserError(
            f"{listed.network} with the options {listed.options} given in {listed.whose}, options "
            f"that it takes wanted; restore the file"
        ) from error
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
