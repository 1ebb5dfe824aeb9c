"""TomoPy's projector, its gridrec in place of WBP, and its own SIRT."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers.job import ITERATIONS, SIRT, Case, Job
from benchmarks.peers.native import projections

SLICES = 4


def tomopy_jobs(case: Case) -> list[Job]:
    import tomopy

    from recon.algorithms.gridrec import gridrec
    from recon.projectors.tomopy import TomopyProjector

    n = case.n
    A, y = TomopyProjector(case.geometry, (n, n), n), case.middle(SLICES).contiguous()
    theta = -np.deg2rad(case.geometry.angles_deg)
    options = {"num_iter": ITERATIONS, "sinogram_order": False, "ncore": 1}

    def own_sirt() -> Tensor:
        found = tomopy.recon(y.numpy(), theta, center=n / 2, algorithm="sirt", **options)
        return torch.from_numpy(found).permute(1, 0, 2)

    return [
        *projections("tomopy", A, case, SLICES),
        Job("tomopy", "wbp", SLICES, lambda: gridrec(A, y)),
        Job("tomopy", SIRT, SLICES, own_sirt),
    ]
