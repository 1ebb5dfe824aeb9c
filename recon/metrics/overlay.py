"""The truth where a found geometry puts it, and how far that geometry is from the one it was made
in."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from recon.geometry import Geometry, view_freedom
from recon.series import Volume


def overlay(truth: Volume, made: Geometry, found: Geometry, factor: int) -> Volume:
    """The true volume where the found geometry puts it, binned by ``factor``: so that it lies on
    the tomogram voxel by voxel.

    Alignment is free to move the specimen as a whole (``view_freedom``), and to run through the
    axis the other way, which inverts it.
    """
    data = truth.data.numpy()
    error, inverted = _shift_error(made, found, factor)
    if inverted:
        data = data[::-1, ::-1, ::-1]
    t = np.deg2rad(found.angles_deg)
    motion = np.stack([np.sin(t), np.cos(t)], axis=1)
    z, x = np.linalg.lstsq(motion, error[:, 1], rcond=None)[0]
    moved = ndimage.shift(data, (z, error[:, 0].mean(), x), order=3, mode="constant")
    if factor > 1:
        n_z, n_y, n_x = (n // factor for n in moved.shape)
        moved = moved[: n_z * factor, : n_y * factor, : n_x * factor]
        moved = moved.reshape(n_z, factor, n_y, factor, n_x, factor).mean((1, 3, 5))
    voxel = None if truth.voxel_nm is None else truth.voxel_nm * factor
    step = f"moved by ({z:.2f}, {error[:, 0].mean():.2f}, {x:.2f}) voxels onto the tomogram" + (
        ", inverted" if inverted else ""
    )
    return Volume(
        torch.from_numpy(np.maximum(moved, 0).astype(np.float32)),
        voxel,
        truth.name,
        (*truth.history, step),
        truth.unit,
    )


def _shift_error(made: Geometry, found: Geometry, factor: int) -> tuple[np.ndarray, bool]:
    """((tilt, 2) found minus true shifts in raw pixels, whether the axis runs the other way)."""
    shifts = np.zeros((found.n_views, 2)) if found.shifts_px is None else found.shifts_px * factor
    true = np.zeros_like(shifts) if made.shifts_px is None else made.shifts_px
    inverted = abs((found.axis_deg - made.axis_deg + 180) % 360 - 180) > 90
    return shifts - (-true if inverted else true), inverted


def geometry_errors(made: Geometry, found: Geometry, factor: int) -> dict[str, float]:
    """Errors of the found geometry in raw pixels; motions of the whole specimen (``view_freedom``)
    are no errors."""
    axis = (found.axis_deg - made.axis_deg + 90) % 180 - 90
    error, _ = _shift_error(made, found, factor)
    error = error - view_freedom(error, found.angles_deg)
    return {
        "axis_error_deg": round(float(axis), 4),
        "shift_error_px_rms": round(float(np.sqrt((error**2).sum(1).mean())), 4),
    }
