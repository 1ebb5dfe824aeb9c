"""Pixels before alignment: crop, bad views, borders, outliers, background, contrast, intensity,
binning, taper. Each step says what it changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from recon.errors import UserError
from recon.preprocess.bad_views import without_bad_views
from recon.preprocess.binning import binned
from recon.preprocess.borders import with_masked_borders
from recon.preprocess.bright import looks_bright_field
from recon.preprocess.levels import Background, Normalise, minus_background, minus_log, same_mean
from recon.preprocess.outliers import without_outliers
from recon.preprocess.shadows import with_masked_shadows
from recon.preprocess.standing import without_standing
from recon.series import TiltSeries
from recon.stage import Options, Step


def preprocess(
    series: TiltSeries,
    *,
    crop: Sequence[int] | None = None,
    reject_views: bool = True,
    mask_borders: bool = True,
    hot_pixel_sigma: float | None = 8.0,
    standing: bool = True,
    log: bool = False,
    background: Background = "auto",
    normalise: Normalise = "none",
    bin: int = 1,
    taper_px: int = 0,
) -> TiltSeries:
    """Clean a raw stack so that zero means vacuum and more means more matter.

    ``crop``: rows y0 to y1 and columns x0 to x1 stay, (y0, y1, x0, x1), from 0, the ends out.
    ``reject_views``: leave out dark, saturated, flashed and jumped views. ``mask_borders``: what an
    earlier program filled, and what lies in the shadow of a grid bar, is not measured.
    ``hot_pixel_sigma``: pixels this far from the median of their surroundings are replaced by it
    (None: off). ``standing``: hot rows, columns and marks that stand still in all views are
    replaced by what lies beside. ``log``: bright field, intensity
    I becomes -log(I / I0) with I0 the vacuum's intensity in each view. ``background``: ``auto``
    subtracts each view's vacuum level (or, where no view shows vacuum, the stack's minimum if that
    is negative), ``plane`` a plane through each view's dark part, a number itself. ``normalise:
    mean`` gives all views the same mean. ``bin``: Fourier cropping. ``taper_px``: fade the borders
    in x to zero.
    """
    if crop is not None:
        series = _cropped(series, crop)
    _check(hot_pixel_sigma, background, normalise, bin, taper_px, tuple(series.data.shape))
    if reject_views:
        series = without_bad_views(series)
    if mask_borders:
        series = with_masked_shadows(with_masked_borders(series))
    if standing:
        series = without_standing(series)
    if hot_pixel_sigma is not None:
        series = without_outliers(series, hot_pixel_sigma)
    if log:
        series = minus_log(series)
    elif background != "none":
        bright = looks_bright_field(series.data.numpy(), series.geometry.angles_deg)
        series = minus_background(series, background)
        if bright:
            series = series.after(
                "the background is brighter than the specimen", warnings=(_BRIGHT,)
            )
    if normalise == "mean":
        series = same_mean(series)
    if bin > 1:
        series = binned(series, bin)
    return _tapered(series, taper_px) if taper_px else series


_BRIGHT = (
    "the background is brighter than the specimen, as in bright field, but was taken as dark "
    "field: use preprocess=brightfield if it is bright field"
)


def _cropped(series: TiltSeries, crop: Sequence[int]) -> TiltSeries:
    """Raises ``UserError`` for a rectangle that is not in the views."""
    n_y, n_x = series.data.shape[1:]
    whole = [int(v) for v in crop if isinstance(v, int) and not isinstance(v, bool)]
    if len(whole) != 4 or len(crop) != 4:
        raise UserError(
            f"preprocess.crop={list(crop)} given, four whole numbers [y0,y1,x0,x1] wanted: rows y0 "
            "to y1 and columns x0 to x1, from 0, the ends out"
        )
    y0, y1, x0, x1 = whole
    if not (0 <= y0 < y1 <= n_y and 0 <= x0 < x1 <= n_x):
        raise UserError(
            f"preprocess.crop={whole} given for views of {n_y} rows and {n_x} columns, [y0,y1,x0,x1] "
            f"within [0,{n_y},0,{n_x}] wanted"
        )
    precision = None if series.precision is None else series.precision[:, y0:y1, x0:x1].clone()
    return series.after(
        f"cropped to rows {y0} to {y1 - 1} and columns {x0} to {x1 - 1}",
        data=series.data[:, y0:y1, x0:x1].clone(),
        precision=precision,
        facts={"crop": whole},
    )


def _tapered(series: TiltSeries, width: int) -> TiltSeries:
    edge = np.ones(series.data.shape[2], np.float32)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)).astype(np.float32)
    edge[:width], edge[-width:] = rise, rise[::-1]
    return series.after(
        f"borders in x tapered over {width} pixels", data=series.data * torch.from_numpy(edge)
    )


def _check(
    sigma: float | None,
    background: Background,
    normalise: Normalise,
    factor: int,
    taper_px: int,
    shape: tuple[int, ...],
) -> None:
    if sigma is not None and not sigma > 0:
        raise UserError(
            f"preprocess.hot_pixel_sigma={sigma} given, a positive number or null wanted; 8 is "
            f"usual"
        )
    if (
        background not in ("auto", "none", "plane")
        if isinstance(background, str)
        else not np.isfinite(background)
    ):
        raise UserError(
            f"preprocess.background={background} given, auto, plane, none or a number wanted"
        )
    if normalise not in ("none", "mean"):
        raise UserError(f"preprocess.normalise={normalise} given, none or mean wanted")
    if factor < 1 or (factor > 1 and min(shape[1:]) // factor < 8):
        raise UserError(
            f"preprocess.bin={factor} given for views of {shape[1]} x {shape[2]}, 1 to "
            f"{max(1, min(shape[1:]) // 8)} wanted"
        )
    if taper_px < 0 or 2 * taper_px > shape[2]:
        raise UserError(f"preprocess.taper_px={taper_px} given, 0 to {shape[2] // 2} wanted")


def _check_bin(options: Options) -> None:
    if options["bin"] < 1:
        raise UserError(
            f"preprocess.bin={options['bin']} given, a whole number from 1 wanted; 1 keeps all "
            "pixels"
        )


PREPROCESS = Step(preprocess, binning=lambda options: int(options["bin"]), check=_check_bin)
