"""The goniometer: drift from view to view, and what of tilt, rotation and magnification nobody
wrote down."""

from __future__ import annotations

import numpy as np

from recon.errors import UserError
from recon.simulate.applied import Applied


def stream(seed: int, effect: int) -> np.random.Generator:
    """Randomness of one effect's own: switching an effect on leaves all others as they were.

    Raises ``UserError`` for a negative seed.
    """
    if seed < 0:
        raise UserError(f"simulate.seed={seed} given, a whole number from 0 wanted")
    return np.random.default_rng([effect, seed])


(
    ROTATION,
    MAGNIFICATION,
    SCAN,
    BAD_PIXELS,
    BEADS,
    BRAGG,
    SECOND_AXIS,
    GRAINS,
    DRIFT,
    TILTS,
    COUNTS,
) = range(1, 12)


def drift(rng: np.random.Generator, count: int, sigma: float) -> np.ndarray:
    """(tilt, 2) random walk of standard deviation ``sigma``; what alignment has to add."""
    walk = np.cumsum(rng.normal(size=(count, 2)), axis=0)
    walk -= walk.mean(0)
    return np.asarray(walk * (sigma / np.maximum(walk.std(0), 1e-12)))


def view_errors(
    n_views: int, rotation_deg: float, magnification: float, sweep_deg: float, seed: int
) -> Applied:
    """Normal errors of every view's in-plane rotation and magnification (a fraction, .002 for .2
    %), of these standard deviations.

    Raises ``UserError`` for negative ones, or a magnification error that could turn an image inside
    out.
    """
    if not (0 <= rotation_deg < np.inf and 0 <= magnification <= 0.1):
        raise UserError(
            f"rotation_error_deg={rotation_deg}, magnification_error={magnification} given, "
            f"standard deviations >= 0 wanted, the second "
            "at most 0.1 (.002 is .2 %)"
        )
    if not 0 <= sweep_deg <= 30:
        raise UserError(
            f"sweep_deg={sweep_deg} given, the angle turned during an exposure, 0 to 30, wanted"
        )
    return Applied(
        rotation_deg * stream(seed, ROTATION).normal(size=n_views),
        1 + magnification * stream(seed, MAGNIFICATION).normal(size=n_views),
        sweep_deg,
    )
