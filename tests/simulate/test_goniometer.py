"""The stage errs as much as asked for, and always in the same way for a seed."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.simulate import randomness
from recon.simulate.goniometer import Goniometer, draw_drift, draw_view_errors
from recon.simulate.randomness import BEADS, SCAN, generator_of
from recon.simulate.session import begin_session
from recon.simulate.views import Views


def test_drift_is_a_walk_of_the_size_asked_for_about_nothing() -> None:
    walk = draw_drift(np.random.default_rng(0), 60, 4.0)
    np.testing.assert_allclose(walk.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(walk.std(0), 4)
    assert np.abs(np.diff(walk, axis=0)).max() < 6  # steps are smaller than the whole
    np.testing.assert_array_equal(draw_drift(np.random.default_rng(0), 60, 0.0), 0)


def test_errors_of_the_views_scale_with_what_is_asked_and_not_with_each_other() -> None:
    one = draw_view_errors(500, Goniometer(rotation_error_deg=0.5), 0.0, 7)
    assert one.rotations_deg.std() == pytest.approx(0.5, rel=0.1)
    assert (one.magnifications == 1).all()
    both = draw_view_errors(
        500, Goniometer(rotation_error_deg=1.0, magnification_error=0.01), 2.0, 7
    )
    np.testing.assert_allclose(both.rotations_deg, 2 * one.rotations_deg)
    assert both.magnifications.std() == pytest.approx(0.01, rel=0.1)
    assert abs(np.corrcoef(both.rotations_deg, both.magnifications)[0, 1]) < 0.15
    assert both.sweep_deg == 2


def test_a_seed_means_what_it_always_meant() -> None:
    """Which numbers a series draws is written down here, apart from the code: a number that moves
    changes every series of every seed."""
    for effect, number in (
        (randomness.ROTATION, 1),
        (randomness.MAGNIFICATION, 2),
        (randomness.SCAN, 3),
        (randomness.BAD_PIXELS, 4),
        (randomness.BEADS, 5),
        (randomness.BRAGG, 6),
        (randomness.GRAINS, 8),
        (randomness.DRIFT, 9),
        (randomness.TILTS, 10),
        (randomness.COUNTS, 11),
        (randomness.FIRST_ELEMENT, 1000),
    ):
        theirs = np.random.default_rng([number, 5]).random(3)
        np.testing.assert_array_equal(generator_of(effect, 5).random(3), theirs)
    stage = Goniometer(4.0, tilt_error_deg=0.3, rotation_error_deg=0.2, magnification_error=0.01)
    session = begin_session(1.0, views=Views(step_deg=6.0), stage=stage, seed=5)
    n, rng = session.angles_deg.size, np.random.default_rng(5)
    tilts = session.angles_deg + 0.3 * rng.normal(size=n)
    np.testing.assert_array_equal(session.geometry.angles_deg, tilts)
    np.testing.assert_array_equal(session.geometry.shifts_px, draw_drift(rng, n, 4.0))
    assert session.rng.random() == rng.random()  # what counting draws comes next
    rotations = 0.2 * np.random.default_rng([1, 5]).normal(size=n)
    np.testing.assert_array_equal(session.applied.rotations_deg, rotations)
    magnifications = 1 + 0.01 * np.random.default_rng([2, 5]).normal(size=n)
    np.testing.assert_array_equal(session.applied.magnifications, magnifications)


def test_every_effect_and_every_seed_draw_on_their_own() -> None:
    draws = {
        (effect, seed): generator_of(effect, seed).random(4).tobytes()
        for effect in (SCAN, BEADS)
        for seed in (0, 1)
    }
    assert len(set(draws.values())) == 4
    assert draws[SCAN, 1] == generator_of(SCAN, 1).random(4).tobytes()
    with pytest.raises(UserError, match="seed=-1"):
        generator_of(SCAN, -1)
