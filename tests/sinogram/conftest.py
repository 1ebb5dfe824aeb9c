"""Weights that were never trained, in a folder such as train.py writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from models.sinogram_net import SinogramNet
from recon.training.weights_folder import write_card, write_weights

FEATURES = [4, 4, 4, 4, 4, 4]
WIDE = {"q": [0.5], "low": [-9.0], "high": [9.0]}
CARD = {"gap_deg": [30, 90], "step_deg": [1, 12], "snr": [0, 1e9], "grey_quantiles": WIDE}
Write = Callable[..., str]


@pytest.fixture
def inpaint_weights(tmp_path: Path) -> Write:
    """Of a network that adds ``change`` to every pixel, in units of the views' grey scale, and
    expects errors ``surer`` e-folds smaller than an untrained one does."""

    def write(change: float = 0.0, surer: float = 0.0, task: str = "inpaint") -> str:
        torch.manual_seed(0)
        network = SinogramNet(features=FEATURES, margin=4)
        bias = network.body.final_conv.bias
        assert isinstance(bias, nn.Parameter)
        with torch.no_grad():
            bias += torch.tensor([10 * change, -surer])
        digest = write_weights(tmp_path, network)
        shape = {"_target_": "models.sinogram_net.SinogramNet", "features": FEATURES, "margin": 4}
        facts = {"task": task, "sha256": digest, "data": CARD, "options": {"network": shape}}
        write_card(tmp_path, json.loads(json.dumps(facts)))
        return str(tmp_path)

    return write
