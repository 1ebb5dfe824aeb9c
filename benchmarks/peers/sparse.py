"""The projector as a stored matrix, in compressed sparse rows: products by SciPy and by torch with
many rows of the specimen at once."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy import sparse

from benchmarks.peers.job import Case, Job
from recon.geometry import Geometry, centre
from recon.machine import free_memory_gb
from recon.projectors.native import NativeProjector

SLICES = 64


def sparse_jobs(case: Case) -> list[Job]:
    n = case.n
    need = 8e-9 * 2 * case.geometry.n_views * n * n * 6  # A, A' and what they are made from
    if need > free_memory_gb():
        print(f"CSR of {n} x {n} needs {need:.0f} GB: left out")
        return []
    AT = joseph_adjoint(case.geometry, n)
    A = AT.T.tocsr()
    y = np.ascontiguousarray(case.middle(SLICES).permute(0, 2, 1).numpy()).reshape(-1, SLICES)
    x = AT @ y
    check(A, case.geometry, x)
    torch_A, torch_AT, torch_x, torch_y = (
        as_torch(A),
        as_torch(AT),
        torch.from_numpy(x),
        torch.from_numpy(y),
    )
    return [
        Job("csr_scipy", "forward", SLICES, lambda: A @ x),
        Job("csr_scipy", "adjoint", SLICES, lambda: AT @ y),
        Job("csr_torch", "forward", SLICES, lambda: torch_A @ torch_x),
        Job("csr_torch", "adjoint", SLICES, lambda: torch_AT @ torch_y),
    ]


def joseph_adjoint(geometry: Geometry, n: int) -> sparse.csr_matrix:
    """(z * x, tilt * column) float32: the two weights with which a voxel meets each view, as in
    ``recon/projectors/kernels.py``. For an axis in the middle of the view."""
    t = np.deg2rad(geometry.angles_deg)
    z, x = np.meshgrid(np.arange(n) - centre(n), np.arange(n) - centre(n), indexing="ij")
    taps = np.empty((n * n, 2 * t.size), np.int32)
    weights = np.empty((n * n, 2 * t.size), np.float32)
    for view, (cosine, sine) in enumerate(zip(np.cos(t), np.sin(t), strict=True)):
        u = (centre(n) + z * sine + x * cosine).ravel()
        below = np.floor(u).astype(np.int32)
        reach = max(abs(cosine), abs(sine))
        for side in (0, 1):
            column = below + side
            weight = np.maximum(0, 1 - np.abs(u - column) / reach) / reach
            on = (column >= 0) & (column < n)
            taps[:, 2 * view + side] = view * n + np.where(on, column, 0)
            weights[:, 2 * view + side] = np.where(on, weight, 0)
    there = weights > 0
    starts = np.concatenate([[0], np.cumsum(there.sum(1))]).astype(np.int32)
    return sparse.csr_matrix((weights[there], taps[there], starts), shape=(n * n, t.size * n))


def check(A: sparse.csr_matrix, geometry: Geometry, x: np.ndarray) -> None:
    """Raise ``ValueError`` unless A x, of (z * x, row), is what our projector gives."""
    n = round(len(x) ** 0.5)
    volume = torch.from_numpy(x.reshape(n, n, -1)).permute(0, 2, 1)
    ours = NativeProjector(geometry, (n, n), n)(volume).permute(0, 2, 1).numpy()
    off = float(np.abs(A @ x - ours.reshape(A.shape[0], -1)).max() / np.abs(ours).max())
    if not off < 1e-5:
        raise ValueError(f"the matrix is not the projector: {off:.1e} of the largest value apart")


def as_torch(matrix: sparse.csr_matrix) -> torch.Tensor:
    parts = [torch.from_numpy(a) for a in (matrix.indptr, matrix.indices, matrix.data)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(*parts, size=matrix.shape, check_invariants=True)
