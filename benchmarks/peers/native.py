"""Our own projector, and our algorithms on it."""

from __future__ import annotations

from benchmarks.peers.job import ITERATIONS, SIRT, Case, Job
from recon.algorithms.sirt import sirt
from recon.algorithms.wbp import wbp
from recon.projectors.base import Projector
from recon.projectors.native import NativeProjector


def native_jobs(case: Case) -> list[Job]:
    A, rows = NativeProjector(case.geometry, (case.n, case.n), case.n), case.y.shape[1]
    y = A(A.T(case.y)).copy_(case.y)  # in the projector's memory order
    return [
        *projections("native", A, case, rows),
        Job("native", "wbp", rows, lambda: wbp(A, y, scale="full")),
        # Classical, as the others' SIRT is.
        Job("native", SIRT, rows, lambda: sirt(A, y, n_iterations=ITERATIONS, momentum=False)),
    ]


def projections(backend: str, A: Projector, case: Case, slices: int) -> list[Job]:
    """Both directions of any projector, on operands in its own memory order."""
    part = A(A.T(case.middle(slices))).copy_(case.middle(slices))
    volume = A.T(part)
    return [
        Job(backend, "forward", slices, lambda: A(volume)),
        Job(backend, "adjoint", slices, lambda: A.T(part)),
    ]
