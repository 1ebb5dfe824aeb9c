"""Where every effect's randomness comes from: switching one on leaves all others as they were."""

from __future__ import annotations

import numpy as np

from recon.errors import UserError

# The numbers are part of every seed's series: a new effect gets a new number, none is ever reused.
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
FIRST_ELEMENT = 1000  # the counting noise of an X-ray channel: this and the element's number


def check_seed(seed: int) -> None:
    """Raise ``UserError`` for a negative seed."""
    if seed < 0:
        raise UserError(f"seed={seed} given, a whole number from 0 wanted")


def generator_of(effect: int, seed: int) -> np.random.Generator:
    """One effect's own, the same for a seed whatever else is on.

    Raises ``UserError`` for a negative seed.
    """
    check_seed(seed)
    return np.random.default_rng([effect, seed])
