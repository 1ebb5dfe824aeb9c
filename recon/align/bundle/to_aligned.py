"""From the solution to what resampling needs: one affine transform a view, raw pixels to the frame
in which the projector works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.bundle.model import TILT, Cameras, X, Y, matrices

# of the specimen's width: thinner ones are taken as this thick, so that the fit exists at every
# tilt
FLATTEST = 0.02


@dataclass(frozen=True, eq=False)
class Affines:
    """An aligned position is ``q = matrices[v] p + shifts_px[v]``, both (y, x) from their own
    centres.

    ``matrices``: (view, 2, 2) on (dy, dx). ``shifts_px``: (view, 2) as (dy, dx). ``angles_deg``:
    (view,) the solved tilts. ``axis_deg``: mean rotation. ``misfit_px``: (view,) rms distance, over
    the specimen, to where the projector expects it: 0 unless x-tilts vary or the specimen changes.
    """

    matrices: np.ndarray
    shifts_px: np.ndarray
    angles_deg: np.ndarray
    axis_deg: float
    misfit_px: np.ndarray


def to_aligned(cameras: Cameras, beads_px: np.ndarray) -> Affines:
    """The affine transforms that bring views to ``column = x cos t + z sin t`` (``geometry.py``,
    equation (1)) as nearly as can be.

    With P over the specimen, M_v of ``model.py`` and Q_v the wanted projection, ``A_v = Q S M' (M S
    M')^-1`` minimises ``E|A M P - Q P|^2`` for the spread S of the beads (bead, 3) along x, y and
    z. Without x-tilt and strain it is ``R(-r) / m`` exactly. The mean x-tilt is left in the
    specimen.
    """
    offset = beads_px - beads_px.mean(0) if len(beads_px) > 1 else np.ones((1, 3))
    size = np.sqrt((offset**2).mean(0))[::-1]  # (x, y, z)
    width = max(float(size.max()), 1e-9)
    spread = np.diag(np.maximum(size, FLATTEST * width) ** 2)
    m = matrices(cameras)
    t = cameras.parameters[:, TILT]
    lean = np.deg2rad(float(cameras.x_tilt_deg.mean()))
    wanted = np.zeros((len(t), 2, 3))
    wanted[:, 0, 0], wanted[:, 0, 2], wanted[:, 1, 1] = np.cos(t), np.sin(t), 1
    turn = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    wanted = wanted @ turn
    across = m.transpose(0, 2, 1)
    affine = np.linalg.solve(m @ spread @ across, m @ spread @ wanted.transpose(0, 2, 1)).transpose(
        0, 2, 1
    )
    shift = -np.einsum("vij,vj->vi", affine, cameras.parameters[:, [X, Y]])
    left = affine @ m - wanted
    misfit = np.sqrt(np.maximum(np.einsum("vij,jk,vik->v", left, spread, left), 0))
    return Affines(
        np.ascontiguousarray(affine[:, ::-1, ::-1]),
        np.ascontiguousarray(shift[:, ::-1]),
        cameras.tilt_deg,
        float(cameras.rotation_deg.mean()),
        misfit,
    )
