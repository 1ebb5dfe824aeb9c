"""What a run of a series would need, from its shape alone: the plans that the run would print."""

from __future__ import annotations

import torch

from recon.console import Console
from recon.geometry import Geometry
from recon.io.read import Heading
from recon.io.sidecars import stem
from recon.run.plan import Job, Plan, make_plan
from recon.run.preflight import check_series
from recon.run.stages import Settings, Stages
from recon.series import TiltSeries


def stand_in(heading: Heading) -> TiltSeries:
    """A series of the shape of the one in the file, all zero, which takes no memory."""
    shape = (len(heading.keep), *heading.file.shape[1:])
    return TiltSeries(torch.zeros(1).expand(shape), heading.geometry, stem(heading.file.path))


def check_needs(stages: Stages, settings: Settings, heading: Heading, console: Console) -> None:
    """Say what cleaning and aligning will need. Raises ``UserError`` where memory, disk or the
    thickness will not do."""
    check_series(stages, settings, stand_in(heading), console)


def plan_slabs(stages: Stages, settings: Settings, heading: Heading) -> Plan:
    """The slabs of the reconstruction, as if alignment turned nothing; a projection is timed for
    it. Raises ``UserError`` where memory will not do."""
    factor = getattr(stages.preprocess, "keywords", {}).get("bin", 1)
    n_views, height, width = stand_in(heading).data.shape
    rows, columns = height // factor, width // factor
    thickness = columns if settings.thickness_px is None else settings.thickness_px
    pixel = heading.geometry.pixel_nm
    geometry = Geometry(heading.geometry.angles_deg, None if pixel is None else pixel * factor)
    y = torch.zeros(1).expand(n_views, rows, columns)
    job = Job(stages.projector(geometry, (thickness, columns), columns), y, stages.algorithm, 1.0)
    return make_plan(job, memory_gb=settings.memory_gb, held_gb=1.2 * 4e-9 * y.numel())
