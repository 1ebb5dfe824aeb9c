"""What alignment by whole views has to say against its own result: sentences that a user must
see."""

from __future__ import annotations

from collections.abc import Sequence

from recon.align.axis import apart_deg
from recon.align.contest import Contest, Hypothesis

UNCLEAR = 0.8  # contrast of the common line (1 is none) from which it proves nothing by itself
WITHIN = 4 / 3  # a runner-up that errs by less than so many times the winner may be the right one
ALIKE = 1.1  # and by less than this even where the common line has the winner for its best
AGREED_DEG = 5.0
POOR = 0.25  # of withheld views unexplained; right axes of a specimen in vacuum leave 0.03 to 0.1
MIRRORED = 0.8
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


def doubt_mirrored(tried: Sequence[Hypothesis]) -> str:
    """``tried``: the axis that the user gave, and its mirror image; empty where they are alike."""
    if not tried:
        return ""
    given, mirrored = tried
    if mirrored.withheld >= MIRRORED * given.withheld:
        return ""
    return (
        f"align.axis_deg={given.axis_deg:g} leaves {given.withheld:.3f} of withheld views "
        f"unexplained, its mirror image {mirrored.axis_deg:g} only {mirrored.withheld:.3f}: the "
        f"angle counts counter-clockwise with rows upwards, and clockwise in a picture with row 0 "
        f"on top; check its sign"
    )


def doubt_noted(axis_deg: float, noted_deg: float | None) -> str:
    """Of the axis found, where the microscope wrote another."""
    if noted_deg is None or apart_deg(axis_deg, noted_deg) <= DEPARTS_DEG:
        return ""
    return (
        f"the tilt axis found, {axis_deg:.1f} deg, is not the {noted_deg:g} deg that the "
        f"microscope wrote; check it, or pass align.axis_deg="
    )
