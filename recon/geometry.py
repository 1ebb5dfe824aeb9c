"""Every axis, sign, origin and centre convention of the engine, once.

Projections are ``(tilt, y, x)``, volumes ``(z, y, x)``, vectors ``(dy, dx)``. **y runs along the
tilt axis.** The origin is the centre of the array, pixel index ``(n - 1) / 2``; pixel centres lie
on integers. A point (z, y, x) from the centre, at tilt t, lands in row y and column

    column = x cos t + z sin t                                   (1)

(IMOD's ``q_x = X cos t + Z sin t``).

**Alignment** maps a raw position p to an aligned position q, both (y, x) from their own centres:

    q = R(-axis) p + shift,    with the axis along  (dy, dx) = (cos axis, -sin axis)  in the raw image      (2)

so that after it the tilt axis is vertical. Seen with y upwards (as IMOD shows images) ``axis_deg``
counts counter-clockwise from +y, and the matrix acting on (x, y) is ``[[cos a, sin a], [-sin a, cos
a]]``, the one in an IMOD ``.xf`` line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.errors import UserError


def centre(n: int) -> float:
    """Index of the centre of an axis of n pixels."""
    return (n - 1) / 2


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the views of a tilt series were taken from.

    ``angles_deg``: (tilt,) float64, in file order. ``pixel_nm``: detector pixel, or None when no
    source said it. ``axis_deg``: tilt axis, counter-clockwise from the detector's +y.
    ``shifts_px``: (tilt, 2) as (dy, dx), to add after the rotation of equation (2); None stands for
    zero. ``matrices``: (tilt, 2, 2) on (dy, dx), in place of that rotation where views were found
    to differ in rotation or magnification; ``axis_deg`` is then their mean.

    Raises ``UserError`` for angles that are empty, not finite, in radians, or shifts of another
    length.
    """

    angles_deg: np.ndarray
    pixel_nm: float | None = None
    axis_deg: float = 0.0
    shifts_px: np.ndarray | None = None
    matrices: np.ndarray | None = None

    def __post_init__(self) -> None:
        angles = np.array(self.angles_deg, dtype=np.float64)
        if angles.ndim != 1 or angles.size == 0:
            raise UserError(
                f"tilt angles of shape {angles.shape} given, one angle per view wanted; pass a "
                f"flat list"
            )
        if not np.isfinite(angles).all():
            raise UserError(
                f"tilt angle {int(np.flatnonzero(~np.isfinite(angles))[0])} is "
                f"{angles[~np.isfinite(angles)][0]}, "
                "finite degrees wanted; correct the angle file or pass angles=..."
            )
        object.__setattr__(self, "angles_deg", _frozen(angles))
        if self.pixel_nm is not None and not (np.isfinite(self.pixel_nm) and self.pixel_nm > 0):
            raise UserError(
                f"pixel size {self.pixel_nm} nm given, a positive number wanted; pass pixel_nm=..."
            )
        if self.shifts_px is not None:
            shifts = np.array(self.shifts_px, dtype=np.float64)
            if shifts.shape != (angles.size, 2) or not np.isfinite(shifts).all():
                raise UserError(
                    f"shifts of shape {shifts.shape} given, ({angles.size}, 2) finite (dy, dx) "
                    f"wanted; align the series again"
                )
            object.__setattr__(self, "shifts_px", _frozen(shifts))
        if self.matrices is not None:
            matrices = np.array(self.matrices, dtype=np.float64)
            if matrices.shape != (angles.size, 2, 2) or not (
                np.isfinite(matrices).all() and (np.linalg.det(matrices) > 0).all()
            ):
                raise UserError(
                    f"view matrices of shape {matrices.shape} given, ({angles.size}, 2, 2) of "
                    f"positive determinant wanted; align the series again"
                )
            object.__setattr__(self, "matrices", _frozen(matrices))

    @property
    def n_views(self) -> int:
        return int(self.angles_deg.size)


