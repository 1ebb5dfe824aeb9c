"""Several tilt axes contest: withheld views decide.

The common line has several deep minima where a specimen looks alike from all sides (a round
needle: across itself). Each hypothesis is carried through
rough shifts and one round of reprojection matching on strongly binned views, and judged by views
that its reconstruction has not seen (``judge.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recon.align.axis import apart_deg, fold_deg
from recon.align.judge import FEWEST_VIEWS, Judge, make_judge
from recon.align.matching import match_reprojections
from recon.align.resample import warp
from recon.align.shifts import (
    correlation_shifts,
    isolated,
    mass_shifts,
    profile_shifts,
)

CONTEST_PX = 64  # views wider than so many pixels are binned for the contest
OTHER_DEG = 20.0  # axes that far from each other give tomograms that are not alike
IN_REACH = (
    2.0  # its neighbours may win yet: a runner-up that errs by less than so many times the best
)
ALIKE_DEG = 10.0  # an axis nearer than this to its mirror image is not told from it
STEP_DEG = 3.0


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """``shifts_px``: (tilt, 2) in the contest's pixels, in the frame of ``axis_deg``.
    ``isolated``: the specimen is surrounded by vacuum across this axis. ``withheld``: its error on
    withheld views."""

    axis_deg: float
    shifts_px: np.ndarray
    isolated: bool
    withheld: float = np.inf


@dataclass(frozen=True, eq=False)
class Contest:
    """``tried``: all hypotheses, the best first. ``judge``: of the binned views."""

    tried: tuple[Hypothesis, ...]
    judge: Judge

    @property
    def best(self) -> Hypothesis:
        return self.tried[0]

    @property
    def runner_up(self) -> Hypothesis | None:
        """The best of those whose axis differs from the winner's by ``OTHER_DEG`` or more."""
        others = (h for h in self.tried if apart_deg(h.axis_deg, self.best.axis_deg) >= OTHER_DEG)
        return next(others, None)

    @property
    def lead(self) -> float:
        """Error of the runner-up over that of the best."""
        other = self.runner_up
        return np.inf if other is None else other.withheld / max(self.best.withheld, 1e-9)


def hold_contest(
    stack: np.ndarray, angles_deg: np.ndarray, axes_deg: Sequence[float], *, threads: int = 1
) -> Contest:
    """``stack``: (tilt, y, x) raw, binned, its surroundings at zero. ``axes_deg``: to be judged,
    each with shifts of its own.

    For a specimen in vacuum the two best (``OTHER_DEG`` apart) are followed to the bottoms of their
    valleys.
    """
    tried = [carry(stack, angles_deg, axis, threads) for axis in axes_deg]
    filled = not any(h.isolated for h in tried)
    judge = make_judge(stack, angles_deg, filled=filled, threads=threads)
    first = _ranked(judge, [judged(judge, h) for h in tried])
    if filled:
        return first
    other = first.runner_up
    near = other is not None and other.withheld < IN_REACH * first.best.withheld
    starts = [first.best, *([other] if other is not None and near else [])]
    return _ranked(judge, [*(settle(judge, stack, h) for h in starts), *first.tried])


def _ranked(judge: Judge, tried: Sequence[Hypothesis]) -> Contest:
    return Contest(tuple(sorted(tried, key=lambda h: h.withheld)), judge)


def judged(judge: Judge, of: Hypothesis) -> Hypothesis:
    return replace(of, withheld=judge.error(of.axis_deg, of.shifts_px))


def rough_shifts(
    stack: np.ndarray, angles_deg: np.ndarray, axis_deg: float, threads: int
) -> tuple[bool, np.ndarray]:
    """(specimen isolated?, (tilt, 2) shifts) in the frame of ``axis_deg``."""
    turned = warp(stack, axis_deg, np.zeros((len(stack), 2)), order=1, threads=threads)
    shifts = correlation_shifts(turned, angles_deg)
    alone = isolated(turned)
    if alone:
        shifts[:, 0] = profile_shifts(turned, shifts[:, 0])
        shifts[:, 1] = mass_shifts(turned, shifts[:, 0])
    return alone, shifts


def settle(
    judge: Judge, stack: np.ndarray, start: Hypothesis, *, step_deg: float = STEP_DEG
) -> Hypothesis:
    """``start`` at the bottom of its valley: neighbours at ``step_deg`` until both are worse, then
    at a third of it, then the vertex of a parabola; shifts are measured anew for each."""
    known = {start.axis_deg: start}

    def at(axis_deg: float) -> Hypothesis:
        axis_deg = fold_deg(axis_deg)
        if axis_deg not in known:
            one = carry(stack, judge.angles_deg, axis_deg, judge.threads)
            known[axis_deg] = judged(judge, one)
        return known[axis_deg]

    best = start
    for step in (step_deg, step_deg / 3):
        for _ in range(4):
            near = [at(best.axis_deg + side * step) for side in (-1, 1)]
            if min(h.withheld for h in near) >= best.withheld:
                break
            best = min(near, key=lambda h: h.withheld)
    left, right = (at(best.axis_deg + side * step).withheld for side in (-1, 1))
    bend = left - 2 * best.withheld + right
    vertex = best.axis_deg + (0.5 * step * (left - right) / bend if bend > 0 else 0.0)
    last = at(float(np.clip(vertex, best.axis_deg - step, best.axis_deg + step)))
    return min(last, best, key=lambda h: h.withheld)


def carry(stack: np.ndarray, angles_deg: np.ndarray, axis_deg: float, threads: int) -> Hypothesis:
    """An axis with the shifts that one round of matching finds for it."""
    alone, shifts = rough_shifts(stack, angles_deg, axis_deg, threads)
    match = match_reprojections(stack, angles_deg, axis_deg, shifts, rounds=1, threads=threads)
    return Hypothesis(axis_deg, match.shifts_px, alone)


def fills_views(stack: np.ndarray, axes_deg: Sequence[float]) -> bool:
    """True when across none of the axes the specimen is surrounded by vacuum. ``stack``: raw."""
    still = np.zeros((len(stack), 2))
    return not any(isolated(warp(stack, axis, still, order=1)) for axis in axes_deg)


def compare_mirrored(
    stack: np.ndarray, angles_deg: np.ndarray, axis_deg: float, *, threads: int = 1
) -> tuple[Hypothesis, ...]:
    """(``axis_deg``, its mirror image), judged; empty where the two are alike, views too few, or
    the specimen fills the views, which tell little of the axis then."""
    both = (axis_deg, -axis_deg)
    if len(stack) < FEWEST_VIEWS or apart_deg(*both) < ALIKE_DEG or fills_views(stack, both):
        return ()
    judge = make_judge(stack, angles_deg, filled=False, threads=threads)
    return tuple(judged(judge, carry(stack, angles_deg, axis, threads)) for axis in both)
