"""Which of an axis and its opposite: the views do not tell, and the hand of the tomogram hangs on
it."""

from __future__ import annotations

import math

from recon.align.axis import fold_deg
from recon.series import AXIS_FROM_MICROSCOPE, TiltSeries


def axis_of_microscope(series: TiltSeries) -> float | None:
    """The axis that the microscope wrote down, in degrees as ``geometry.py`` counts them, or
    None."""
    noted = series.facts.get(AXIS_FROM_MICROSCOPE)
    known = isinstance(noted, int | float) and not isinstance(noted, bool) and math.isfinite(noted)
    return float(str(noted)) if known else None


def on_branch(axis_deg: float, noted_deg: float | None) -> float:
    """Of ``axis_deg`` and its opposite the one nearer to ``noted_deg``, in (-180, 180]; where
    nothing is noted the one in [-90, 90).

    The two differ in the signs of both shifts: to be chosen before shifts are measured.
    """
    folded = fold_deg(axis_deg)
    if noted_deg is None:
        return folded
    near = noted_deg + fold_deg(folded - noted_deg)
    return 180 - (180 - near) % 360


def branch_sentence(axis_deg: float, noted_deg: float) -> str:
    """For the history."""
    other = on_branch(axis_deg, axis_deg + 180)
    return (
        f"the microscope's axis angle of {noted_deg:g} deg decides between {axis_deg:.1f} and "
        f"{other:.1f} deg: the hand of the tomogram"
    )
