"""A finished training becomes weights that ship: ``python -m recon.training.ship runs/training/irdm
[NAME]``."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from recon.errors import UserError
from recon.io.atomic import replacing
from recon.learned.weights import FOLDER

LARGEST = 8_000_000  # bytes of a file in the repository


def ship(trained: Path, name: str, folder: Path = FOLDER) -> None:
    """Copy ``weights.safetensors`` and ``card.json`` of ``trained`` as ``name`` and list them in
    ``weights.toml``.

    Raises ``UserError`` when they are missing, do not belong together, or are too large.
    """
    weights, card_path = trained / "weights.safetensors", trained / "card.json"
    if not (weights.exists() and card_path.exists()):
        raise UserError(
            f"{trained} given, a folder with weights.safetensors and card.json wanted; train.py "
            f"writes one"
        )
    card = json.loads(card_path.read_text("utf-8"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != card["sha256"]:
        raise UserError(
            f"{card_path} is the card of other weights than those beside it; train again, or "
            f"restore the file"
        )
    if weights.stat().st_size > LARGEST:
        raise UserError(
            f"{weights} has {weights.stat().st_size / 1e6:.1f} MB, at most {LARGEST / 1e6:.0f} "
            f"wanted; take a smaller network"
        )
    shutil.copyfile(weights, folder / f"{name}.safetensors")
    shutil.copyfile(card_path, folder / f"{name}.json")
    registry = (
        tomllib.loads((folder / "weights.toml").read_text("utf-8"))
        if (folder / "weights.toml").exists()
        else {}
    )
    network = dict(card["options"]["network"])
    target = network.pop("_target_")
    network.pop("_partial_", None)
    registry[name] = {
        "file": f"{name}.safetensors",
        "sha256": digest,
        "card": f"{name}.json",
        "network": target,
        "options": network,
    }
    with replacing(folder / "weights.toml") as temporary:
        temporary.write_text(_toml(registry), "utf-8")


def _toml(registry: Mapping[str, Mapping[str, object]]) -> str:
    """The one shape that weights.toml has; JSON writes strings, numbers and lists as TOML does."""
    lines = ["# Written by recon.training.ship. A file whose sha256 is another is refused."]
    for name, entry in sorted(registry.items()):
        lines += ["", f"[{name}]"]
        for key, value in entry.items():
            if isinstance(value, Mapping):
                lines.append(
                    f"{key} = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in value.items())} }}"
                )
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        source = Path(sys.argv[1])
        ship(source, sys.argv[2] if len(sys.argv) > 2 else source.name)
    except (IndexError, UserError) as error:
        sys.exit(
            f"error: {error if isinstance(error, UserError) else 'a folder of a finished training wanted'}"
        )
