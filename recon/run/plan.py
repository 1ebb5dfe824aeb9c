"""How a reconstruction is cut into slabs, and what memory and time it will take."""

from __future__ import annotations

import functools
import itertools
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.projectors.base import Projector

# Volumes and tilt series of the slab's size that an algorithm holds at its peak: upper bounds of
# what 256 rows of 256^2 with 71 tilts added to the resident memory (wbp 0.18 of 0.21 GB, sirt 0.17
# of 0.24, sart 0.19 of 0.26, cgls 0.37 of 0.41, tv 0.48 of 0.67).
COPIES = {
    "wbp": (2, 4),
    "gridrec": (4, 5),
    "sirt": (2.5, 4),
    "sart": (2.5, 5),
    "cgls": (4.5, 6),
    "tv": (8, 7),
    "irdm2020": (4, 4),
    "irdm": (16, 9),
    "primal_dual": (24, 12),
}


# What a learned method takes, in iterations of SIRT: TV, the network (four mirror images of irdm),
# SIRT.
WORTH = {"irdm": 330, "primal_dual": 250, "irdm2020": 30}


SLAB_ROWS = 64  # enough for SIMD, few enough for a lively progress bar


# where slabs overlap by 8 rows: what a slab computes is one block of the native projector's 128
# rows
COUPLED_ROWS = 112


VECTOR = 16  # rows: a multiple of it lies best in a cache's lines


BASE_GB = 0.9  # Python, torch, numba and matplotlib themselves


@dataclass(frozen=True)
class Plan:
    """How a reconstruction is cut: ``slabs`` are (first, last) rows, each computed with ``overlap``
    rows more on both sides."""

    slabs: tuple[tuple[int, int], ...]
    overlap: int
    peak_gb: float
    disk_gb: float
    seconds: float

    def sentence(self, memory_gb: float) -> str:
        rows = self.slabs[0][1] - self.slabs[0][0]
        return (
            f"plan: {len(self.slabs)} slabs of {rows} rows, peak memory about {self.peak_gb:.1f} "
            f"of {memory_gb:.1f} GB, "
            f"{self.disk_gb:.2f} GB on disk, about {_duration(self.seconds)}"
        )


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be reconstructed: the aligned series ``y`` (tilt, y, x), the operator, the
    algorithm with its options."""

    A: Projector
    y: Tensor
    algorithm: functools.partial[Tensor]
    grey_scale: float  # multiplies the result: 1 / pixel in nm makes (projection value / nm)

    @property
    def name(self) -> str:
        return str(self.algorithm.func.__name__)

    @property
    def options(self) -> dict[str, object]:
        return dict(self.algorithm.keywords)


def make_plan(job: Job, *, memory_gb: float, held_gb: float) -> Plan:
    """``held_gb``: what the caller keeps in memory meanwhile. Raises ``UserError`` when not even a
    few rows fit."""
    n_z, n_x = job.A.volume_zx
    n_t, rows, n_u = job.y.shape
    volumes, stacks = COPIES[job.name]
    overlap = 8 if job.options.get("dimensions") == 3 else 0
    row_gb = 4e-9 * (volumes * n_z * n_x + stacks * n_t * n_u)
    fit = int((memory_gb - BASE_GB - held_gb) / row_gb) - 2 * overlap
    if fit < min(4, rows):
        need = BASE_GB + held_gb + row_gb * (4 + 2 * overlap)
        raise UserError(
            f"memory_gb={memory_gb:.2g} given, at least {need:.1f} wanted for this series; raise "
            f"memory_gb, use preprocess.bin=2, or a "
            "smaller thickness_px"
        )
    size = min(fit, COUPLED_ROWS if overlap else SLAB_ROWS, rows)
    count = -(-rows // size)
    whole_vectors = overlap > 0 and size == COUPLED_ROWS
    edges = (
        _vectors(rows, overlap, count)
        if whole_vectors
        else np.linspace(0, rows, count + 1).round().astype(int)
    )
    slabs = tuple((int(a), int(b)) for a, b in itertools.pairwise(edges))
    count = len(slabs)
    largest = max(b - a for a, b in slabs) + (2 * overlap if count > 1 else 0)
    iterations = job.options.get("n_iterations", WORTH.get(job.name, 1))
    seconds = (
        _seconds_per_row(job)
        * (rows + 2 * overlap * (count - 1))
        * (iterations if isinstance(iterations, int) else 1)
    )
    return Plan(
        slabs,
        overlap,
        BASE_GB + held_gb + row_gb * largest,
        4e-9 * n_z * rows * n_x + 4e-9 * job.y.numel(),
        seconds,
    )


def _vectors(rows: int, overlap: int, count: int) -> np.ndarray:
    """Edges of ``count`` slabs or one more, of whole vectors with their overlap, which is within
    ``COUPLED_ROWS`` and two overlaps."""
    edges = np.linspace(0, rows, count + 1).round().astype(int)
    edges[1:-1] = VECTOR * ((edges[1:-1] - overlap) // VECTOR) + overlap
    last = edges[-1] - edges[-2] + (overlap if count > 1 else 0)
    return edges if last <= COUPLED_ROWS + 2 * overlap else _vectors(rows, overlap, count + 1)


def _seconds_per_row(job: Job, rows: int = 16) -> float:
    """Time of one forward and one adjoint projection per row, measured on this machine, now."""
    rows = min(rows, job.y.shape[1])
    part = job.y[:, :rows].to(job.A.device)
    job.A(job.A.T(part[:, :1]))  # compiles, or loads the compiled code
    start = time.perf_counter()
    x = job.A.T(part)
    job.A(x)
    if job.A.device.type == "cuda":
        torch.cuda.synchronize()
    # Element-wise work beside the projections: half as much again, measured for SIRT.
    return 1.5 * (time.perf_counter() - start) / rows


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
