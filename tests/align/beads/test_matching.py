"""Matches survive what real views do: jumps, missing points, clutter, rotation and stretch."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.beads.matching import affine, match_mutually, match_points, similarity, voted_shift


def test_votes_find_a_jump_among_clutter() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(-250, 250, (40, 2))
    b = np.vstack(
        [
            a[:25] + np.array([37.0, -58.0]) + rng.normal(scale=0.5, size=(25, 2)),
            rng.uniform(-250, 250, (20, 2)),
        ]
    )
    shift, votes = voted_shift(a, b, within_px=3.0, reach_px=100.0)
    np.testing.assert_allclose(shift, [37, -58], atol=0.5)
    assert votes >= 22
    assert (
        voted_shift(a, b, within_px=3.0, reach_px=30.0)[1] < 10
    )  # not within reach: no false certainty


def test_rotated_and_stretched_views_are_matched() -> None:
    rng = np.random.default_rng(1)
    a = rng.uniform(-250, 250, (50, 2))
    t = np.deg2rad(1.5)
    wanted = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) @ np.diag([1.01, 0.95])
    order = rng.permutation(50)[:42]
    b = a[order] @ wanted.T + [12.0, -7.0]
    pairs, matrix, shift = match_points(a, b, within_px=6.0, reach_px=60.0)
    assert (order[pairs[:, 1]] == pairs[:, 0]).mean() > 0.95
    assert len(pairs) > 38
    np.testing.assert_allclose(matrix, wanted, atol=0.01)
    np.testing.assert_allclose(shift, [12, -7], atol=1.0)


@pytest.mark.parametrize("kind", [similarity, affine])
def test_exact_maps_are_recovered(kind) -> None:
    a = np.random.default_rng(2).normal(size=(9, 2))
    t = 0.3
    turn = 1.2 * np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    matrix, shift = kind(a, a @ turn.T + [3.0, 4.0])
    np.testing.assert_allclose(matrix, turn, atol=1e-9)
    np.testing.assert_allclose(shift, [3, 4], atol=1e-9)


def test_nearest_neighbours_are_mutual() -> None:
    a, b = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.4, 0.0], [9.0, 9.0]])
    assert match_mutually(a, b, 2.0).tolist() == [[0, 0]]
    assert len(match_mutually(a, np.zeros((0, 2)), 2.0)) == 0
