"""What the goniometer does wrong: drift from view to view, and what of axis, tilt, rotation and
magnification nobody wrote down. Microscopists call it the stage, and so do the options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.errors import UserError
from recon.simulate.applied import Applied
from recon.simulate.randomness import MAGNIFICATION, ROTATION, generator_of


@dataclass(frozen=True)
class Goniometer:
    """``drift_px``: standard deviation of a random walk over the views, along and across the axis.
    ``axis_deg``: direction of the tilt axis in the recorded frames; ``axis_error_px``: where it
    lies off the centre.

    ``tilt_error_deg``, ``rotation_error_deg``, ``magnification_error``: standard deviations of the
    true tilts about those written down, of each view's rotation beyond ``axis_deg`` and of its
    magnification (.002: .2 %).
    """

    drift_px: float = 3.0
    axis_deg: float = 86.5
    axis_error_px: float = 0.0
    tilt_error_deg: float = 0.0
    rotation_error_deg: float = 0.0
    magnification_error: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.drift_px < np.inf and 0 <= self.tilt_error_deg < np.inf):
            raise UserError(
                f"stage.drift_px={self.drift_px}, stage.tilt_error_deg={self.tilt_error_deg} "
                f"given, standard deviations >= 0 wanted"
            )
        if not (np.isfinite(self.axis_deg) and np.isfinite(self.axis_error_px)):
            raise UserError(
                f"stage.axis_deg={self.axis_deg}, stage.axis_error_px={self.axis_error_px} given, "
                f"finite numbers wanted"
            )
        if not (0 <= self.rotation_error_deg < np.inf and 0 <= self.magnification_error <= 0.1):
            raise UserError(
                f"stage.rotation_error_deg={self.rotation_error_deg}, "
                f"stage.magnification_error={self.magnification_error} given, standard deviations "
                f">= 0 wanted, the second at most 0.1 (.002 is .2 %)"
            )


def draw_drift(rng: np.random.Generator, count: int, sigma: float) -> np.ndarray:
    """(tilt, 2) random walk of standard deviation ``sigma``; what alignment has to add."""
    walk = np.cumsum(rng.normal(size=(count, 2)), axis=0)
    walk -= walk.mean(0)
    return np.asarray(walk * (sigma / np.maximum(walk.std(0), 1e-12)))


def draw_view_errors(n_views: int, stage: Goniometer, sweep_deg: float, seed: int) -> Applied:
    """Normal errors of every view's in-plane rotation and magnification; ``sweep_deg`` is passed
    on."""
    rotations = generator_of(ROTATION, seed).normal(size=n_views)
    magnifications = generator_of(MAGNIFICATION, seed).normal(size=n_views)
    return Applied(
        stage.rotation_error_deg * rotations,
        1 + stage.magnification_error * magnifications,
        sweep_deg,
    )
