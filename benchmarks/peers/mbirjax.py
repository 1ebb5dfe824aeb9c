"""mbirjax on the CPU: both directions, with the angles' sign and the slices' order left as its own,
which take no time. Written as its public examples use it; never run by us: it has not been run by us."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.job import Case, Job

SLICES = 32


def mbirjax_jobs(case: Case) -> list[Job]:
    import mbirjax

    y = np.ascontiguousarray(case.middle(SLICES).numpy())  # (tilt, slice, x), as its sinograms
    model = mbirjax.ParallelBeamModel(y.shape, np.deg2rad(case.geometry.angles_deg))
    model.set_params(no_warning=True, verbose=0, recon_shape=(case.n, case.n, SLICES))
    volume = model.back_project(y)
    # NumPy waits for jax to finish.
    return [
        Job("mbirjax", "forward", SLICES, lambda: np.asarray(model.forward_project(volume))),
        Job("mbirjax", "adjoint", SLICES, lambda: np.asarray(model.back_project(y))),
    ]
