"""Weights are the ones that were listed, or they are refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.primal_dual import PrimalDual
from recon.errors import UserError
from recon.learned.weights import trained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network = PrimalDual(1, 2, 2, 9)
    save_file({k: v.half() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    digest = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    (tmp_path / "card.json").write_text(json.dumps({"data": {"snr": [1, 2]}}))
    write(tmp_path, digest)
    return tmp_path


def write(folder: Path, digest: str, network: str = "models.primal_dual.PrimalDual") -> None:
    (folder / "weights.toml").write_text(
        f'[small]\nfile = "w.safetensors"\nsha256 = "{digest}"\ncard = "card.json"\nnetwork = '
        f'"{network}"\n'
        "options = { n_iterations = 1, channels = 2, memory = 2, side_channels = 9 }\n"
    )


def test_listed_weights_are_loaded_in_evaluation_mode_with_their_card(folder: Path) -> None:
    found = trained("small", folder)
    assert not found.network.training
    assert all(p.dtype == torch.float32 for p in found.network.parameters())
    assert found.card == {"snr": [1, 2]}


def test_altered_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / "w.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "w.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="altered: sha256"):
        trained("small", folder)


def test_missing_weights_are_a_sentence(folder: Path) -> None:
    (folder / "w.safetensors").unlink()
    with pytest.raises(UserError, match="are missing"):
        trained("small", folder)


def test_an_unknown_name_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(UserError, match="one of small wanted"):
        trained("large", folder)


def test_a_network_from_elsewhere_is_refused(folder: Path) -> None:
    write(folder, hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest(), "os.path")
    with pytest.raises(UserError, match="a class of models wanted"):
        trained("small", folder)
