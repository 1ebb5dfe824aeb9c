"""How the views are taken: at which tilts, in which order, and with what dose each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recon.errors import UserError
from recon.simulate.schemes import dose_symmetric, equal, saxton, with_gaps

SCHEMES = {"equal": equal, "saxton": saxton, "dose_symmetric": dose_symmetric}
Scheme = Literal["equal", "saxton", "dose_symmetric"]
Axis = Literal["a", "b"]


@dataclass(frozen=True)
class Views:
    """``scheme``, ``max_tilt_deg``, ``step_deg``: see ``schemes``. ``missing_views``: lost at
    random. ``sweep_deg``: by how much the specimen turns during each exposure (continuous
    rotation). ``axis``: b is the second series of a dual-axis recording, of the specimen turned by
    90 degrees in its plane. ``dose_e_nm2``: electrons that meet the specimen in each view."""

    scheme: Scheme = "equal"
    max_tilt_deg: float = 66.0
    step_deg: float = 2.0
    missing_views: int = 0
    sweep_deg: float = 0.0
    axis: Axis = "a"
    dose_e_nm2: float = 20000.0

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UserError(f"views.scheme={self.scheme} given, one of {', '.join(SCHEMES)} wanted")
        draw_tilts(self, 0)
        if not 0 <= self.sweep_deg <= 30:
            raise UserError(
                f"views.sweep_deg={self.sweep_deg} given, the angle turned during an exposure, 0 "
                f"to 30, wanted"
            )
        if self.axis not in ("a", "b"):
            raise UserError(
                f"views.axis={self.axis} given, a or b wanted: the first or the second series of "
                f"a dual-axis recording"
            )
        if not (np.isfinite(self.dose_e_nm2) and self.dose_e_nm2 > 0):
            raise UserError(
                f"views.dose_e_nm2={self.dose_e_nm2} given, a positive dose wanted; without "
                f"electrons there is no image"
            )


def draw_tilts(views: Views, seed: int) -> np.ndarray:
    """(tilt,) degrees as written down, in order of acquisition; ``seed`` says which are missing.

    Raises ``UserError`` for a scheme that has no views, or more missing than it has.
    """
    angles = SCHEMES[views.scheme](max_tilt_deg=views.max_tilt_deg, step_deg=views.step_deg)
    return with_gaps(angles, missing=views.missing_views, seed=seed)
