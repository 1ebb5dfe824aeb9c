"""Withheld views as the judge of a geometry: how well views that a reconstruction has not seen are
predicted when the tilt axis and the shifts are so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from recon.algorithms.sirt import sirt
from recon.algorithms.withheld import find_busiest, withheld_views
from recon.align.resample import warp
from recon.geometry import Geometry, centre
from recon.projectors.native import NativeProjector

ITERATIONS = 30
SMOOTH_PX, BACKGROUND_PX = 1.0, 4.0
EVERY = 5
FEWEST_VIEWS = EVERY + 2


@dataclass(frozen=True, eq=False)
class Judge:
    """``views``: (tilt, y, x) raw, smoothed alike, so that a geometry that interpolates gains
    nothing by the smoothing. ``filled``: the specimen goes on beyond the frame.
    ``rows``: how many of the busiest aligned rows are looked at; None: all.
    """

    views: np.ndarray
    angles_deg: np.ndarray
    filled: bool
    rows: int | None = None
    threads: int = 1

    def error(self, axis_deg: float, shifts_px: np.ndarray) -> float:
        """||y - A x|| / ||y|| over every fifth view, x from the others by ``ITERATIONS`` of SIRT,
        inside the disc that every axis shows.

        ``shifts_px``: (tilt, 2). What a shift brings in from outside the frame is not counted. A
        specimen in vacuum has no negative density; one that fills the frame has been freed of its
        mean, and its volume is as wide as its rays need.
        """
        shown = [
            warp(stack, axis_deg, shifts_px, order=1, threads=self.threads)
            for stack in (self.views, np.ones_like(self.views))
        ]
        n_y, n_x = shown[0].shape[1:]
        y, x = np.arange(n_y) - centre(n_y), np.arange(n_x) - centre(n_x)
        disc = np.hypot(y[:, None], x[None]) < min(n_y, n_x) / 2 - 2
        counted = torch.from_numpy((shown[1] > 0.99) & disc)
        views = torch.from_numpy(shown[0])
        if self.rows is not None:
            rows = find_busiest(views * counted, self.rows)
            views, counted = views[:, rows], counted[:, rows]
        kept, held = (list(part) for part in withheld_views(self.angles_deg, EVERY))
        A = NativeProjector(
            Geometry(self.angles_deg, None), (n_x, 2 * n_x if self.filled else n_x), n_x
        )
        volume = sirt(
            A.views(np.array(kept)),
            views[kept],
            n_iterations=ITERATIONS,
            minimum=None if self.filled else 0.0,
        )
        wrong = (A.views(np.array(held))(volume) - views[held]) * counted[held]
        power = torch.linalg.vector_norm((views[held] * counted[held]).double())
        return float(torch.linalg.vector_norm(wrong.double()) / torch.clamp(power, min=1e-30))


def make_judge(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    *,
    filled: bool,
    rows: int | None = None,
    threads: int = 1,
) -> Judge:
    """``stack``: (tilt, y, x) raw, its surroundings at zero."""
    low = (0.0, SMOOTH_PX, SMOOTH_PX)
    views = ndimage.gaussian_filter(stack, low, mode="nearest")
    if filled:
        high = (0.0, BACKGROUND_PX, BACKGROUND_PX)
        views = views - ndimage.gaussian_filter(stack, high, mode="nearest")
    return Judge(views, angles_deg, filled, rows, threads)
