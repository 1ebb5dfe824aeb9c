"""Patches through a series: points are followed, outlines are told from them."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.patches.follow import Followed, as_points, follow_outward, paths
from recon.geometry import column_of

ANGLES = np.arange(-60.0, 61.0, 4.0)


def test_a_path_is_equation_1() -> None:
    points = np.array([[10.0, 3.0, -7.0]])
    path = paths(points, ANGLES)
    np.testing.assert_allclose(path[:, 0, 1], column_of(10.0, -7.0, ANGLES))
    np.testing.assert_allclose(path[:, 0, 0], 3.0)


def test_points_are_told_from_outlines() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-40, 40, (5, 3))
    position = paths(points, ANGLES) + rng.normal(0, 0.1, (ANGLES.size, 5, 2))
    outline = np.tile(
        [0.0, 50.0], (ANGLES.size, 1, 1)
    )  # the limb of a ball: where it is, whatever turns in there
    seen = np.ones((ANGLES.size, 6))
    seen[::3, 0] = 0
    seen[5:, 1] = 0
    found, distance = as_points(Followed(np.concatenate([position, outline], axis=1), seen), ANGLES)
    np.testing.assert_allclose(found[[0, 2, 3, 4]], points[[0, 2, 3, 4]], atol=0.3)
    assert (distance[[0, 2, 3, 4]] < 0.3).all()
    assert np.isinf(distance[1])
    assert distance[5] > 4


def test_blobs_at_different_heights_are_followed_outward() -> None:
    """Nine blobs, each a patch; what is seen lies on their paths, and a view in which one is
    missing is not seen."""
    rng = np.random.default_rng(1)
    points = np.column_stack(
        [rng.uniform(-12, 12, 9), np.repeat([-36.0, 0, 36], 3), np.tile([-36.0, 0, 36], 3)]
    )
    path, pixel = paths(points, ANGLES), np.arange(128) - 63.5
    blobs = (
        np.exp(-((pixel - path[:, :, 0, None]) ** 2) / 8)[..., None]
        * np.exp(-((pixel - path[:, :, 1, None]) ** 2) / 8)[:, :, None]
    )
    blobs[3, 4] = 0
    views = (blobs.sum(1) + rng.normal(0, 0.01, (ANGLES.size, 128, 128))).astype(np.float32)
    low = int(np.argmin(np.abs(ANGLES)))
    found = follow_outward(views, np.ones(views.shape, bool), ANGLES, path[low], 20, 4)
    assert found.seen.mean() > 0.97
    assert not found.seen[3, 4]
    away = np.hypot(*(found.position_px - path)[found.seen].T)
    assert away.mean() < 0.3  # round blobs are no flat film: the cosine stretch draws them a little
    assert away.max() < 1.0


@pytest.mark.parametrize("side", [0, 1])
def test_what_was_not_recorded_is_not_seen(side: int) -> None:
    views = np.random.default_rng(0).normal(size=(5, 64, 64)).astype(np.float32)
    framed = np.ones(views.shape, bool)
    framed[2:, :, 40:] = False
    views[:] = views[0]
    start = np.array([[0.0, -10.0], [0.0, 14.0]])[side : side + 1]
    found = follow_outward(views, framed, np.array([0.0, 0.1, 0.2, 0.3, 0.4]), start, 16, 3)
    assert found.seen[1].all()
    assert found.seen[2:].all() == (side == 0)
