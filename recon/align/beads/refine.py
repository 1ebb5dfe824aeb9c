"""Every bead measured where the solution says it is, in every view; what does not fit is measured
again, then left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from recon.align.beads.measure import Measured, measure
from recon.align.beads.profile import Profile
from recon.align.bundle.model import Cameras, project
from recon.align.bundle.tracks import Tracks, from_indices
from recon.geometry import centre
from recon.progress import track_each

HEIGHT = (0.35, 2.5)  # of the bead's median over the views: between, it is the same bead
LEAST_CORRELATION = 0.4
WORST_ERROR_PX = 0.7
OUTSIDE = 0.1  # diameters beyond the frame that a bead's centre may be


@dataclass(frozen=True, eq=False)
class Sightings:
    """What was measured: one entry an observation. ``bead``, ``view``: (obs,). ``index_px``: (obs,
    2) row and column.

    ``height``, ``correlation``, ``error_px``: (obs,) as ``measure.py``.
    """

    bead: np.ndarray
    view: np.ndarray
    index_px: np.ndarray
    height: np.ndarray
    correlation: np.ndarray
    error_px: np.ndarray

    def keep(self, chosen: np.ndarray) -> Sightings:
        parts = (self.bead, self.view, self.index_px, self.height, self.correlation, self.error_px)
        return Sightings(*(part[chosen] for part in parts))

    def tracks(self, shape: tuple[int, int], n_views: int) -> Tracks:
        return from_indices(self.bead, self.view, self.index_px, shape, n_views)


def measure_sightings(
    stack: np.ndarray,
    cameras: Cameras,
    beads_px: np.ndarray,
    profile: Profile,
    *,
    within_px: float,
    threads: int = 1,
) -> Sightings:
    """Beads (bead, 3), as (z, y, x), looked for in all views (tilt, y, x), at most ``within_px``
    from where ``cameras`` show them.

    An observation counts when it looks like the bead: not much fainter or taller than in the bead's
    other views, as behind a bar or under another bead, and sharp enough to be placed. Two beads
    that end at one place: neither counts there.
    """
    shape = np.array(stack.shape[1:])
    where = project(cameras, beads_px) + [centre(int(n)) for n in shape]  # (view, bead, 2)
    margin = OUTSIDE * profile.diameter_px + 0.5
    there = np.asarray(((where > -margin) & (where < shape - 1 + margin)).all(2))

    def one(view: int) -> Measured:
        return measure(stack[view], where[view][there[view]], profile)

    with ThreadPoolExecutor(threads) as pool:
        views = pool.map(one, range(len(stack)))
        found = list(track_each("measuring beads", views, len(stack)))
    view, bead = np.nonzero(there)
    index = np.concatenate([m.index_px for m in found])
    height, correlation, error = (
        np.concatenate([getattr(m, n) for m in found])
        for n in ("height", "correlation", "error_px")
    )
    good = (
        (np.hypot(*(index - where[there]).T) <= within_px)
        & (error <= WORST_ERROR_PX)
        & (correlation >= LEAST_CORRELATION)
    )
    # Centres in the frame only: from beyond it less than half of a bead shows, and it pulls
    # inwards.
    good &= ((index > -0.5) & (index < shape - 0.5)).all(1)
    for b in np.unique(bead[good]):
        mine = bead == b
        usual = np.median(height[mine & good])
        good &= ~mine | ((height > HEIGHT[0] * usual) & (height < HEIGHT[1] * usual))
    for v in range(len(stack)):
        mine = np.flatnonzero((view == v) & good)
        gap = np.hypot(*(index[mine, None] - index[None, mine]).transpose(2, 0, 1)) + 1e9 * np.eye(
            len(mine)
        )
        if len(mine) > 1:
            good[mine[gap.min(1) < 0.25 * profile.diameter_px]] = False
    return Sightings(bead, view, index, height, correlation, error).keep(good)
