"""What can be known before the work: that every stage runs, and that memory, disk and thickness
will do."""

from __future__ import annotations

import math
import shutil

import torch

from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.run.plan import BASE_GB
from recon.run.stages import Settings, Stages
from recon.stage import reconstruct

# copies of the raw stack that cleaning and aligning hold at their peak; 2.3 measured for 77 x 1280
# x 1280
STACKS_AT_ONCE = 3.2
RESTORED_AT_ONCE = 6.0  # copies of the aligned stack that a denoiser holds, the measured one too


def rehearse(stages: Stages, geometry: Geometry) -> None:
    """Reconstruct nothing, once: a missing extra or an option out of range is known before the
    work.

    Raises whatever the projector and the algorithm raise.
    """
    A = stages.projector(Geometry(geometry.angles_deg, None), (8, 8), 8)
    method = stages.algorithm
    brief = method.but(method.declared.brief(method.options))
    reconstruct(brief, A, torch.zeros(geometry.n_views, 1, 8, device=A.device))


def check_series(
    stages: Stages,
    settings: Settings,
    geometry: Geometry,
    shape: tuple[int, int, int],
    console: Console,
) -> None:
    """What can be known from the ``shape`` (tilt, y, x) of the series: memory, disk, thickness, subsets. Says what the run
    will need."""
    rehearse(stages, geometry)
    factor = stages.preprocess.declared.binning(stages.preprocess.options)
    rows, width = (n // factor for n in shape[1:])
    narrow, wide = min(rows, width), max(rows, width)  # the frame may turn
    asked = settings.thickness_px
    thickness = asked if isinstance(asked, int) else wide
    if isinstance(asked, int) and not 1 <= thickness <= max(4 * narrow, wide):
        raise UserError(
            f"thickness_px={thickness} given, 1 to {max(4 * narrow, wide)} wanted (a few times the "
            f"width of {narrow}, or as wide as the views, at most)"
        )
    stack_gb = 4e-9 * math.prod(shape)
    need_gb = BASE_GB + STACKS_AT_ONCE * stack_gb
    if settings.memory_gb < need_gb:
        raise UserError(
            f"memory_gb={settings.memory_gb:.2g} given, at least {need_gb:.2g} wanted to clean and "
            f"align this series; raise memory_gb"
        )
    restoring_gb = BASE_GB + RESTORED_AT_ONCE * stack_gb / factor**2
    if stages.restore.steps and settings.memory_gb < restoring_gb:
        raise UserError(
            f"memory_gb={settings.memory_gb:.2g} given, at least {restoring_gb:.2g} wanted for "
            f"{' and '.join(stages.restore.steps)}; raise memory_gb, or use preprocess.bin=2"
        )
    disk_gb = 4e-9 * thickness * rows * width + stack_gb / factor**2
    there = next(p for p in (settings.output, *settings.output.absolute().parents) if p.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    if free_gb < disk_gb:
        raise UserError(
            f"the results need {disk_gb:.3g} GB but {str(there)[-150:]} has {free_gb:.3g} GB free; "
            f"free some space or pass output=DIR"
        )
    console.say(
        f"plan: {need_gb:.1f} GB of memory to clean and align, {disk_gb:.2f} of {free_gb:.0f} GB "
        f"on disk for the results"
    )
