"""The bead classifier as a function of crops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from recon.learned.weights import load_trained

AT_ONCE = 1024


def bead_classifier(weights: str) -> Callable[[np.ndarray], np.ndarray]:
    """(n, 32, 32) crops (``recon/align/beads/crops.py``) -> (n,) probabilities that they are beads,
    by shipped
    ``weights`` or those in a folder that ``train.py task=fiducials`` wrote."""
    network = load_trained(weights, task="fiducials").network

    def judge(pictures: np.ndarray) -> np.ndarray:
        if len(pictures) == 0:
            return np.zeros(0)
        with torch.inference_mode():
            parts = torch.split(
                torch.from_numpy(np.ascontiguousarray(pictures, np.float32))[:, None], AT_ONCE
            )
            logits = torch.cat([network(part) for part in parts])
        return np.asarray(torch.sigmoid(logits).numpy(), np.float64)

    return judge
