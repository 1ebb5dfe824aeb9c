"""Weighted (filtered) back-projection."""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import irfft, next_fast_len, rfft
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound, check_run, check_views
from recon.errors import UserError
from recon.geometry import view_weights_deg
from recon.projectors.base import Projector
from recon.projectors.masked import filled
from recon.stage import Method, Needs

FILTERS = ("ramp", "shepp-logan", "cosine", "hamming", "hann", "sirt")


def wbp(
    A: Projector,
    y: Tensor,
    *,
    filter: str = "ramp",
    cutoff: float = 1.0,
    sirt_iterations: int = 20,
    scale_to_full_range: bool = True,
    minimum: float | None = None,
    maximum: float | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """x = sum over views of dtheta * smear(filter * y): Radermacher 1992,
    doi:10.1007/978-1-4757-2163-8_5.

    Every view counts for the range of angles it stands for, so Saxton and irregular schemes come
    out in scale; ``scale_to_full_range`` multiplies by 180 degrees / measured range, which keeps
    the grey value of a blob in a missing wedge. ``filter``: ramp, shepp-logan, cosine, hamming,
    hann, or sirt (looks like ``sirt_iterations`` of SIRT); ``cutoff`` in fractions of the Nyquist
    frequency.
    """
    check_views(A, y)
    check_run(max(1, sirt_iterations), minimum, maximum)
    weights = np.deg2rad(view_weights_deg(A.geometry.angles_deg))
    if scale_to_full_range:
        weights = weights * (np.pi / weights.sum())
    whole = filled(A, y)
    width = y.shape[2]
    n = next_fast_len(2 * width, real=True)
    response = _ramp(n) * _window(n, filter, cutoff, sirt_iterations, width)
    filtered = torch.empty((y.shape[0], width, y.shape[1])).permute(0, 2, 1)
    for view in range(
        y.shape[0]
    ):  # one view at a time: the padded spectra of a whole stack would not fit beside a slab
        spectrum = rfft(whole[view].numpy(force=True), n=n, axis=1) * (
            response * weights[view]
        ).astype(np.float32)
        filtered[view] = torch.from_numpy(irfft(spectrum, n=n, axis=1)[:, :width])
    x = bound(A.smear(filtered.to(y.device)), minimum, maximum)
    progress = Progress(y, None, callback)
    if progress.wanted:
        progress.done(y - A(x))
    return x


def _ramp(n: int) -> np.ndarray:
    """(n // 2 + 1,) |f| in cycles per pixel, from its band-limited kernel in space, so that the
    mean stays right.

    h(0) = 1/4, h(odd k) = -1 / (pi k)^2, h(even k) = 0: Kak and Slaney 1988, eq. 3.61,
    doi:10.1137/1.9780898719277.
    """
    k = np.minimum(np.arange(n), n - np.arange(n))
    kernel = np.zeros(n)
    odd = k % 2 == 1
    kernel[odd] = -1 / (np.pi * k[odd]) ** 2
    kernel[0] = 0.25
    return np.asarray(rfft(kernel).real)


def _window(n: int, name: str, cutoff: float, sirt_iterations: int, width: int) -> np.ndarray:
    """(n // 2 + 1,) low-pass factor on the ramp."""
    if name not in FILTERS:
        raise UserError(
            f"filter={name} given, one of {', '.join(FILTERS)} wanted; correct algorithm.filter"
        )
    if not 0 < cutoff <= 1:
        raise UserError(
            f"cutoff={cutoff} given, 0 < cutoff <= 1 (fraction of Nyquist) wanted; correct "
            f"algorithm.cutoff"
        )
    f = np.linspace(0, 1, n // 2 + 1) / cutoff  # 1 at the cutoff
    if name == "sirt":
        # A'A acts as 1 / |f| on spatial frequencies; with SIRT's R and C its factor is about 1 /
        # (pi * width * |f|), and k iterations leave 1 - (1 - factor)^k of the exact solution.
        factor = np.minimum(1, 1 / (np.pi * width * np.maximum(f * cutoff / 2, 1e-9)))
        window = 1 - (1 - factor) ** sirt_iterations
    else:
        window = {
            "ramp": np.ones_like(f),
            "shepp-logan": np.sinc(f / 2),
            "cosine": np.cos(np.pi * f / 2),
            "hamming": 0.54 + 0.46 * np.cos(np.pi * f),
            "hann": 0.5 + 0.5 * np.cos(np.pi * f),
        }[name]
    return np.where(f <= 1, window, 0.0)


WBP = Method(wbp, needs=lambda options: Needs(2, 4))
