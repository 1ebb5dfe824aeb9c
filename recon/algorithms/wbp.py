"""Weighted (filtered) back-projection."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy.fft import irfft, next_fast_len, rfft
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound, check_run, check_views
from recon.algorithms.ramp import ramp
from recon.algorithms.wbp_scale import full_scale, specimen_scale
from recon.errors import UserError
from recon.geometry import view_weights_deg
from recon.projectors.base import Projector
from recon.projectors.masked import filled, view_confidence
from recon.stage import BoundMethod, Method, Needs, Options, Settled, same_on_coarse

FILTERS = ("ramp", "shepp-logan", "cosine", "hamming", "hann", "sirt")


def wbp(
    A: Projector,
    y: Tensor,
    *,
    filter: str = "ramp",
    cutoff: float = 1.0,
    sirt_iterations: int = 20,
    scale: float | Literal["auto", "full"] = "auto",
    minimum: float | None = None,
    maximum: float | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """x = sum over views of dtheta * smear(filter * y): Radermacher 1992,
    doi:10.1007/978-1-4757-2163-8_5.

    Every view counts for the range of angles it stands for, so Saxton and irregular schemes come
    out in scale. ``scale`` multiplies the sum and makes up for a missing wedge: 'full' is 180
    degrees / measured range, right for a round specimen; 'auto' finds from ``y`` what is right for
    its shape (``specimen_scale``); 1 leaves what was measured as it is. ``filter``: ramp,
    shepp-logan, cosine, hamming, hann, or sirt (looks like ``sirt_iterations`` of SIRT); ``cutoff``
    in fractions of the Nyquist frequency.
    """
    check_views(A, y)
    check_run(max(1, sirt_iterations), minimum, maximum)
    weights = _weights(A, y, scale)
    whole = filled(A, y)
    width = y.shape[2]
    n = next_fast_len(2 * width, real=True)
    response = ramp(n) * _window(n, filter, cutoff, sirt_iterations, width)
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


def _weights(A: Projector, y: Tensor, scale: float | str) -> np.ndarray:
    """(tilt,) by what a view is multiplied. Invented views count by their confidence, between what
    comes of all views as if measured, and of the measured alone."""
    everything = _scale(A, y, scale) * np.deg2rad(view_weights_deg(A.geometry.angles_deg))
    confidence = view_confidence(A)
    invented = confidence < 1
    if not invented.any() or invented.all():
        return np.asarray(confidence * everything)
    measured = np.flatnonzero(~invented)
    seen = A.views(measured)
    alone = np.zeros_like(everything)
    alone[measured] = np.deg2rad(view_weights_deg(seen.geometry.angles_deg))
    alone *= _scale(seen, y[measured.tolist()], scale)
    share = confidence[invented] @ everything[invented] / everything[invented].sum()
    together = share * everything + (1 - share) * alone
    return np.asarray(np.where(invented, confidence * everything, together))


def _scale(A: Projector, y: Tensor, scale: float | str) -> float:
    if scale == "auto":
        return specimen_scale(A, y)
    if scale == "full":
        return full_scale(A.geometry.angles_deg)
    if isinstance(scale, str) or not 0 < scale < float("inf"):
        raise UserError(
            f"scale={scale} given, auto, full or a number > 0 wanted; correct algorithm.scale"
        )
    return scale


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


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    """One scale for all slabs."""
    if method.options["scale"] != "auto":
        return Settled(method)
    scale = specimen_scale(A, y)
    return Settled(method.but({"scale": scale}), {"wbp_scale": scale})


def _coarser(options: Options, factor: int) -> Options:
    return {"cutoff": min(1.0, options["cutoff"] * factor)} | dict(same_on_coarse(options, factor))


WBP = Method(wbp, needs=lambda options: Needs(2, 4), settle=_settle, coarser=_coarser)
