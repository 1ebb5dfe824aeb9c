"""Which views are withheld."""

from __future__ import annotations

import numpy as np
import pytest

from recon.algorithms.withheld import withheld_views
from recon.errors import UserError

ANGLES = np.arange(-60.0, 61.0, 3.0)


def test_withheld_views_are_inside_and_the_rest_is_kept() -> None:
    shuffled = np.random.default_rng(0).permutation(ANGLES)
    kept, held = withheld_views(shuffled)
    assert sorted([*kept, *held]) == list(range(ANGLES.size))
    assert held.size == 8
    assert np.abs(shuffled[held]).max() < 60
    with pytest.raises(UserError, match="trust=none"):
        withheld_views(np.array([0.0, 1.0]))
