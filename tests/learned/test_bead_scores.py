"""The shipped classifier knows a bead from what is beside it, whatever the grey scale."""

from __future__ import annotations

import numpy as np

from recon.align.beads.crops import crops
from recon.learned.bead_scores import bead_classifier
from recon.simulate.fiducials import bead_chords

HEIGHT = 10.0  # of a bead of 10 pixels, the longest of its chords


def test_beads_pass_and_other_places_do_not() -> None:
    rng = np.random.default_rng(0)
    at = np.array([[y, x] for y in range(20, 220, 40) for x in range(20, 220, 40)]) + rng.uniform(
        -3, 3, (25, 2)
    )
    view = bead_chords((240, 240), at, np.full(25, 10.0)) + rng.normal(scale=1.5, size=(240, 240))
    judge = bead_classifier("fiducials")
    on = judge(crops(view, at, 10.0, HEIGHT))
    assert (on > 0.5).mean() > 0.9
    assert (judge(crops(view, at + 20, 10.0, HEIGHT)) > 0.5).mean() < 0.1  # half way between
    assert (judge(crops(view, at + np.array([0, 6.5]), 10.0, HEIGHT)) > 0.5).mean() < 0.15  # beside
    np.testing.assert_allclose(
        judge(crops(7 - 0.01 * view, at, 10.0, -0.01 * HEIGHT)), on, atol=1e-3
    )
    faint = bead_chords((240, 240), at, np.full(25, 10.0)) * 0.1 + rng.normal(
        scale=0.15, size=(240, 240)
    )
    assert (judge(crops(faint, at, 10.0, HEIGHT)) > 0.5).mean() < 0.1  # a stain, as round as a bead
    assert judge(np.zeros((0, 32, 32), np.float32)).shape == (0,)
