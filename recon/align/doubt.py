"""What alignment by whole views has to say against its own result: sentences that a user must
see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recon.align.as_given import AsGiven
from recon.align.axis import CANDIDATES_DEG, apart_deg
from recon.align.contest import ALIKE_DEG, Contest, Hypothesis

UNCLEAR = 0.8  # contrast of the common line (1 is none) from which it proves nothing by itself
WITHIN = 4 / 3  # a runner-up that errs by less than so many times the winner may be the right one
ALIKE = 1.1  # and by less than this even where the common line has the winner for its best
AGREED_DEG = 5.0
POOR = 0.25  # of withheld views unexplained; right axes of a specimen in vacuum leave 0.03 to 0.1
MIRRORED, MIRRORED_LINE = 0.8, 0.6  # its share of the error, of the spread, that is clearly less
NEAR_DEG = 3.0
HARDLY = 0.9  # of the error without shifts: they explain little
BADLY = 0.5  # of the withheld views
DEPARTS_DEG = 10.0


def doubt_axis(common_line_deg: float, contrast: float, contest: Contest | None) -> str:
    """Of the axis found: the common line and withheld views are two witnesses, who should agree or
    one of them be sure. ``contest``: None where the common line was clear."""
    if contest is None:
        return ""
    best, other = contest.best, contest.runner_up
    agreed = apart_deg(best.axis_deg, common_line_deg) <= AGREED_DEG
    if best.withheld >= 1 or (contest.judge.filled and contrast > UNCLEAR and not agreed):
        return (
            f"the tilt axis does not stand out (contrast {contrast:.2f}, 1 is none); check it, or "
            f"pass align.axis_deg="
        )
    if contest.judge.filled:
        return ""
    if other is not None and contest.lead < (ALIKE if agreed else WITHIN):
        return (
            f"the tilt axis is not certain: {best.axis_deg:.1f} deg leaves {best.withheld:.3f} of "
            f"withheld views unexplained, {other.axis_deg:.1f} deg {other.withheld:.3f}; check it, "
            f"or pass align.axis_deg="
        )
    if best.withheld > POOR:
        return (
            f"no tilt axis explains the views well: {best.axis_deg:.1f} deg, the best, leaves "
            f"{best.withheld:.3f} of withheld views unexplained; check tilts and axis, or pass "
            f"align.axis_deg="
        )
    return ""


def doubt_mirrored(axis_deg: float, tried: Sequence[Hypothesis], spread: np.ndarray) -> str:
    """Of an axis that the user gave. ``tried``: it and its mirror image, judged; where they were
    not, ``spread`` of the common line over ``CANDIDATES_DEG`` tells."""
    if apart_deg(axis_deg, -axis_deg) < ALIKE_DEG:
        return ""
    if tried:
        what, given, mirrored = "of withheld views unexplained", *(h.withheld for h in tried)
        clearly = mirrored < MIRRORED * given
    else:
        what = "of spread between the views' common lines"
        given, mirrored = (
            float(spread[[apart_deg(c, a) <= NEAR_DEG for c in CANDIDATES_DEG]].min())
            for a in (axis_deg, -axis_deg)
        )
        clearly = mirrored < MIRRORED_LINE * given
    if not clearly:
        return ""
    return (
        f"align.axis_deg={axis_deg:g} leaves {given:.2g} {what}, its mirror image {-axis_deg:g} "
        f"only {mirrored:.2g}: the angle counts counter-clockwise with rows upwards, and clockwise "
        f"in a picture with row 0 on top; check its sign"
    )


def doubt_filled(axis_deg: float) -> str:
    """Of the axis found for a specimen that fills the views, where nobody else said it: neither the
    halves of a series nor withheld views betray how far it is off."""
    return (
        f"the specimen fills the views, and then the tilt axis is found to a few degrees only "
        f"({axis_deg:.1f} deg; ten simulated films: 1.9 deg rms, 4.7 at most); pass "
        f"align.axis_deg= where you know it"
    )


def doubt_noted(axis_deg: float, noted_deg: float | None) -> str:
    """Of the axis found, where the microscope wrote another."""
    if noted_deg is None or apart_deg(axis_deg, noted_deg) <= DEPARTS_DEG:
        return ""
    return (
        f"the tilt axis found, {axis_deg:.1f} deg, is not the {noted_deg:g} deg that the "
        f"microscope wrote; check it, or pass align.axis_deg="
    )


def doubt_shifts(given: AsGiven | None, noise_share: float = 0.0) -> str:
    """Of shifts that were taken, or of none, though withheld views are predicted badly either way.

    ``noise_share``: of the views' rms; what noise explains is no reason for doubt.
    """
    if given is None:
        return ""
    taken, other = (
        (given.withheld, given.measured) if given.kept else (given.measured, given.withheld)
    )
    if given.kept and (taken < BADLY or noise_share > BADLY * taken):
        return ""
    if not given.kept and taken < max(BADLY, HARDLY * other):
        return ""
    what, instead = ("no shifts", "those measured") if given.kept else ("they", "none at all")
    return (
        f"the shifts are not certain: {what} leave {taken:.3f} of withheld views "
        f"unexplained, {instead} {other:.3f}; look at the aligned stack, or use "
        f"align=fiducial, align=patch, or align=none for a series that is aligned"
    )