def axis_rotation(axis_deg: float) -> np.ndarray:
    """(2, 2) matrix on (dy, dx) vectors that turns the raw tilt axis onto +y: R(-axis) of equation
    (2)."""
    a = np.deg2rad(axis_deg)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def column_of(
    z: np.ndarray | float, x: np.ndarray | float, angle_deg: np.ndarray | float
) -> np.ndarray:
    """Equation (1): detector column, from the centre, of a point at (z, x) from the centre."""
    t = np.deg2rad(angle_deg)
    return np.asarray(x * np.cos(t) + z * np.sin(t))


def axis_in_view(geometry: Geometry, view: int) -> tuple[np.ndarray, np.ndarray]:
    """((2,) point, (2,) direction), both (dy, dx) from the centre of a raw view: the line that
    equation (2), with the view's own shift, puts on the middle column."""
    turned = (
        axis_rotation(geometry.axis_deg) if geometry.matrices is None else geometry.matrices[view]
    )
    shift = np.zeros(2) if geometry.shifts_px is None else geometry.shifts_px[view]
    back = np.linalg.inv(turned)
    # Along the axis nothing is fixed: the point opposite to the centre of the view.
    return back @ np.array([0.0, -shift[1]]), back @ np.array([1.0, 0.0])


def nearest_to_zero(geometry: Geometry) -> int:
    """The view of the least tilt."""
    return int(np.argmin(np.abs(geometry.angles_deg)))


def view_freedom(shifts_px: np.ndarray, angles_deg: np.ndarray) -> np.ndarray:
    """The part of (tilt, 2) shifts (dy, dx) that only moves the whole specimen: constant in y, cos
    t and sin t in x.

    By equation (1) it moves every point by the same (z, y, x); no projection can tell it from
    another position of the volume.
    """
    t = np.deg2rad(angles_deg)
    motion = np.stack([np.cos(t), np.sin(t)], axis=1)
    along_x = motion @ np.linalg.lstsq(motion, shifts_px[:, 1], rcond=None)[0]
    return np.stack([np.full(len(t), shifts_px[:, 0].mean()), along_x], axis=1)


def view_weights_deg(angles_deg: np.ndarray) -> np.ndarray:
    """The angular range that each view stands for, in degrees: half the gaps to its two neighbours.

    The outermost views of a wedge (or on the shores of a hole) get their one inner gap, so ``n``
    equal steps weigh ``n * step`` in all, and a full 180-degree range closes on itself. Views at
    the same angle share their part. The sum is the range of angles measured.
    """
    turned = np.mod(angles_deg, 180.0)
    unique, inverse, count = np.unique(np.round(turned, 9), return_inverse=True, return_counts=True)
    if unique.size == 1:
        return np.full(angles_deg.size, 180.0 / angles_deg.size)
    gaps = np.diff(
        np.concatenate([unique, unique[:1] + 180.0])
    )  # gap after each unique angle, the last one wraps
    left, right = np.roll(gaps, 1), gaps.copy()
    # A gap that is no ordinary step was not measured: the missing wedge, or a hole. Its shores get
    # their inner gaps instead.
    largest, others = int(np.argmax(gaps)), np.sort(gaps)[:-1]
    missing = gaps > 3 * np.median(gaps)
    missing[largest] |= gaps[largest] > 1.5 * others[-1]
    if not missing.all():
        for k in np.flatnonzero(missing):
            after = (k + 1) % gaps.size
            if not missing[k - 1]:
                right[k] = gaps[k - 1]
            if not missing[after]:
                left[after] = gaps[after]
    weights = (left + right) / 2
    return np.asarray((weights / count)[inverse])


def take_views(geometry: Geometry, index: np.ndarray) -> Geometry:
    """The geometry of some views, in the order of ``index``."""
    shifts = None if geometry.shifts_px is None else geometry.shifts_px[index]
    matrices = None if geometry.matrices is None else geometry.matrices[index]
    return Geometry(
        geometry.angles_deg[index], geometry.pixel_nm, geometry.axis_deg, shifts, matrices
    )


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
