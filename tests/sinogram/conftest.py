"""A small series of counts, and weights of small networks that anybody can make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.sinogram_net import SinogramNet
from models.view_unet import ViewUNet
from recon.geometry import Geometry
from recon.series import TiltSeries
from recon.training.weights_folder import write_card, write_weights

FEATURES = (8, 8, 8, 8, 8, 8)
NARROW = [4, 4, 4, 4, 4, 4]
WIDE = {"q": [0.5], "low": [-9.0], "high": [9.0]}
CARD = {"gap_deg": [30, 90], "step_deg": [1, 12], "snr": [0, 1e9], "grey_quantiles": WIDE}
Write = Callable[..., str]


def views_of(counts: float, n_views: int = 7, size: int = 48) -> torch.Tensor:
    """(tilt, y, x) expected counts of a soft disc that moves with the tilt."""
    y, x = torch.meshgrid(
        torch.arange(size) - size / 2, torch.arange(size) - size / 2, indexing="ij"
    )
    return torch.stack(
        [
            counts / (1 + torch.exp((y**2 + (x - 2 * k) ** 2) ** 0.5 - size / 4))
            for k in range(n_views)
        ]
    )


def series_of(expected: torch.Tensor, seed: int = 0) -> TiltSeries:
    rng = np.random.default_rng(seed)
    noisy = torch.from_numpy(rng.poisson(expected.numpy()).astype(np.float32))
    return TiltSeries(noisy, Geometry(np.linspace(-9, 9, len(noisy)), 1.0), "disc")


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``train.py task=denoise`` writes it, of a network that has learned nothing."""
    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    network = ViewUNet(views=5, features=FEATURES).eval()
    card = {
        "task": "denoise",
        "sha256": write_weights(folder, network),
        "data": {"ranges": {"counts": [0.05, 200.0], "step_deg": [1.0, 10.0]}},
        "options": {
            "network": {
                "_target_": "models.view_unet.ViewUNet",
                "views": 5,
                "features": list(FEATURES),
            }
        },
    }
    write_card(folder, card)
    return folder


@pytest.fixture
def inpaint_weights(tmp_path: Path) -> Write:
    """Of a network that adds ``change`` to every pixel, in units of the views' grey scale, and
    expects errors ``surer`` e-folds smaller than an untrained one does."""

    def write(change: float = 0.0, surer: float = 0.0, task: str = "inpaint") -> str:
        torch.manual_seed(0)
        network = SinogramNet(features=NARROW, margin=4)
        bias = network.body.final_conv.bias
        assert isinstance(bias, nn.Parameter)
        with torch.no_grad():
            bias += torch.tensor([10 * change, -surer])
        digest = write_weights(tmp_path, network)
        shape = {"_target_": "models.sinogram_net.SinogramNet", "features": NARROW, "margin": 4}
        facts = {"task": task, "sha256": digest, "data": CARD, "options": {"network": shape}}
        write_card(tmp_path, facts)
        return str(tmp_path)

    return write
