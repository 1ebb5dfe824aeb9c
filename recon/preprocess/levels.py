"""What zero means and how bright each view is: vacuum level, -log, one mean for all views."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from recon.errors import UserError
from recon.series import TiltSeries

Background = Literal["auto", "none", "plane"] | float
Normalise = Literal["none", "mean"]


def vacuum_levels(stack: np.ndarray, block: int = 8) -> tuple[np.ndarray, bool]:
    """((tilt,) level of the darkest parts of each view, whether they look like vacuum).

    The level is the middle of the darkest population of the means of ``block``-pixel squares, which
    is as wide as the noise within the squares makes it: their lowest percentile would lie two
    standard deviations below it, which is much at a count per pixel. It is vacuum when a sizeable
    part of the view (15 %) is as dark, within a tenth of the view's range or within the noise of
    the means, and something stands out of it, in nine views of ten.
    """
    ny, nx = (max(1, n // block) for n in stack.shape[1:])
    by, bx = stack.shape[1] // ny, stack.shape[2] // nx
    squares = (
        stack[:, : ny * by, : nx * bx]
        .reshape(len(stack), ny, by, nx, bx)
        .transpose(0, 1, 3, 2, 4)
        .reshape(len(stack), ny * nx, by * bx)
    )
    found = [_darkest(view) for view in squares]
    return np.array([level for level, _ in found]), bool(np.mean([v for _, v in found]) >= 0.9)


def _darkest(squares: np.ndarray) -> tuple[float, bool]:
    """(level, whether it looks like vacuum) of the (square, pixel) values of one view."""
    means = squares.mean(1, dtype=np.float64)
    dark = np.argsort(means)[: max(1, len(means) // 10)]
    noise = float(np.sqrt(squares[dark].var(1, dtype=np.float64).mean() / squares.shape[1]))
    level = float(np.quantile(means, 0.02)) + 2 * noise
    for _ in range(10):
        near = means[np.abs(means - level) <= 2.5 * noise]
        moved = float(np.median(near)) if near.size else level
        if abs(moved - level) < 0.01 * noise or near.size == 0:
            break
        level = moved
    if not noise > 0:
        level = float(np.quantile(means, 0.02))
    span = float(means.max()) - level
    share = float((means < level + max(0.1 * span, 3 * noise)).mean())
    return level, share > 0.15 and span > max(6 * noise, 0.0)


def minus_background(series: TiltSeries, background: Background) -> TiltSeries:
    stack = series.data.numpy()
    if background == "plane":
        return _minus_plane(series)
    if background == "auto":
        level, vacuum = vacuum_levels(stack)
        if not vacuum:
            low = (
                float(np.quantile(stack, 1e-3))
                if stack.size < 1 << 24
                else float(np.quantile(stack[:, ::4, ::4], 1e-3))
            )
            level = np.full(len(stack), min(low, 0.0))
        how = (
            "each view's vacuum level"
            if vacuum
            else (
                "the stack's minimum, because no vacuum is in view,"
                if level[0] < 0
                else "nothing: no vacuum is in view and no value is negative,"
            )
        )
    else:
        level, how = np.full(len(stack), float(background)), "the background as given,"
    step = f"subtracted {how} {level.min():.6g} to {level.max():.6g}"
    data = torch.from_numpy(stack - level[:, None, None].astype(np.float32))
    return series.after(
        step,
        data=data,
        facts={"background": {"how": how.rstrip(","), "per_view": level.round(4).tolist()}},
    )


def _minus_plane(series: TiltSeries) -> TiltSeries:
    """A plane through the dark part of each view: what lies above zero all over (liquid, ice, a
    support) and leans with the tilt would leave a ring at the rim of the volume."""
    data = series.data.numpy().copy()
    y, x = np.mgrid[: data.shape[1], : data.shape[2]].astype(np.float32)
    levels = []
    for view in data:
        plane = dark_plane(view)
        view -= plane[0] + plane[1] * y + plane[2] * x
        levels.append(float(plane[0] + plane[1] * y.mean() + plane[2] * x.mean()))
    return series.after(
        f"subtracted a plane from each view, {min(levels):.6g} to {max(levels):.6g} in its middle",
        data=torch.from_numpy(data),
        facts={"background": {"how": "a plane", "per_view": np.round(levels, 4).tolist()}},
    )


def dark_plane(view: np.ndarray, block: int = 8) -> np.ndarray:
    """(constant, per row, per column) of the plane through the darkest part of a view (y, x): least
    squares of the means of squares, of those that are not above it by more than the scatter of
    those below."""
    ny, nx = (max(1, n // block) for n in view.shape)
    by, bx = view.shape[0] // ny, view.shape[1] // nx
    means = view[: ny * by, : nx * bx].reshape(ny, by, nx, bx).mean((1, 3), dtype=np.float64)
    at = np.mgrid[:ny, :nx].reshape(2, -1).T * (by, bx) + ((by - 1) / 2, (bx - 1) / 2)
    design, value = np.column_stack([np.ones(len(at)), at]), means.ravel()
    used = np.ones(value.size, bool)
    plane = np.zeros(3)
    for _ in range(30):
        plane = np.linalg.lstsq(design[used], value[used], rcond=None)[0]
        rest = value - design @ plane
        below = float(np.sqrt((rest[rest < 0] ** 2).mean())) if (rest < 0).any() else 0.0
        kept = rest < 1.5 * below + 1e-12
        if kept.sum() < 6 or np.array_equal(kept, used):
            break
        used = kept
    return plane


def minus_log(series: TiltSeries) -> TiltSeries:
    """-log(I / I0): I0 is the brightest level that a sizeable part of the view has (98th percentile
    of 8-pixel block means)."""
    stack = series.data.numpy()
    level, _ = vacuum_levels(-stack)
    incident = -level
    if (incident <= 0).any():
        raise UserError(
            f"{series.name}: view {int(np.argmax(incident <= 0))} has no positive intensity, so "
            f"log(I / I0) does not exist; bright-field "
            "intensities are wanted: use preprocess=haadf for dark field, or add the detector's "
            "offset"
        )
    floor = 1e-3 * incident[:, None, None]
    data = -np.log(np.maximum(stack, floor) / incident[:, None, None])
    step = f"bright field: -log(I / I0), I0 from {incident.min():.6g} to {incident.max():.6g}"
    return series.after(
        step,
        data=torch.from_numpy(data.astype(np.float32)),
        facts={"incident": incident.round(4).tolist()},
    )


def same_mean(series: TiltSeries) -> TiltSeries:
    means = series.data.mean((1, 2), dtype=torch.float64)
    if bool((means <= 0).any()):
        raise UserError(
            f"{series.name}: view {int(torch.argmin(means))} has mean {float(means.min()):.4g} "
            f"after background subtraction, a positive one "
            "is wanted to normalise by; use preprocess.normalise=none or exclude=[...]"
        )
    factor = means.median() / means
    step = (
        f"views scaled to one mean, factors {float(factor.min()):.3f} to {float(factor.max()):.3f}"
    )
    data = series.data * factor[:, None, None].float()
    return series.after(step, data=data, facts={"view_factors": factor.numpy().round(4).tolist()})
