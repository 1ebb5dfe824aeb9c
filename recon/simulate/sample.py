"""A simulated tilt series with the truth it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from recon.geometry import Geometry
from recon.series import TiltSeries, Volume
from recon.simulate.applied import Applied, Fiducials


@dataclass(frozen=True, eq=False)
class Sample:
    """A tilt series as a microscope would write it, with the volume and the geometry (axis, shifts)
    it was made from.

    ``fiducials``: where gold beads are in every view. ``applied``: what else was done to the views.
    None where nothing was. ``labels``: (z, y, x) whole numbers, voxel by voxel on the truth;
    ``positions_nm``: (n, 3) atoms as (z, y, x) from its centre.
    """

    series: TiltSeries
    truth: Volume
    geometry: Geometry
    fiducials: Fiducials | None = None
    applied: Applied | None = None
    labels: Tensor | None = None
    positions_nm: np.ndarray | None = None
