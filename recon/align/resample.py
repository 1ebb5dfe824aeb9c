"""The one interpolation of the whole run: every view by one affine transform, from its raw
pixels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage

from recon.geometry import Geometry, axis_rotation, centre
from recon.progress import track_each
from recon.series import TiltSeries

WHOLLY = 0.99  # of what a pixel was interpolated from must be measured


def resample(
    series: TiltSeries, *, matrices: np.ndarray | None = None, threads: int = 1
) -> TiltSeries:
    """Bring the tilt axis to +y and every view to its aligned position: equation (2) of
    ``geometry.py``, cubic splines.

    ``matrices``: (tilt, 2, 2) on (dy, dx) in place of the one rotation, where views differ (see
    ``warp``); None: the geometry's.

    The result has ``axis_deg = 0`` and no shifts. A frame that lies on its side (axis nearer to
    horizontal) is turned by exactly 90 degrees first, which moves no value; with no angle and no
    shift left the pixels are not touched at all.
    """
    geometry = series.geometry
    matrices = geometry.matrices if matrices is None else matrices
    shifts = np.zeros((geometry.n_views, 2)) if geometry.shifts_px is None else geometry.shifts_px
    data = warp(
        series.data.numpy(), geometry.axis_deg, shifts, matrices=matrices, order=3, threads=threads
    )
    aligned = Geometry(geometry.angles_deg, geometry.pixel_nm)
    own = "" if matrices is None else ", each scaled and turned by a little more,"
    step = (
        f"views rotated by {-geometry.axis_deg:+.3f} deg{own} and shifted in one cubic "
        f"interpolation; the tilt axis is y"
    )
    precision = None
    if series.precision is not None:
        seen = warp(
            series.precision.numpy(),
            geometry.axis_deg,
            shifts,
            matrices=matrices,
            order=1,
            threads=threads,
        )
        precision = torch.from_numpy((seen > WHOLLY).astype(np.float32))
    moved = replace(series, data=torch.from_numpy(data), precision=precision)
    return moved.after(step, geometry=aligned)


def quarter_turns(axis_deg: float) -> int:
    """How many exact 90-degree turns of equation (2) bring the axis nearest to vertical."""
    return round(axis_deg / 90)


def warp(
    stack: np.ndarray,
    axis_deg: float,
    shifts_px: np.ndarray,
    *,
    matrices: np.ndarray | None = None,
    order: int = 1,
    threads: int = 1,
) -> np.ndarray:
    """(tilt, y, x) raw views -> aligned views. ``shifts_px``: (tilt, 2) as (dy, dx), added after
    the rotation.

    ``matrices``: (tilt, 2, 2) on (dy, dx), in place of the one rotation of equation (2) where views
    differ in rotation or magnification (``recon/align/bundle``); ``axis_deg``, near theirs, then
    only says which exact quarter turn comes first.

    Outside the raw image the border value goes on for the half pixel that rotation uncovers, then
    zero.
    """
    turns = quarter_turns(axis_deg)
    # np.rot90 by +1 sends q_y = -p_x, q_x = p_y, which is R(-90) of equation (2) for an axis at +90
    # degrees.
    turned = np.rot90(stack, turns, axes=(1, 2))
    # What is left to do after the quarter turn: one rotation for all views, or each view's own
    # matrix.
    one = axis_rotation(axis_deg - 90 * turns)
    own = (
        np.broadcast_to(one, (len(stack), 2, 2))
        if matrices is None
        else matrices @ axis_rotation(90 * turns).T
    )
    back = np.linalg.inv(own)
    out = np.empty(turned.shape, np.float32)
    middle = np.array([centre(turned.shape[1]), centre(turned.shape[2])])

    def view(t: int) -> None:
        if np.abs(own[t] - np.eye(2)).max() < 1e-10 and not shifts_px[t].any():
            out[t] = turned[t]
            return
        # scipy maps output to input: p = A^-1 (q - shift)
        offset = middle - back[t] @ (middle + shifts_px[t])
        ndimage.affine_transform(
            turned[t], back[t], offset=offset, order=order, mode="constant", output=out[t]
        )

    with ThreadPoolExecutor(threads) as pool:
        for _ in track_each("resampling", pool.map(view, range(len(turned))), len(turned)):
            pass
    return out


def noise_gain(geometry: Geometry, size: int = 64) -> float:
    """What ``resample`` leaves of white noise: the rms of unit noise after the same rotation and
    sub-pixel shifts.

    Interpolation smooths noise, and smooth noise can no longer be told from structure afterwards;
    so noise is measured before.
    """
    shifts = (
        np.zeros((geometry.n_views, 2)) if geometry.shifts_px is None else geometry.shifts_px % 1
    )
    noise = np.random.default_rng(0).normal(size=(geometry.n_views, size, size)).astype(np.float32)
    moved = warp(noise, geometry.axis_deg, shifts, order=3)
    inner = slice(size // 4, -size // 4)
    return float(np.sqrt((moved[:, inner, inner].astype(np.float64) ** 2).mean()))
