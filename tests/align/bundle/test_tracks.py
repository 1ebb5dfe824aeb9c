"""Tracks check themselves."""

from __future__ import annotations

import numpy as np
import pytest

from recon.align.bundle.tracks import Tracks, fixing_a_bead, from_indices
from recon.errors import UserError

ONE = np.array([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("bead", "view", "position", "says"),
    [
        ([], [], np.zeros((0, 2)), "0 beads"),
        ([0], [0, 1], ONE, "2 views"),
        ([0], [0], np.array([[np.nan, 0.0]]), "bead 0 in view 0"),
        ([0], [7], ONE, "views 0 to 4"),
        ([-1], [0], ONE, "belong together"),
        ([2, 2], [3, 3], np.repeat(ONE, 2, 0), "bead 2 is in view 3 2 times"),
    ],
)
def test_impossible_tracks_are_refused(
    bead: list, view: list, position: np.ndarray, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        Tracks(np.array(bead, int), np.array(view, int), position, 5)


def test_positions_count_from_the_centre() -> None:
    tracks = from_indices(np.array([0]), np.array([0]), np.array([[0.0, 511.0]]), (480, 512), 1)
    assert tracks.position_px[0].tolist() == [-239.5, 255.5]


def test_keep_leaves_the_numbers() -> None:
    tracks = Tracks(np.array([0, 4, 4]), np.array([0, 1, 2]), np.zeros((3, 2)), 3)
    kept = tracks.keep(tracks.view > 0)
    assert kept.bead.tolist() == [4, 4]
    assert kept.n_views == 3
    with pytest.raises(ValueError, match="read-only"):
        kept.position_px[0] = 1


def test_a_bead_needs_three_views_and_some_tilt() -> None:
    tilts = np.array([-60.0, 0.0, 0.5, 1.0, 60.0])
    tracks = Tracks(
        np.array([0, 0, 1, 1, 1, 2, 2, 2]), np.array([0, 4, 1, 2, 3, 0, 1, 4]), np.zeros((8, 2)), 5
    )
    assert fixing_a_bead(tracks, np.ones(8, bool), tilts).tolist() == [False] * 5 + [True] * 3
    assert not fixing_a_bead(tracks, np.array([True] * 7 + [False]), tilts).any()
