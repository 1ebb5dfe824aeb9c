"""Where beads (or patches) were seen: ragged tracks through the views."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recon.errors import UserError
from recon.geometry import centre

FEWEST_VIEWS = (
    3  # a bead in fewer views fits itself: two views give four numbers for its three coordinates
)
LEAST_TILT_RANGE_DEG = 2.0  # views at one tilt do not tell a bead's height


@dataclass(frozen=True, eq=False)
class Tracks:
    """One entry an observation; a bead that was not seen in a view has none there.

    ``bead``, ``view``: (obs,) indices from 0. ``position_px``: (obs, 2) as (y, x) in raw pixels,
    **from the centre of the image**. ``n_views``: of the series, seen or not.

    Raises ``UserError`` for arrays of different lengths, positions that are not finite, indices out
    of range, or a bead seen twice in one view.
    """

    bead: np.ndarray
    view: np.ndarray
    position_px: np.ndarray
    n_views: int

    def __post_init__(self) -> None:
        bead, view = np.array(self.bead, np.intp), np.array(self.view, np.intp)
        position = np.array(self.position_px, np.float64)
        if (
            bead.ndim != 1
            or bead.size == 0
            or view.shape != bead.shape
            or position.shape != (bead.size, 2)
        ):
            raise UserError(
                f"{bead.size} beads, {view.size} views and positions of shape {position.shape} "
                f"given, one bead, one view and one (y, x) "
                "per observation wanted; check the track file"
            )
        if not np.isfinite(position).all():
            first = int(np.flatnonzero(~np.isfinite(position).all(1))[0])
            raise UserError(
                f"the position of bead {bead[first]} in view {view[first]} is not finite; leave "
                f"the observation out"
            )
        if bead.min() < 0 or view.min() < 0 or view.max() >= self.n_views:
            raise UserError(
                f"tracks name views {view.min()} to {view.max()} but the series has views 0 to "
                f"{self.n_views - 1}; "
                "check that tracks and series belong together"
            )
        pairs, count = np.unique(np.stack([bead, view]), axis=1, return_counts=True)
        if count.max() > 1:
            twice = pairs[:, int(np.argmax(count))]
            raise UserError(
                f"bead {twice[0]} is in view {twice[1]} {count.max()} times, once wanted; keep the "
                f"better observation"
            )
        for name, array in (("bead", bead), ("view", view), ("position_px", position)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n_beads(self) -> int:
        return int(self.bead.max()) + 1

    def keep(self, chosen: np.ndarray) -> Tracks:
        """The observations of a (obs,) mask; beads and views keep their indices."""
        return replace(
            self,
            bead=self.bead[chosen],
            view=self.view[chosen],
            position_px=self.position_px[chosen],
        )


def from_indices(
    bead: np.ndarray, view: np.ndarray, index_px: np.ndarray, shape: tuple[int, int], n_views: int
) -> Tracks:
    """Tracks from (obs, 2) pixel indices (row, column), pixel centres on integers, in images of
    ``shape`` (y, x)."""
    return Tracks(
        bead, view, np.asarray(index_px, np.float64) - [centre(shape[0]), centre(shape[1])], n_views
    )


def fixing_a_bead(tracks: Tracks, wanted: np.ndarray, tilt_deg: np.ndarray) -> np.ndarray:
    """(obs,) the part of the mask ``wanted`` whose beads it shows in ``FEWEST_VIEWS`` views or
    more, tilted enough to tell their height."""
    bead, tilt = tracks.bead[wanted], np.asarray(tilt_deg)[tracks.view[wanted]]
    seen = np.bincount(bead, minlength=tracks.n_beads)
    low, high = np.full(tracks.n_beads, np.inf), np.full(tracks.n_beads, -np.inf)
    np.minimum.at(low, bead, tilt)
    np.maximum.at(high, bead, tilt)
    enough = (seen >= FEWEST_VIEWS) & (high - low >= LEAST_TILT_RANGE_DEG)
    return np.asarray(wanted & enough[tracks.bead])
