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
from recon.run.tomogram_rows import grey_scale
from recon.series import TiltSeries
from recon.stage import BoundMethod, Needs, Settled, needs_of

SLAB_ROWS = 128  # computed at once: a block of the native projector
VECTOR = 16  # rows: the native projector takes longer for 60 than for 64


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
    return Reconstruction(A, y, settled.method, grey_scale(series.geometry.pixel_nm)), settled


def make_plan(job: Reconstruction, *, memory_gb: float, held_gb: float) -> Plan:
    """``held_gb``: what the caller keeps in memory meanwhile. Raises ``UserError`` when not even a
    few rows fit."""
    n_z, n_x = job.A.volume_zx
    n_t, rows, n_u = job.y.shape
    needs, overlap = job.needs, job.needs.overlap
    # A slab that is written is held as computed, in grey values, and in the file's order.
    row_gb = 4e-9 * (max(needs.volumes, 3) * n_z * n_x + needs.stacks * n_t * n_u)
    fit = int((memory_gb - BASE_GB - held_gb) / row_gb) - 2 * overlap
    if fit < min(4, rows):
        need = BASE_GB + held_gb + row_gb * (4 + 2 * overlap)
        raise UserError(
            f"memory_gb={memory_gb:.2g} given, at least {need:.1f} wanted for this series; raise "
            f"memory_gb, use preprocess.bin=2, or a "
            "smaller thickness_px"
        )
    slabs = cut(rows, min(fit, max(SLAB_ROWS // 2, SLAB_ROWS - 2 * overlap), rows), overlap)
    computed = [min(rows, b + overlap) - max(0, a - overlap) for a, b in slabs]
    seconds = _seconds_per_row(job) * sum(computed) * needs.work
    return Plan(
        slabs,
        overlap,
        BASE_GB + held_gb + row_gb * max(computed),
        4e-9 * n_z * rows * n_x + 4e-9 * job.y.numel(),
        seconds,
    )


def cut(rows: int, size: int, overlap: int) -> tuple[tuple[int, int], ...]:
    """(first, last) rows of slabs about alike, none computed on more than ``size`` and two overlaps;
    from one vector on, all but the last begin and end with whole vectors."""
    if size < rows and size >= VECTOR:
        size = size // VECTOR * VECTOR
    edges = np.linspace(0, rows, -(-rows // size) + 1).round().astype(int)
    if size < rows and size >= VECTOR:
        inner = -(-(edges[1:-1] - overlap) // VECTOR) * VECTOR + overlap
        edges = np.unique([0, *np.clip(inner, 0, rows), rows])
    return tuple((int(a), int(b)) for a, b in itertools.pairwise(edges))


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
