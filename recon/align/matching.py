"""Reprojection matching: align every view to what the reconstruction from all views predicts for
it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from recon.algorithms.sirt import sirt
from recon.align.axis import edge_window
from recon.align.resample import warp
from recon.align.shifts import band_pass, shift_between
from recon.geometry import Geometry, view_freedom
from recon.progress import track
from recon.projectors.native import NativeProjector


@dataclass(frozen=True)
class Match:
    """``shifts_px``: (tilt, 2). ``residual``: ||y - A x|| / ||y||. ``error_px``: (tilt,) distance
    of each view from its prediction."""

    shifts_px: np.ndarray
    residual: float
    error_px: np.ndarray


def match_reprojections(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    axis_deg: float,
    shifts_px: np.ndarray,
    *,
    rounds: int,
    matrices: np.ndarray | None = None,
    tolerance_px: float = 0.03,
    threads: int = 1,
) -> Match:
    """Alternate a short SIRT (15 iterations: too smooth to reproduce a misplaced view) and a shift
    of each view to its prediction.

    ``stack``: (tilt, y, x) raw. ``matrices``: (tilt, 2, 2) where views differ, as ``warp`` takes
    them; they stay. A round is kept while it lowers the residual by more than a thousandth; ends
    early once the shifts change by less than ``tolerance_px`` rms. The shifts' mean along y and
    their cos t and sin t parts along x only move the specimen in the volume, and are left as they
    were.
    """
    with track("matching reprojections", 1 + rounds) as phase:
        with phase.part():
            best = _predict(stack, angles_deg, axis_deg, shifts_px, matrices, threads)
        for _ in range(rounds):
            step = best[1] - view_freedom(best[1], angles_deg)
            shifts = best[0].shifts_px + step
            with phase.part():
                tried = _predict(stack, angles_deg, axis_deg, shifts, matrices, threads)
            if tried[0].residual > 0.999 * best[0].residual:
                break
            best = tried
            if float(np.sqrt((step**2).mean())) < tolerance_px:
                break
    return best[0]


def reproject(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    axis_deg: float,
    shifts_px: np.ndarray,
    matrices: np.ndarray | None = None,
    *,
    threads: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Aligned views (tilt, y, x), and what a short SIRT of them predicts for each."""
    with track("reprojecting", 10) as phase:
        views = warp(stack, axis_deg, shifts_px, matrices=matrices, order=1, threads=threads)
        phase.advance()
        A = NativeProjector(
            Geometry(angles_deg, None), (views.shape[2], views.shape[2]), views.shape[2]
        )
        y = torch.from_numpy(views)
        with phase.part(9):
            return y, A(sirt(A, y, n_iterations=15))


def _predict(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    axis_deg: float,
    shifts_px: np.ndarray,
    matrices: np.ndarray | None,
    threads: int,
) -> tuple[Match, np.ndarray]:
    """Reconstruct, reproject, and measure how far each view lies from its reprojection: (match,
    (tilt, 2) steps to add)."""
    y, predicted = reproject(stack, angles_deg, axis_deg, shifts_px, matrices, threads=threads)
    n_y, n_x = y.shape[1:]
    residual = float(torch.linalg.vector_norm(y - predicted) / torch.linalg.vector_norm(y))
    window, pass_band = edge_window((n_y, n_x), 8), band_pass((n_y, n_x))
    step = np.stack(
        [
            shift_between(p.numpy(), v, pass_band, window)
            for p, v in zip(predicted, y.numpy(), strict=True)
        ]
    )
    # A jump far beyond the others is a false peak (an empty or occluded view), not a shift.
    far = np.hypot(*step.T) > 3 + 6 * np.median(np.hypot(*step.T))
    step[far] = 0
    own = step - view_freedom(step, angles_deg)
    return Match(shifts_px, residual, np.hypot(*own.T)), step
