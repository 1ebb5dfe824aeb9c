"""ASTRA on the CPU: its projectors, our WBP on them, its own SIRT."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers.job import ITERATIONS, SIRT, Case, Job
from benchmarks.peers.native import projections
from recon.algorithms.wbp import wbp
from recon.projectors.astra import AstraProjector, load_astra

SLICES = 2  # it works slice by slice
STRIP_UP_TO = 512  # exact areas take more than a minute a slice beyond


def astra_jobs(case: Case) -> list[Job]:
    return [
        job
        for kind in (("linear", "strip") if case.n <= STRIP_UP_TO else ("linear",))
        for job in jobs_of_kind(case, kind)
    ]


def jobs_of_kind(case: Case, kind: str) -> list[Job]:
    A = AstraProjector(case.geometry, (case.n, case.n), case.n, kind=kind)
    y, name = case.middle(SLICES).contiguous(), f"astra_{kind}"
    return [
        *projections(name, A, case, SLICES),
        Job(name, "wbp", SLICES, lambda: wbp(A, y, scale="full")),
        Job(name, SIRT, SLICES, lambda: own_sirt(A, y)),
    ]


def own_sirt(A: AstraProjector, y: Tensor, n_iterations: int = ITERATIONS) -> Tensor:
    """ASTRA's own SIRT of (tilt, y, x), with positivity: (z, y, x). Without shifts of the axis."""
    astra = load_astra()
    t = np.deg2rad(A.geometry.angles_deg)
    ray, u = np.stack([-np.sin(t), -np.cos(t)], 1), np.stack([np.cos(t), -np.sin(t)], 1)
    volume_geometry = astra.create_vol_geom(*A.volume_zx)
    projection_geometry = astra.create_proj_geom(
        "parallel_vec", A.sinogram_tx[1], np.hstack([ray, 0 * ray, u])
    )
    projector = astra.create_projector(A._kind, projection_geometry, volume_geometry)
    volume = astra.data2d.create("-vol", volume_geometry)
    data = astra.data2d.create("-sino", projection_geometry)
    config = astra.astra_dict("SIRT")
    config |= {"ProjectorId": projector, "ProjectionDataId": data, "ReconstructionDataId": volume}
    config["option"] = {"MinConstraint": 0.0}
    algorithm = astra.algorithm.create(config)
    slices = []
    for row in range(y.shape[1]):
        astra.data2d.store(data, np.ascontiguousarray(y[:, row].numpy()))
        astra.data2d.store(volume, 0.0)
        astra.algorithm.run(algorithm, n_iterations)
        slices.append(torch.from_numpy(astra.data2d.get(volume)))
    astra.algorithm.delete(algorithm)
    astra.data2d.delete([volume, data])
    astra.projector.delete(projector)
    return torch.stack(slices, 1)
