"""What the tracks determine: every parameter's error bar against the size that it plausibly has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recon.align.bundle.freedom import COLUMNS
from recon.align.bundle.gauge import Space
from recon.align.bundle.model import ROTATION, SCAN_SKEW, SKEW, TILT, X_TILT
from recon.align.bundle.plausible import PLAUSIBLE

AXIS = "axis"
AXIS_RAD = np.deg2rad(0.2)  # blurs a row by a pixel 300 pixels from the axis
# What a wandering axis may cost: where views turn, one axis for all of them is wrong by more.
LOOSE_AXIS_RAD = np.deg2rad(0.5)
DETERMINED = 0.5  # of the plausible size: a longer error bar says little that was not known
UNNOTICED = 0.3  # of it: with a longer bar a value half as large as is plausible may go unnoticed
FAR_BETTER = 0.2  # where all error bars are shorter than this part, a prior has nothing to say
ANGLES = (ROTATION, TILT, X_TILT, SKEW, SCAN_SKEW)
SPELLED = {
    "rotation": "changes of rotation",
    "x_tilt": "x-tilt",
    "scan_skew": "scan skew",
}


def error_bars(space: Space, covariance: np.ndarray, n_views: int) -> dict[str, float]:
    """Root mean square over views of each solved parameter's standard deviation, from the
    ``covariance`` (unknown, unknown); of the rotation as differences from its mean, which is
    ``axis``. Radians and parts."""
    by_view = space.basis.reshape(n_views, len(space.columns), -1)
    bars = {}
    for name, column in COLUMNS.items():
        for place in np.flatnonzero(space.columns == column):
            rows = by_view[:, place]
            if name == "rotation":
                mean = rows.mean(0)
                bars[AXIS] = float(np.sqrt(max(mean @ covariance @ mean, 0.0)))
                rows = rows - mean
            variance = np.einsum("vu,uk,vk->v", rows, covariance, rows, optimize=True)
            bars[name] = float(np.sqrt(np.maximum(variance, 0).mean()))
    return bars


def undetermined(
    bars: Mapping[str, float], before: Mapping[str, float], axis_rad: float = AXIS_RAD
) -> str:
    """What of a solution's error ``bars`` is too long, in words; empty where nothing is. A bar that
    was as long ``before`` is no reason to refuse what came new. ``axis_rad``: enough for the
    axis."""
    said = []
    for name, bar in bars.items():
        enough = axis_rad if name == AXIS else DETERMINED * PLAUSIBLE[name]
        if bar > max(enough, 1.05 * before.get(name, 0.0)):
            said.append(f"{spelled(name)} within {sized(name, bar)} only")
    return " and ".join(said)


def unnoticed(name: str, bars: Mapping[str, float]) -> bool:
    """Whether a parameter that is held may be off without the tracks showing it."""
    return bars[name] > UNNOTICED * PLAUSIBLE[name]


def need_prior(bars: Mapping[str, float]) -> bool:
    """Whether some error bar is long enough for the plausible size to matter."""
    return any(bar > FAR_BETTER * PLAUSIBLE[name] for name, bar in bars.items() if name != AXIS)


def sized(name: str, value: float) -> str:
    """With its unit, as ``0.3 deg`` or ``1.2 %``."""
    if name == AXIS or COLUMNS[name] in ANGLES:
        return f"{np.rad2deg(value):.2g} deg"
    return f"{100 * value:.2g} %"


def spelled(name: str) -> str:
    """A parameter as people write it."""
    return SPELLED.get(name, name)
