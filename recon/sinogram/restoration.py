"""What is done to the aligned views before the reconstruction, and how it is judged: on parts of
the views, so that none of the others has a say in them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from recon.algorithms.noise import measure_photon_transfer
from recon.errors import UserError
from recon.geometry import Geometry, take_views
from recon.progress import track
from recon.projectors.base import Projector
from recon.projectors.masked import masked
from recon.series import TiltSeries
from recon.sinogram.none import NONE
from recon.stage import BoundStep

DENOISE, INPAINT = "denoise", "inpaint"  # the groups, and their names among a series' facts
MARGIN = 16  # rows on both sides that a part is restored with: a network or a filter sees so far

Parts = Callable[[np.ndarray, slice], tuple[Projector, Tensor]]
"""(views, rows) -> the operator and the views that a reconstruction of those alone would take"""


@dataclass(frozen=True, eq=False)
class Restoration:
    """``denoise``, then ``inpaint``: steps of the aligned series. A step keeps the rows and columns
    of the views; one that adds views says in ``precision`` how far they can be believed."""

    denoise: BoundStep = field(default_factory=NONE)
    inpaint: BoundStep = field(default_factory=NONE)

    @property
    def steps(self) -> dict[str, BoundStep]:
        """Those that do something, by group."""
        both = {DENOISE: self.denoise, INPAINT: self.inpaint}
        return {group: step for group, step in both.items() if step.declared is not NONE}

    def __call__(self, measured: TiltSeries) -> TiltSeries:
        """``measured`` itself where there is nothing to do. What a step was and took is among the
        facts of the result, under the group's name. Raises ``UserError``."""
        series = measured
        with track("restoring the views", len(self.steps)) as phase:
            for group, step in self.steps.items():
                began = time.monotonic()
                with phase.part():
                    done = step(series)
                _check(done, series, step.name)
                told = done.facts.get(group)
                facts = {
                    "method": step.name,
                    "options": dict(step.options),
                    **(told if isinstance(told, dict) else {}),
                    "seconds": round(time.monotonic() - began, 3),
                }
                series = replace(done, facts={**done.facts, group: facts})
        return series


def remaining_noise(restored: TiltSeries, noise: float) -> float:
    """Standard deviation per pixel of what is still white in the restored views, at most the
    ``noise`` of the measured ones."""
    return min(noise, measure_photon_transfer(restored.data).sigma)


def parts_of(
    measured: TiltSeries, restoration: Restoration, make: Callable[[Geometry], Projector]
) -> Parts:
    """Parts of the aligned series ``measured``, each restored from its own views alone: withheld
    views are predicted from what has never seen them. ``make``: the operator of a geometry."""

    def part(views: np.ndarray, rows: slice) -> tuple[Projector, Tensor]:
        low = max(0, rows.start - MARGIN)
        high = min(measured.data.shape[1], rows.stop + MARGIN)
        chosen, given = views.tolist(), measured.precision
        cut = replace(
            measured,
            data=measured.data[chosen, low:high].contiguous(),
            geometry=take_views(measured.geometry, views),
            precision=None if given is None else given[chosen, low:high].contiguous(),
        )
        done, own = restoration(cut), slice(rows.start - low, rows.stop - low)
        A = make(done.geometry)
        precision = None if done.precision is None else done.precision[:, own].contiguous()
        A, y = masked(A, done.data[:, own].contiguous(), precision)
        return A, y.to(A.device)

    return part


def _check(done: object, before: TiltSeries, name: str) -> None:
    """Raise ``UserError`` for what no step may return."""
    if not isinstance(done, TiltSeries) or done.data.shape[1:] != before.data.shape[1:]:
        found = tuple(done.data.shape) if isinstance(done, TiltSeries) else type(done).__name__
        raise UserError(
            f"{name} returned {found}, a series with views of {tuple(before.data.shape[1:])} "
            "(y, x) wanted"
        )
    if not bool(done.data.isfinite().all()):
        raise UserError(f"{name} returned values that are not finite; check its options")
