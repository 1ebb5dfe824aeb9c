"""How many iterations SIRT should run, from views it has not seen."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.withheld import withheld_views
from recon.progress import track
from recon.projectors.base import Projector

CHUNK = 5  # iterations between two looks at the withheld views
PATIENCE = 4  # looks without a better prediction before it ends
LIMIT = 400


def choose_iterations(sirt: functools.partial[Tensor], A: Projector, y: Tensor) -> int:
    """The number of iterations after which withheld views are predicted best; ``sirt`` with its
    other options, on (tilt, y, x) rows.

    SIRT fits the specimen first and the noise later (semi-convergence); the error of views that it
    does not see is least in between. SIRT keeps nothing but its volume, so that going on from it in
    chunks is the same run.
    """
    kept, held = withheld_views(A.geometry.angles_deg)
    seen, unseen = A.views(kept), A.views(held)
    data, wanted = y[kept.tolist()], y[held.tolist()]
    x: Tensor | None = None
    errors: list[float] = []
    with track(f"choosing the iterations of SIRT, {LIMIT} at most", LIMIT) as phase:
        while len(errors) * CHUNK < LIMIT:
            with phase.part(CHUNK):
                x = sirt(seen, data, n_iterations=CHUNK, start=x)
            errors.append(float(torch.linalg.vector_norm(unseen(x) - wanted)))
            if len(errors) - 1 - int(np.argmin(errors)) >= PATIENCE:
                break
    return CHUNK * (int(np.argmin(errors)) + 1)
