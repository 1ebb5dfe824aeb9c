"""Tilt schemes: which angles are recorded, in which order. All return (tilt,) degrees in order of
acquisition."""

from __future__ import annotations

import numpy as np

from recon.errors import UserError


def equal(*, max_tilt_deg: float = 60.0, step_deg: float = 2.0) -> np.ndarray:
    """-max to +max in equal steps, 0 among them."""
    _check(max_tilt_deg, step_deg)
    n = int(max_tilt_deg / step_deg + 1e-9)
    return np.asarray(step_deg * np.arange(-n, n + 1))


def saxton(*, max_tilt_deg: float = 70.0, step_deg: float = 2.0) -> np.ndarray:
    """theta_{n+1} = theta_n + asin(sin theta_0 cos theta_n), both ways from 0; ``step_deg`` is
    theta_0, the step at zero tilt.

    Saxton, Baumeister and Hahn 1984, doi:10.1016/0304-3991(84)90030-4: steps shrink as a slab's
    projected thickness grows.
    """
    _check(max_tilt_deg, step_deg)
    angles, first = [0.0], np.sin(np.deg2rad(step_deg))
    while True:
        following = angles[-1] + float(
            np.rad2deg(np.arcsin(first * np.cos(np.deg2rad(angles[-1]))))
        )
        if following > max_tilt_deg + 1e-9:
            break
        angles.append(following)
    up = np.array(angles)
    return np.concatenate([-up[:0:-1], up])


def dose_symmetric(
    *, max_tilt_deg: float = 60.0, step_deg: float = 3.0, group: int = 1
) -> np.ndarray:
    """0, then ``group`` views on either side in turn, outwards: low tilts while the specimen is
    fresh.

    Hagen, Wan and Briggs 2017, doi:10.1016/j.jsb.2016.06.007.
    """
    _check(max_tilt_deg, step_deg)
    if group < 1:
        raise UserError(f"a group of {group} views given, 1 or more wanted")
    up = step_deg * np.arange(1, int(max_tilt_deg / step_deg + 1e-9) + 1)
    order = [0.0]
    for first in range(0, up.size, group):
        side = up[first : first + group]
        order += [*side, *(-side)]
    return np.array(order)


def with_gaps(angles_deg: np.ndarray, *, missing: int, seed: int = 0) -> np.ndarray:
    """The scheme with ``missing`` views lost at random, as by a blocked beam; the outermost
    stay."""
    if not 0 <= missing <= angles_deg.size - 2:
        raise UserError(
            f"{missing} missing views given for {angles_deg.size}, 0 to {angles_deg.size - 2} "
            f"wanted"
        )
    inner = np.argsort(angles_deg)[1:-1]
    lost = np.random.default_rng(seed).choice(inner, missing, replace=False)
    return np.delete(angles_deg, lost)


def _check(max_tilt_deg: float, step_deg: float) -> None:
    if not 0 < max_tilt_deg <= 90:
        raise UserError(
            f"max_tilt_deg={max_tilt_deg} given, 0 to 90 wanted; beyond 90 a view shows nothing new"
        )
    if not 0 < step_deg <= max_tilt_deg:
        raise UserError(
            f"step_deg={step_deg} given for tilts to {max_tilt_deg}, a positive step that fits "
            f"wanted"
        )
