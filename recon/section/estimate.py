"""Thickness, pre-tilt and x-tilt of the section that an aligned series shows, if it shows one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.section.depth import Depths, measure_depths
from recon.section.found import Section, window_of
from recon.section.layer import (
    PRETILT_DEG,
    X_TILT_DEG,
    Layer,
    fit_layer,
    jackknife,
    residual_slopes,
)
from recon.series import TiltSeries

FEWEST_VIEWS, LEAST_RANGE_DEG, LEAST_PX = 9, 40.0, 32  # for parallax to tell depths
FILLED = 0.85  # of the view that shows most; a needle or a particle leaves more of it empty
EMPTY = 0.1  # of what the brighter squares hold; a square with less is vacuum
CONTRAST = 5.0  # of the layer over what is away from it
AGREEING = 0.8  # of the patches are strongest within the layer; else there is matter elsewhere
THERE = 0.25  # of the plateau: a patch with so much of it is part of the layer
SHARE = 0.4  # of the patches that a layer is in
FLAT = 1.6  # times as wide as it is thick
THICKEST = 0.75  # of the width; what is thicker is not a thin section, whatever its shape
UNCERTAIN = 0.4  # of the thickness; one with a larger error is not told
TOLD_DEG = 2.0  # a slope with a larger error is not told
CERTAIN = 2.0  # errors by which a slope differs from none


def estimate_section(series: TiltSeries) -> Section:
    """Of an aligned series; costs about as much as one back-projection of 128-pixel views.

    Where it cannot be told (few tilts, a needle, a particle, no texture) the result says why.
    """
    angles, width = series.geometry.angles_deg, series.data.shape[2]
    if angles.size < FEWEST_VIEWS or np.ptp(angles) < LEAST_RANGE_DEG or width < LEAST_PX:
        return Section(why="too few views, tilts or columns to tell depths by")
    if filled_share(series.data) < FILLED:
        return Section(why="vacuum is in view at all tilts, as around needles and particles")
    depths = measure_depths(series)
    free = fit_layer(depths)
    if why := _no_layer(free, depths):
        return Section(why=why)
    errors = jackknife(depths, free)
    left = residual_slopes(depths, free)
    slopes, slope_errors = [], []
    for angle, error, rest, most in zip(
        (free.pretilt_deg, free.x_tilt_deg), errors, left, (PRETILT_DEG, X_TILT_DEG), strict=False
    ):
        whole = float(np.hypot(error, rest))
        told = whole < TOLD_DEG and abs(angle) > CERTAIN * whole and abs(angle) < most
        slopes.append(angle if told else 0.0)
        slope_errors.append(whole if abs(angle) < most else most)
    layer = fit_layer(depths, (slopes[0], slopes[1]), free=False)
    # The faces are where the covariance has fallen to half: to about one binned pixel.
    error = float(np.hypot(errors[2], 1.0))
    if error > UNCERTAIN * layer.thickness:
        return Section(why="its thickness cannot be told: its texture is too weak, or too coarse")
    factor = depths.bin
    found = Section(
        is_layer=True,
        thickness_px=round(layer.thickness * factor, 1),
        thickness_error_px=round(error * factor, 1),
        pretilt_deg=round(slopes[0], 2),
        pretilt_error_deg=round(slope_errors[0], 2),
        x_tilt_deg=round(slopes[1], 2),
        x_tilt_error_deg=round(slope_errors[1], 2) if depths.y_px.size > 1 else None,
        faces_px=_scaled(layer.faces, factor),
        z_px=_scaled(layer.reach, factor),
    )
    return replace(found, window=window_of(found, series.data.shape[1], width, angles))


def filled_share(stack: Tensor, squares: int = 16) -> float:
    """Of the squares of the view (tilt, y, x) that shows the most matter, those that are not
    vacuum, which is at 0."""
    edge = max(1, max(stack.shape[1:]) // squares)
    means = np.abs(avg_pool2d(stack[:, None], (min(edge, stack.shape[1]), edge)).numpy())
    means = means.reshape(len(stack), -1)
    return float((means > EMPTY * np.quantile(means, 0.9, axis=1, keepdims=True)).mean(1).max())


def _scaled(ends: tuple[float, float], factor: int) -> tuple[float, float]:
    return round(ends[0] * factor, 1), round(ends[1] * factor, 1)


def _no_layer(layer: Layer, depths: Depths) -> str:
    """Why it is none, or empty."""
    if layer.contrast < CONTRAST:
        return "no depth has more structure than the others"
    if layer.agreeing < AGREEING:
        return "there is matter at other depths, too"
    there = layer.filled > THERE
    if there.mean() < SHARE:
        return "it does not go on across the field, as a film or a section does"
    if layer.thickness > THICKEST * len(depths.covariance):
        return "it is not thin beside the width of the views"
    for along, centres in (
        (there.mean(1) > THERE, depths.y_px),
        (there.mean(0) > THERE, depths.x_px),
    ):
        if centres.size > 2 and not (along[0] and along[-1]):
            wide = float(along.sum()) * float(centres[1] - centres[0])
            if wide < FLAT * layer.thickness:
                return "it is about as thick as it is wide, as needles and particles are"
    return ""
