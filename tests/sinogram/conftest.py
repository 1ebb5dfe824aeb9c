"""A small series of counts, and weights of a small network that anybody can make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.view_unet import ViewUNet
from recon.geometry import Geometry
from recon.series import TiltSeries
from recon.training.weights_folder import write_card, write_weights

FEATURES = (8, 8, 8, 8, 8, 8)


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
