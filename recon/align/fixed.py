"""``align=none``: the geometry as given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recon.errors import UserError
from recon.series import TiltSeries
from recon.stage import Step


def fixed(
    series: TiltSeries, *, axis_deg: float = 0.0, axis_offset_px: float = 0.0, threads: int = 1
) -> TiltSeries:
    """Take the tilt axis as given; nothing is looked for.

    ``axis_deg``: its direction in the images, as in ``geometry.py``. ``axis_offset_px``: how far it
    lies from the centre of the images, across the axis: towards +x for an axis along y (0), towards
    +y for a horizontal one (90). An axis through pixel n / 2, counted from 0, as FFT-based programs
    have it, is at 0.5.
    """
    if not np.isfinite([axis_deg, axis_offset_px]).all():
        raise UserError(
            f"align.axis_deg={axis_deg} and align.axis_offset_px={axis_offset_px} given, finite "
            f"numbers wanted"
        )
    shifts = (
        np.tile([0.0, -axis_offset_px], (series.geometry.n_views, 1)) if axis_offset_px else None
    )
    where = f", {axis_offset_px:g} px off the centre" if axis_offset_px else ", no shifts"
    return series.after(
        f"not aligned: axis {axis_deg:g} deg as given{where}",
        geometry=replace(series.geometry, axis_deg=axis_deg, shifts_px=shifts),
    )


FIXED = Step(fixed)
