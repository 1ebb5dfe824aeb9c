"""The series as given is a hypothesis, too: a stack that was aligned before is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.align.axis import apart_deg, fold_deg
from recon.align.found import Tried
from recon.align.judge import make_judge

ROWS = 24
NEAR_DEG = 15.0  # the common line of a film may be so far off
# As given is preferred until measured shifts leave less than this part of its error: cross-
# correlation of a specimen that fills the views wanders by pixels, a centre of mass does not.
FILLED, ISOLATED = 0.95, 1.0
STILL_PX = 1.0  # an isolated specimen whose views moved by more (rms) was not aligned


@dataclass(frozen=True, eq=False)
class AsGiven:
    """No shifts, and ``axis_deg``. ``measured``, ``withheld``: errors on withheld views with the
    measured shifts, and so; ``tried``: (axis, error) of all axes; ``kept``: the measured shifts are
    not clearly better."""

    axis_deg: float
    measured: float
    withheld: float
    tried: tuple[tuple[float, float], ...]
    kept: bool

    def record(self) -> tuple[Tried, ...]:
        """For ``Alignment``."""
        rows = [Tried("no shifts", round(axis, 3), round(error, 5)) for axis, error in self.tried]
        return (Tried("shifts measured", None, round(self.measured, 5)), *rows)

    def sentence(self) -> str:
        """For the history."""
        return (
            f"left as given, axis {self.axis_deg:.2f} deg, no shifts: they leave "
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

    The axis stays at the centre: of a specimen that fills the views, withheld views do not tell its
    place (they differ by a hundredth over an eighth of the frame).
    """
    judge = make_judge(stack, angles_deg, filled=filled, rows=ROWS, threads=threads)
    measured = judge.error(axis_deg, shifts_px)
    margin = FILLED if filled else ISOLATED
    best, least, tried = axes_deg[0], np.inf, []
    for axis in axes_deg:
        error = judge.error(axis, np.zeros_like(shifts_px))
        tried.append((axis, error))
        if error < margin * least:
            best, least = axis, error
    return AsGiven(best, measured, least, tuple(tried), not measured < margin * least)


def axes_as_given(axis_deg: float, *, certain: bool) -> tuple[float, ...]:
    """The axes that an aligned series may have: 0 or 90 if the one found is near, or both if it is
    not ``certain``, and the one found."""
    upright = [
        fold_deg(a) for a in (0.0, 90.0) if apart_deg(a, axis_deg) <= NEAR_DEG or not certain
    ]
    return (*upright, axis_deg)
