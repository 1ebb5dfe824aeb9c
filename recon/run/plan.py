"""How a reconstruction is cut into slabs, and what memory and time it will take."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.withheld import busiest
from recon.errors import UserError
from recon.projectors.base import Projector
from recon.projectors.masked import masked, unmasked
from recon.series import TiltSeries
from recon.stage import BoundMethod, Needs, Settled, needs_of

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
class Reconstruction:
    """What is to be reconstructed: the aligned series ``y`` (tilt, y, x), the operator, the method.

    ``grey_scale`` multiplies the result: 1 / pixel in nm makes (projection value / nm).
    """

    A: Projector
    y: Tensor
    method: BoundMethod
    grey_scale: float

    @property
    def needs(self) -> Needs:
        return needs_of(self.method)

    @property
    def title(self) -> str:
        """For those who wait."""
        n_z, n_x = self.A.volume_zx
        return f"{self.method.name} {n_z} x {self.y.shape[1]} x {n_x}"

    @property
    def sentence(self) -> str:
        """For the history of what comes of it."""
        options = ", ".join(f"{k}={v}" for k, v in self.method.options.items())
        return (
            f"reconstructed by {self.method.name}({options}) on {type(unmasked(self.A)).__name__}"
        )


def set_up(
    A: Projector, series: TiltSeries, method: BoundMethod, noise: float
) -> tuple[Reconstruction, Settled]:
    """What is to be reconstructed of an aligned series, and what stood for ``auto``. ``noise``:
    standard deviation per pixel."""
    A, y = masked(A, series.data, series.precision)
    settle, settled = method.declared.settle, Settled(method)
    if settle is not None:
        settled = settle(method, *busiest(A, y), noise)
    pixel = series.geometry.pixel_nm
    scale = 1.0 if pixel is None else 1 / pixel
    return Reconstruction(A, y, settled.method, scale), settled


def make_plan(job: Reconstruction, *, memory_gb: float, held_gb: float) -> Plan:
    """``held_gb``: what the caller keeps in memory meanwhile. Raises ``UserError`` when not even a
    few rows fit."""
    n_z, n_x = job.A.volume_zx
    n_t, rows, n_u = job.y.shape
    needs, overlap = job.needs, job.needs.overlap
    row_gb = 4e-9 * (needs.volumes * n_z * n_x + needs.stacks * n_t * n_u)
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
    computed = rows + 2 * overlap * (count - 1)
    seconds = _seconds_per_row(job) * computed * needs.work
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


def _seconds_per_row(job: Reconstruction, rows: int = 16) -> float:
    """Time of one forward and one adjoint projection per row, measured on this machine, now."""
    rows = min(rows, job.y.shape[1])
    A = unmasked(job.A)
    part = job.y[:, :rows].to(A.device)
    A(A.T(part[:, :1]))  # compiles, or loads the compiled code
    start = time.perf_counter()
    x = A.T(part)
    A(x)
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
