"""What a run of a series would need, from its shape alone: the plans that the run would print."""

from __future__ import annotations

import torch

from recon.console import Console
from recon.geometry import Geometry
from recon.io.read import Heading
from recon.run.plan import Plan, Reconstruction, make_plan
from recon.run.preflight import check_series
from recon.run.stages import Settings, Stages


def shape_of(heading: Heading) -> tuple[int, int, int]:
    """(tilt, y, x) of the series in the file."""
    _, height, width = heading.file.shape
    return len(heading.keep), height, width


def check_needs(stages: Stages, settings: Settings, heading: Heading, console: Console) -> None:
    """Say what cleaning and aligning will need. Raises ``UserError`` where memory, disk or the
    thickness will not do."""
    check_series(stages, settings, heading.geometry, shape_of(heading), console)


def plan_slabs(stages: Stages, settings: Settings, heading: Heading) -> Plan:
    """The slabs of the reconstruction, as if alignment turned nothing; a projection is timed for
    it. Raises ``UserError`` where memory will not do."""
    factor = stages.preprocess.declared.binning(stages.preprocess.options)
    n_views, height, width = shape_of(heading)
    rows, columns = height // factor, width // factor
    asked = settings.thickness_px
    thickness = asked if isinstance(asked, int) else columns
    geometry = Geometry(heading.geometry.angles_deg, None)
    y = torch.zeros(1).expand(n_views, rows, columns)  # takes no memory
    A = stages.projector(geometry, (thickness, columns + 2 * settings.extend_px), columns)
    job = Reconstruction(A, y, stages.algorithm, 1.0)
    return make_plan(job, memory_gb=settings.memory_gb, held_gb=1.2 * 4e-9 * y.numel())
