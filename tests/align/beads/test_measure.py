"""Positions to a tenth of a pixel, alone, crowded and cut by the frame."""

from __future__ import annotations

import numpy as np

from recon.align.beads.measure import measure
from recon.align.beads.profile import find_profile
from tests.align.beads.test_candidates import AT


def test_lone_beads_are_placed_to_a_twentieth_of_a_pixel(drawn) -> None:
    view = drawn(AT)
    start = AT + np.random.default_rng(0).uniform(-1.5, 1.5, AT.shape)
    found = measure(view, start, find_profile(view[None], np.zeros(1)))
    error = found.index_px - AT
    assert np.sqrt((error**2).mean()) < 0.05
    # The stated error bars are those of the errors, within a factor of two.
    assert 0.5 < np.sqrt((error**2).mean()) / found.error_px.mean() < 2
    assert found.correlation.min() > 0.9


def test_neighbours_are_taken_off(drawn) -> None:
    pair = np.array([[80.0, 100.0], [83.0, 105.5]])  # 6.3 pixels apart, 10 pixels wide each
    at = np.vstack([AT[:6], pair])
    view = drawn(at)
    found = measure(view, at + 0.8, find_profile(view[None], np.zeros(1)))
    assert np.hypot(*(found.index_px - at)[-2:].T).max() < 0.2
    alone = measure(view, at[-2:-1] + 0.8, find_profile(view[None], np.zeros(1)))
    assert (
        np.hypot(*(alone.index_px - at[-2]).T)[0] > 0.3
    )  # without knowing of the other one it is pulled


def test_half_a_bead_is_placed_and_none_is_not(drawn) -> None:
    at = np.vstack([AT, [[0.5, 100.0]]])
    view = drawn(at)
    profile = find_profile(view[None], np.zeros(1))
    found = measure(view, np.vstack([at, [[-12.0, 50.0], [140.0, 30.0]]]), profile)
    assert np.hypot(*(found.index_px - np.vstack([at, [[0, 0], [0, 0]]]))[len(at) - 1]) < 0.3
    assert np.isinf(found.error_px[-2])  # outside the frame
    assert found.correlation[-1] < 0.4  # nothing is there


def test_no_beads_are_no_error(drawn) -> None:
    view = drawn(AT)
    assert len(measure(view, np.zeros((0, 2)), find_profile(view[None], np.zeros(1))).height) == 0
