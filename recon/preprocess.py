"""Pixels before alignment: outliers, background, contrast, intensity, binning, taper. Each step
says what it changed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy import fft, ndimage

from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.progress import track_each
from recon.series import TiltSeries
from recon.stage import Options, Step

Background = Literal["auto", "none"] | float
Normalise = Literal["none", "mean"]


def preprocess(
    series: TiltSeries,
    *,
    hot_pixel_sigma: float | None = 8.0,
    log: bool = False,
    background: Background = "auto",
    normalise: Normalise = "none",
    bin: int = 1,
    taper_px: int = 0,
) -> TiltSeries:
    """Clean a raw stack so that zero means vacuum and more means more matter.

    ``hot_pixel_sigma``: pixels this far from the median of their surroundings are replaced by it
    (None: off). ``log``: bright field, intensity I becomes -log(I / I0) with I0 the vacuum's
    intensity in each view. ``background``: ``auto`` subtracts each view's vacuum level (or, where
    no view shows vacuum, the stack's minimum if that is negative), a number subtracts itself.
    ``normalise: mean`` gives all views the same mean. ``bin``: Fourier cropping. ``taper_px``: fade
    the borders in x to zero.
    """
    _check(hot_pixel_sigma, background, normalise, bin, taper_px, tuple(series.data.shape))
    if hot_pixel_sigma is not None:
        series = _without_outliers(series, hot_pixel_sigma)
    if log:
        series = _minus_log(series)
    elif background != "none":
        series = _minus_background(series, background)
    if normalise == "mean":
        series = _same_mean(series)
    if bin > 1:
        series = _binned(series, bin)
    return _tapered(series, taper_px) if taper_px else series


def fourier_bin(stack: np.ndarray, factor: int) -> np.ndarray:
    """(tilt, y, x) -> (tilt, y // factor, x // factor) float32: the low frequencies, with mean and
    centre kept.

    Odd rests are cropped from both ends. The centre (n - 1) / 2 must stay the centre, so the
    samples move by (factor - 1) / 2 raw pixels, as a phase.
    """
    shape = tuple(n // factor for n in stack.shape[1:])
    out = np.empty((len(stack), *shape), np.float32)
    cut = tuple(
        slice((n - m * factor) // 2, (n - m * factor) // 2 + m * factor)
        for n, m in zip(stack.shape[1:], shape, strict=True)
    )
    # What cropping an odd rest displaces goes into the same phase.
    moves = [
        (factor - 1) / 2 + centre(n) - (s.start + centre(m * factor))
        for n, m, s in zip(stack.shape[1:], shape, cut, strict=True)
    ]
    keep_y = np.r_[0 : (shape[0] + 1) // 2, shape[0] * factor - shape[0] // 2 : shape[0] * factor]
    keep_x = shape[1] // 2 + 1
    f_y, f_x = fft.fftfreq(shape[0])[:, None] / factor, fft.rfftfreq(shape[1])[None] / factor
    phase = np.exp(2j * np.pi * (f_y * moves[0] + f_x * moves[1])).astype(np.complex64)
    for view, binned in track_each("binning", zip(stack, out, strict=True), len(stack)):
        spectrum = fft.rfft2(view[cut])[keep_y, :keep_x] * phase
        binned[:] = fft.irfft2(spectrum, s=shape) / factor**2
    return out


def vacuum_levels(stack: np.ndarray, block: int = 8) -> tuple[np.ndarray, bool]:
    """((tilt,) level of the darkest parts of each view, whether they look like vacuum).

    The level is the second percentile of the means of ``block``-pixel squares. It is vacuum when it
    lies in the lowest tenth of the view's range and a sizeable part of the view (15 %) is as dark,
    within a tenth of the range, in nine views of ten.
    """
    ny, nx = (max(1, n // block) for n in stack.shape[1:])
    by, bx = stack.shape[1] // ny, stack.shape[2] // nx
    means = (
        stack[:, : ny * by, : nx * bx]
        .reshape(len(stack), ny, by, nx, bx)
        .mean((2, 4), dtype=np.float64)
        .reshape(len(stack), -1)
    )
    level = np.quantile(means, 0.02, axis=1)
    span = means.max(1) - level
    dark = (means < (level + 0.1 * span)[:, None]).mean(1)
    return level, bool(np.mean((dark > 0.15) & (span > 0)) >= 0.9)


def _without_outliers(series: TiltSeries, sigma: float) -> TiltSeries:
    data = series.data.numpy().copy()
    counts = []
    for view in track_each("replacing hot pixels", data):
        local = ndimage.median_filter(view, 3, mode="mirror")
        difference = view - local
        size = np.abs(difference)
        # Noise grows with the signal, so its size is taken from the 80 pixels around; never less
        # than the view's median.
        around = (ndimage.uniform_filter(size, 9) * 81 - size) / 80
        spread = np.maximum(
            1.25 * around, max(1.4826 * float(np.median(size)), 1e-6 * float(np.ptp(view)))
        )
        suspects = np.argwhere(size > sigma * spread)
        hot = tuple(suspects[_alone(view, suspects, 3 * spread[tuple(suspects.T)])].T)
        view[hot] = local[hot]
        counts.append(int(hot[0].size))
    total = sum(counts)
    step = (
        f"replaced {total} hot or dead pixels ({total / data.size:.1e} of all, at most "
        f"{max(counts)} in a view) by their local median"
    )
    return series.after(
        step,
        data=torch.from_numpy(data),
        facts={"hot_pixels": {"total": total, "per_view": counts}},
    )


_RING = np.array(
    [(dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1)]
)  # in an array padded by one


def _alone(view: np.ndarray, at: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """(n,) True for pixels ``at`` (n, 2) that stand out by ``margin`` (n,) from all but one of
    their neighbours (hot pixels come in pairs), which an edge or a particle does not. Beyond the
    border there are none: a mirror would show the other of a pair twice."""
    y, x = (at[:, None] + _RING).transpose(2, 0, 1)
    second_highest = np.partition(np.pad(view, 1, constant_values=-np.inf)[y, x], -2, axis=1)[:, -2]
    second_lowest = np.partition(np.pad(view, 1, constant_values=np.inf)[y, x], 1, axis=1)[:, 1]
    values = view[tuple(at.T)]
    return np.asarray((values > second_highest + margin) | (values < second_lowest - margin))


def _minus_background(series: TiltSeries, background: Background) -> TiltSeries:
    stack = series.data.numpy()
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


def _minus_log(series: TiltSeries) -> TiltSeries:
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


def _same_mean(series: TiltSeries) -> TiltSeries:
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


def _binned(series: TiltSeries, factor: int) -> TiltSeries:
    old = series.geometry
    pixel = None if old.pixel_nm is None else old.pixel_nm * factor
    shifts = None if old.shifts_px is None else old.shifts_px / factor
    data = torch.from_numpy(fourier_bin(series.data.numpy(), factor))
    step = f"binned by {factor} (Fourier crop) to {data.shape[1]} x {data.shape[2]} pixels"
    return series.after(
        step,
        data=data,
        geometry=Geometry(old.angles_deg, pixel, old.axis_deg, shifts),
        facts={"bin": factor},
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
        background not in ("auto", "none")
        if isinstance(background, str)
        else not np.isfinite(background)
    ):
        raise UserError(f"preprocess.background={background} given, auto, none or a number wanted")
    if normalise not in ("none", "mean"):
        raise UserError(f"preprocess.normalise={normalise} given, none or mean wanted")
    if factor < 1 or min(shape[1:]) // factor < 8:
        raise UserError(
            f"preprocess.bin={factor} given for views of {shape[1]} x {shape[2]}, 1 to "
            f"{min(shape[1:]) // 8} wanted"
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
