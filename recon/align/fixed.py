"""``align=none``: the geometry as given."""

from __future__ import annotations

from dataclasses import replace

from recon.series import TiltSeries


def fixed(series: TiltSeries, *, axis_deg: float = 0.0, threads: int = 1) -> TiltSeries:
    """Take ``axis_deg`` as given and no shifts; nothing is looked for."""
    return series.after(
        f"not aligned: axis {axis_deg:g} deg as given, no shifts", geometry=replace(series.geometry, axis_deg=axis_deg)
    )
