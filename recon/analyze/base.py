"""What an analysis is given beside the tomogram, and what it returns. Files are the pipeline's
business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from recon.series import Volume
from recon.stage import Analysis


@dataclass(frozen=True, eq=False)
class Known:
    """The truth of a simulated series, where it has one.

    ``labels``: (z, y, x) whole numbers, voxel by voxel on the tomogram. ``positions_nm``: (n, 3) as
    (z, y, x), up to a shift.
    """

    labels: Tensor | None = None
    positions_nm: np.ndarray | None = None


UNKNOWN = Known()


@dataclass(frozen=True, eq=False)
class Findings:
    """``facts``: for the run's record. ``sentence``: for the terminal. ``warning``: what the user
    should doubt.

    ``positions_nm``: (n, 3) as (z, y, x) from the tomogram's centre, with ``heights`` (n,) and
    ``element``; ``labels``: (z, y, x).
    """

    facts: Mapping[str, object] = field(default_factory=dict)
    sentence: str = ""
    warning: str = ""
    positions_nm: np.ndarray | None = None
    heights: np.ndarray | None = None
    element: str = "X"
    labels: Volume | None = None


def nothing(volume: Volume, *, known: Known = UNKNOWN) -> Findings:
    """``analyze=none``."""
    return Findings()


NOTHING = Analysis(nothing, volumes=0)
