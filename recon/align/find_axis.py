"""The tilt axis of a drifting series: by the common line where that is clear, else by a contest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.axis import apart_deg, contrast_of, deepest, refine_axis, spread_over_axes
from recon.align.branch import on_branch
from recon.align.contest import (
    Contest,
    carry,
    fills_views,
    hold_contest,
    judged,
    rough_shifts,
    settle,
)
from recon.align.doubt import AGREED_DEG, DEPARTS_DEG, UNCLEAR
from recon.align.judge import FEWEST_VIEWS, make_judge
from recon.align.resample import warp

# Real and simulated series whose common line is wrong had a contrast of 0.27 or more, and the
# specimen reached the border across the wrong axis.
CLEAR = 0.3
FAR_DEG = 1.5  # a refinement that goes farther than this is checked
NO_WORSE = 1.03


@dataclass(frozen=True, eq=False)
class Found:
    """``axis_deg``, on the microscope's branch. ``common_line_deg``, ``contrast``: what the common
    line says. ``contest``: None where that was clear."""

    axis_deg: float
    common_line_deg: float
    contrast: float
    contest: Contest | None

    @property
    def certain(self) -> bool:
        """False where the common line is flat, and withheld views do not say the same."""
        agreed = self.contest is None or (
            apart_deg(self.contest.best.axis_deg, self.common_line_deg) <= AGREED_DEG
        )
        return agreed or self.contrast <= UNCLEAR


def find_axis(
    stack: np.ndarray,
    binned: np.ndarray,
    angles_deg: np.ndarray,
    *,
    noted_deg: float | None = None,
    threads: int = 1,
) -> Found:
    """To a degree. ``stack``: (tilt, y, x) raw, its surroundings at zero; ``binned``: the same,
    small, for the contest. ``noted_deg``: what the microscope wrote, a further hypothesis where it
    differs.

    The common line alone decides where its minimum is clear and leaves the specimen in vacuum; of a
    specimen that fills the views, unless it says nothing, too: withheld views of such a specimen
    tell axes apart less well than it does.
    """
    spread = spread_over_axes(stack)
    first, contrast = contrast_of(spread)
    departs = noted_deg is not None and apart_deg(first, noted_deg) > DEPARTS_DEG
    alone, _ = rough_shifts(binned, angles_deg, first, threads)
    if (alone and contrast < CLEAR and not departs) or len(stack) < FEWEST_VIEWS:
        return Found(on_branch(first, noted_deg), first, contrast, None)
    axes = deepest(spread)
    if noted_deg is not None and all(apart_deg(noted_deg, a) > 2 for a in axes):
        axes.append(on_branch(noted_deg, None))
    if contrast <= UNCLEAR and not departs and fills_views(binned, axes):
        return Found(on_branch(first, noted_deg), first, contrast, None)
    contest = hold_contest(binned, angles_deg, axes, threads=threads)
    return Found(on_branch(contest.best.axis_deg, noted_deg), first, contrast, contest)


def refine(
    found: Found,
    stack: np.ndarray,
    binned: np.ndarray,
    angles_deg: np.ndarray,
    *,
    noted_deg: float | None = None,
    threads: int = 1,
) -> float:
    """To a tenth of a degree, by the complex common line, for a specimen surrounded by vacuum.

    The frame cuts off a long needle, and then the complex common line is biased by degrees: where
    it leads away from ``found``, withheld views say which is better.
    """
    axis = found.axis_deg
    for _ in range(2):
        alone, shifts = rough_shifts(stack, angles_deg, axis, threads)
        if not alone:
            return found.axis_deg
        step = refine_axis(warp(stack, axis, shifts, order=3, threads=threads))
        axis = on_branch(axis + step, noted_deg)
    contest, away = found.contest, apart_deg(axis, found.axis_deg)
    if len(stack) < FEWEST_VIEWS or away <= (0.1 if contest is not None else FAR_DEG):
        return axis
    if contest is not None:
        judge, start = contest.judge, contest.best
    else:
        judge = make_judge(binned, angles_deg, filled=False, threads=threads)
        start = judged(judge, carry(binned, angles_deg, found.axis_deg, threads))
    refined = judged(judge, carry(binned, angles_deg, axis, threads))
    clear = found.contrast < CLEAR and apart_deg(found.axis_deg, found.common_line_deg) < AGREED_DEG
    if refined.withheld <= (NO_WORSE if clear or away > FAR_DEG else 1.0) * start.withheld:
        return axis
    best = start if contest is not None else settle(judge, binned, start)
    return on_branch(best.axis_deg, noted_deg)
