"""The series as given is a hypothesis, too: a stack that was aligned before is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.align.axis import apart_deg, fold_deg
from recon.align.found import Tried
from recon.align.judge import Judge, make_judge

ROWS = 24
# As given is preferred until measured shifts leave less than this part of its error: cross-
# correlation of a specimen that fills the views wanders by pixels, a centre of mass does not.
FILLED, ISOLATED = 0.95, 1.0
STILL_PX = 1.0  # an isolated specimen whose views moved by more (rms) was not aligned
OFFSET = 0.12  # how far from the centre an axis is looked for, in widths of a view
STEPS = 4  # on either side


@dataclass(frozen=True, eq=False)
class AsGiven:
    """``axis_deg`` and one ``offset_px`` across it for all views; ``measured``, ``withheld``:
    errors on withheld views with the measured shifts, and so; ``tried``: (offset, axis, error) of
    what was judged beside; ``kept``: the measured shifts are not clearly better."""

    axis_deg: float
    offset_px: float
    measured: float
    withheld: float
    tried: tuple[tuple[float, float, float], ...]
    kept: bool

    def record(self, bin_by: int) -> tuple[Tried, ...]:
        """For ``Alignment``; the offset in raw pixels."""
        rows = [
            Tried(f"no shifts, axis {o * bin_by:+.1f} px off" if o else "no shifts", a, round(e, 5))
            for o, a, e in self.tried
        ]
        return (Tried("shifts measured", None, round(self.measured, 5)), *rows)

    def sentence(self, bin_by: int) -> str:
        """For the history."""
        place = f", {-self.offset_px * bin_by:+.2f} px off the centre" if self.offset_px else ""
        return (
            f"left as given, axis {self.axis_deg:.2f} deg{place}, no shifts: they leave "
            f"{self.withheld:.4f} of withheld views unexplained, the shifts measured "
            f"{self.measured:.4f}"
        )


def try_as_given(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    axis_deg: float,
    shifts_px: np.ndarray,
    axes_deg: Sequence[float],
    *,
    filled: bool,
    threads: int = 1,
) -> AsGiven:
    """The measured geometry beside none at all, judged by withheld views on the ``ROWS`` busiest
    rows. ``stack``: (tilt, y, x) raw, its surroundings at zero. ``axes_deg``: to take as given, the
    first preferred.

    For a specimen that fills the views the axis' place is searched, too; it stays at the centre
    unless another place is clearly better.
    """
    judge = make_judge(stack, angles_deg, filled=filled, rows=ROWS, threads=threads)
    measured = judge.error(axis_deg, shifts_px)
    margin = FILLED if filled else ISOLATED
    best, offset, least = axes_deg[0], 0.0, np.inf
    tried = []
    for axis in axes_deg:
        error = judge.error(axis, np.zeros_like(shifts_px))
        tried.append((0.0, axis, error))
        if error < margin * least:
            best, least = axis, error
    if filled:
        place, error = search_offset(judge, best)
        tried.append((place, best, error))
        if error < margin * least:
            offset, least = place, error
    return AsGiven(best, offset, measured, least, tuple(tried), not measured < margin * least)


def axes_as_given(axis_deg: float, *, certain: bool) -> tuple[float, ...]:
    """The axes that an aligned series may have: 0 or 90 if the one found is near, or both if it is
    not ``certain``, and the one found."""
    upright = [fold_deg(a) for a in (0.0, 90.0) if apart_deg(a, axis_deg) <= 5 or not certain]
    return (*upright, axis_deg)


def search_offset(judge: Judge, axis_deg: float) -> tuple[float, float]:
    """(offset in pixels, error): the one shift of all views across the axis that predicts withheld
    views best. From coarse to fine, then the vertex of a parabola."""
    step = OFFSET * min(judge.views.shape[1:]) / STEPS
    known: dict[float, float] = {}

    def at(offset_px: float) -> float:
        if offset_px not in known:
            shifts = np.tile([0.0, offset_px], (len(judge.angles_deg), 1))
            known[offset_px] = judge.error(axis_deg, shifts)
        return known[offset_px]

    best = min((k * step for k in range(-STEPS, STEPS + 1)), key=at)
    while step > 1:
        step /= 2
        best = min((best - step, best, best + step), key=at)
    left, middle, right = (at(best + side * step) for side in (-1, 0, 1))
    bend = left - 2 * middle + right
    vertex = best + (0.5 * step * (left - right) / bend if bend > 0 else 0.0)
    return min(((offset, at(offset)) for offset in (best, vertex)), key=lambda pair: pair[1])
