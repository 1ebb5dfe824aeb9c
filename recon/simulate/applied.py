"""What was done to every view beyond its tilt, axis and shift; and where that puts a point of the
specimen in the recorded frames.

With a rotation r and a magnification m of its own, a view shows the aligned position q of equation
(2) in ``geometry.py`` at

    p = m R(axis + r) (q - shift)                                (3)

from the frame's centre: magnification stretches all distances in the recorded frame, and the shift
is in unmagnified pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.geometry import Geometry, axis_rotation, centre, column_of


@dataclass(frozen=True, eq=False)
class Fiducials:
    """Beads, and where they are in every view.

    ``positions_nm``: (bead, 3) as (z, y, x) from the centre of the volume. ``tracks_px``: (tilt,
    bead, 2) as (row, column) of the centre of mass in the recorded frame, counted from the centre
    of its first pixel; beads outside the frame have positions outside it. ``visible``: (tilt, bead)
    bool, centre in the frame and not behind a grid bar. ``overlapped``: (tilt, bead) bool, another
    bead's disc touches this one's. ``diameters_nm``: (bead,); ``diameter_nm``: what they were meant
    to be.
    """

    positions_nm: np.ndarray
    tracks_px: np.ndarray
    visible: np.ndarray
    overlapped: np.ndarray
    diameters_nm: np.ndarray
    diameter_nm: float


@dataclass(frozen=True, eq=False)
class Applied:
    """``rotations_deg``: (tilt,) beyond the axis. ``magnifications``: (tilt,), 1 for none.
    ``sweep_deg``: angle turned during an exposure.

    ``scan_px``: (tilt, y, x, 2) or (tilt, y, 1, 2), by which (dy, dx) the scan missed the pixel it
    wrote. ``bad_pixels``: (y, x) int8, 1 hot and -1 dead. ``bragg``: (tilt, instance) bool,
    instances that met a zone axis. ``shadowed``: (tilt,) share of the frame that a grid bar hid.
    ``collected``: (tilt, detector) share of its solid angle that an X-ray detector saw. None: not
    simulated.
    """

    rotations_deg: np.ndarray
    magnifications: np.ndarray
    sweep_deg: float = 0.0
    scan_px: np.ndarray | None = None
    bad_pixels: np.ndarray | None = None
    bragg: np.ndarray | None = None
    shadowed: np.ndarray | None = None
    collected: np.ndarray | None = None

    @staticmethod
    def nothing(n_views: int) -> Applied:
        return Applied(np.zeros(n_views), np.ones(n_views))


def recorded_positions(
    points_nm: np.ndarray, geometry: Geometry, applied: Applied, shape: tuple[int, int]
) -> np.ndarray:
    """(tilt, n, 2) as (row, column) pixel indices of (n, 3) points (z, y, x) in nm: equations (1)
    and (3).

    A view that sweeps over its angle shows the mean, which is the centre of mass of what a point
    leaves: that of x cos t + z sin t over a sweep w is its value at the middle times sin(w/2) /
    (w/2). Scan errors are not in it.
    """
    pixel = 1.0 if geometry.pixel_nm is None else geometry.pixel_nm
    z, y, x = points_nm.T / pixel
    blur = np.sinc(np.deg2rad(applied.sweep_deg) / (2 * np.pi))
    shifts = np.zeros((geometry.n_views, 2)) if geometry.shifts_px is None else geometry.shifts_px
    out = np.empty((geometry.n_views, len(points_nm), 2))
    for view, angle in enumerate(geometry.angles_deg):
        aligned = np.stack([y, blur * column_of(z, x, angle)], axis=1)
        out[view] = (aligned - shifts[view]) @ recording(geometry.axis_deg, applied, view).T
    return np.asarray(out + np.array([centre(n) for n in shape]))


def recording(axis_deg: float, applied: Applied, view: int) -> np.ndarray:
    """(2, 2) matrix m R(axis + r) of equation (3), on (dy, dx)."""
    return np.asarray(
        applied.magnifications[view] * axis_rotation(axis_deg + applied.rotations_deg[view]).T
    )
