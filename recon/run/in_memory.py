"""A reconstruction without files: the same plan and the same slabs as a run, into memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from recon.projectors.base import Projector
from recon.run.plan import make_plan, set_up
from recon.run.slabs import reconstruct_slabs
from recon.series import PER_NM, PER_VOXEL, TiltSeries, Volume
from recon.stage import BoundMethod


class _Rows:
    """(z, y, x) that is filled row by row, as a file would be."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.data = np.zeros(shape, np.float32)

    def write_rows(self, first: int, rows: np.ndarray) -> None:
        self.data[:, first : first + rows.shape[1]] = rows

    def flush(self) -> None:
        pass


def reconstruct_in_memory(
    A: Projector, series: TiltSeries, method: BoundMethod, *, noise: float, memory_gb: float
) -> tuple[Volume, Mapping[str, Volume]]:
    """(volume, further volumes by name) of an aligned series, in (projection value / nm).

    ``noise``: standard deviation per pixel. The bits are those of a run with the same options.
    """
    job, _ = set_up(A, series, method, noise)
    shape = (A.volume_zx[0], job.y.shape[1], A.volume_zx[1])
    held_gb = 4e-9 * (1.2 * job.y.numel() + np.prod(shape))
    plan = make_plan(job, memory_gb=memory_gb, held_gb=float(held_gb))
    rows = {name: _Rows(shape) for name in ("volume", *job.needs.extras)}
    further = {name: rows[name] for name in job.needs.extras}
    reconstruct_slabs(job, plan, rows["volume"], None, resume=False, extra_writers=further)
    voxel = series.geometry.pixel_nm
    unit = PER_VOXEL if voxel is None else PER_NM
    history = (*series.history, job.sentence)
    made = {
        name: Volume(torch.from_numpy(r.data), voxel, f"{series.name} {name}", history, unit)
        for name, r in rows.items()
    }
    return made.pop("volume"), made
