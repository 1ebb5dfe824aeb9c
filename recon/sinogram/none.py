"""The views as they were measured."""

from __future__ import annotations

from recon.series import TiltSeries
from recon.stage import Step


def none(series: TiltSeries) -> TiltSeries:
    """The series itself."""
    return series


NONE = Step(none)
