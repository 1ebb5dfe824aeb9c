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
from recon.learned.weights import CARD, WEIGHTS, find_own, load_trained, own_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network = PrimalDual(1, 2, 2, 9)
    save_file({k: v.half() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    digest = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    (tmp_path / "card.json").write_text(
        json.dumps({"task": "primal_dual", "data": {"snr": [1, 2]}})
    )
    write(tmp_path, digest)
    return tmp_path


def write(folder: Path, digest: str, network: str = "models.primal_dual.PrimalDual") -> None:
    (folder / "weights.toml").write_text(
        f'[small]\nfile = "w.safetensors"\nsha256 = "{digest}"\ncard = "card.json"\nnetwork = '
        f'"{network}"\n'
        "options = { n_iterations = 1, channels = 2, memory = 2, side_channels = 9 }\n"
    )


def test_listed_weights_are_loaded_in_evaluation_mode_with_their_card(folder: Path) -> None:
    found = load_trained("small", task="primal_dual", folder=folder)
    assert not found.network.training
    assert all(p.dtype == torch.float32 for p in found.network.parameters())
    assert found.card == {"snr": [1, 2]}


def test_altered_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / "w.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "w.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="altered: sha256"):
        load_trained("small", task="primal_dual", folder=folder)


def test_missing_weights_are_a_sentence(folder: Path) -> None:
    (folder / "w.safetensors").unlink()
    with pytest.raises(UserError, match="are missing"):
        load_trained("small", task="primal_dual", folder=folder)


def test_an_unknown_name_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(UserError, match="one of small or a folder"):
        load_trained("large", task="primal_dual", folder=folder)


def test_a_network_from_elsewhere_is_refused(folder: Path) -> None:
    write(folder, hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest(), "os.path")
    with pytest.raises(UserError, match="a class of models wanted"):
        load_trained("small", task="primal_dual", folder=folder)


OPTIONS = {"n_iterations": 1, "channels": 3, "memory": 2, "side_channels": 9}


def write_own(folder: Path, **changes: object) -> Path:
    """As train.py leaves it."""
    folder.mkdir(exist_ok=True)
    network = PrimalDual(**OPTIONS)
    save_file({k: v.half() for k, v in network.state_dict().items()}, folder / WEIGHTS)
    card: dict[str, object] = {
        "task": "primal_dual",
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "data": {"snr": [3, 4]},
        "options": {
            "network": {"_target_": "models.primal_dual.PrimalDual", "_partial_": True, **OPTIONS}
        },
    }
    (folder / CARD).write_text(json.dumps({**card, **changes}))
    return folder


@pytest.mark.parametrize("inside", ["", WEIGHTS])
def test_a_folder_of_a_training_is_loaded_in_the_shape_its_card_says(
    tmp_path: Path, inside: str
) -> None:
    own = write_own(tmp_path / "own")
    found = load_trained(str(own / inside), task="primal_dual")
    assert isinstance(found.network, PrimalDual)
    assert sum(p.numel() for p in found.network.parameters()) == sum(
        p.numel() for p in PrimalDual(**OPTIONS).parameters()
    )
    assert found.card == {"snr": [3, 4]}
    assert own_digest(str(own)) == json.loads((own / CARD).read_text())["sha256"]


def test_weights_that_were_trained_again_are_loaded_again(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own")
    first = load_trained(str(own), task="primal_dual").network.state_dict()
    write_own(own)
    second = load_trained(str(own), task="primal_dual").network.state_dict()
    assert any(not torch.equal(first[k], second[k]) for k in first)


def test_a_shipped_name_is_no_path_though_a_folder_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_own(tmp_path / "irdm")
    assert find_own("irdm") is None
    assert find_own("./irdm") == Path("irdm")
    assert own_digest("irdm") is None


@pytest.mark.parametrize("name", ["irdm", "irdm2020", "primal_dual", "fiducials", "denoise"])
def test_shipped_weights_fit_their_task_and_no_other(name: str) -> None:
    load_trained(name, task=name)
    other = "irdm" if name != "irdm" else "fiducials"
    with pytest.raises(UserError, match=f"task={name}, weights of task={other} wanted"):
        load_trained(name, task=other)


def test_weights_of_another_task_are_refused_with_those_that_would_fit(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own")
    with pytest.raises(
        UserError,
        match=r"of task=primal_dual, weights of task=irdm wanted; weights=irdm would fit, and "
        r"python train\.py task=irdm",
    ):
        load_trained(str(own), task="irdm")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, r"altered: sha256 .* wanted by card\.json; repeat the train\.py"),
        ({"options": {}}, "lacks 'network'"),
        ({"task": None}, "task=None"),
        ({"data": []}, "data="),
        ({"options": {"network": {"_target_": "os.system"}}}, "a class of models wanted"),
        ({"options": {"network": {"_target_": "models.folding.folded"}}}, "a class of models"),
        (
            {"options": {"network": {"_target_": "models.primal_dual.PrimalDual", "width": 1}}},
            "opti",
        ),
        (
            {"options": {"network": {"_target_": "models.bead_classifier.BeadClassifier"}}},
            "are not those of models.bead_classifier.BeadClassifier",
        ),
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_a_sentence(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    own = write_own(tmp_path / "own", **change)
    with pytest.raises(UserError, match=says):
        load_trained(str(own), task="primal_dual")


def test_a_folder_without_a_card_or_weights_is_a_sentence(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own")
    (own / CARD).write_text("{")
    with pytest.raises(UserError, match=r"card\.json cannot be read"):
        load_trained(str(own), task="primal_dual")
    (own / WEIGHTS).rename(own / "weights.pt")
    with pytest.raises(UserError, match=r"a folder with weights\.safetensors"):
        load_trained(str(own / "weights.pt"), task="primal_dual")
