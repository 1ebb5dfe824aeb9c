"""Only weights that belong to their card are shipped, and what is shipped can be loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.primal_dual import PrimalDual
from recon.errors import UserError
from recon.learned.weights import load_trained
from recon.training.ship import ship

OPTIONS = {"n_iterations": 1, "channels": 2, "memory": 2, "side_channels": 9}


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    save_file(
        {k: v.half() for k, v in PrimalDual(**OPTIONS).state_dict().items()},
        folder / "weights.safetensors",
    )
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    network = {"_target_": "models.primal_dual.PrimalDual", "_partial_": True, **OPTIONS}
    (folder / "card.json").write_text(
        json.dumps(
            {
                "task": "primal_dual",
                "sha256": digest,
                "data": {"snr": [1, 2]},
                "options": {"network": network},
            }
        )
    )
    return folder


def test_what_is_shipped_is_found_by_its_name(finished: Path, tmp_path: Path) -> None:
    ship(finished, "one", tmp_path)
    ship(finished, "two", tmp_path)
    for name in ("one", "two"):
        network = load_trained(name, task="primal_dual", folder=tmp_path).network
        assert isinstance(network, PrimalDual)
        assert all(torch.isfinite(p).all() for p in network.parameters())


def test_weights_of_another_training_are_refused(finished: Path, tmp_path: Path) -> None:
    with (finished / "weights.safetensors").open("ab") as file:
        file.write(b"0")
    with pytest.raises(UserError, match="card of other weights"):
        ship(finished, "one", tmp_path)


def test_a_folder_without_a_training_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.py writes one"):
        ship(tmp_path, "one", tmp_path)
