"""The folder that a training leaves: ``weights.safetensors`` and its ``card.json``, as
``algorithm.weights=`` takes it."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from recon.io.atomic import replacing
from recon.learned.weights import CARD, WEIGHTS
from recon.training.state import write_tensors


def write_weights(folder: Path, network: nn.Module) -> str:
    """Half precision; ``network`` gets the rounded numbers too, so that it is scored as it will be
    used. Returns the file's sha256."""
    halved = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in network.state_dict().items()
    }
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in halved.items()}
    )
    write_tensors(folder / WEIGHTS, halved, {})
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def write_card(folder: Path, card: Mapping[str, object]) -> None:
    with replacing(folder / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1, default=str), "utf-8")


def usage(used_as: str, folder: Path) -> str:
    """The command that takes the weights, to be copied into a shell."""
    *words, option = f"{used_as}{folder}".split(" ", used_as.count(" "))
    if not re.fullmatch(r"[\w./=~-]+", option):  # a character with a meaning to Hydra or the shell
        name, _, path = option.partition("=")
        escaped = path.replace("'", "\\'")
        option = shlex.quote(f"{name}='{escaped}'")
    return " ".join(["python reconstruct.py TILT_SERIES", *words, option])
