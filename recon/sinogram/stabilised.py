"""A filter applied to views of counts: their noise is made the same everywhere, and their total
counts stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.progress import track_each
from recon.series import TiltSeries
from recon.sinogram.anscombe import stabilised, unbiased_inverse
from recon.sinogram.counts import CountModel, count_model
from recon.sinogram.restoration import DENOISE

BELOW = 8.0  # standard deviations under zero counts: no noise, but a border that was filled
MOSTLY = 0.5  # share of such pixels above which the pixels are no counts at all
FEWEST = 1.0  # counts of a view: fewer cannot be scaled to
_EMPTY = "their totals are lost: use another denoiser where counts are so few"


@dataclass(frozen=True, eq=False)
class Counted:
    """``counts``: (tilt, y, x) of a series, by ``model``; ``measured``: where they are any."""

    counts: Tensor
    measured: Tensor
    model: CountModel


def counted(series: TiltSeries) -> Counted:
    """Raises ``UserError`` for views without noise, and for values that no counter can give."""
    model = count_model(series)
    counts = model.counts(series.data)
    measured = counts > -BELOW * (model.read + 1.0) ** 0.5
    negative = 1 - float(measured.float().mean())
    if negative > MOSTLY:
        raise UserError(
            f"{series.name}: {100 * negative:.0f} % of the pixels are negative counts, by more than "
            f"noise explains; views that grow with the matter and are 0 in vacuum wanted: see "
            "preprocess.background and preprocess.log"
        )
    if series.precision is not None:
        measured &= series.precision > 0
    return Counted(counts, measured, model)


def filtered(
    series: TiltSeries, by: Callable[[np.ndarray], np.ndarray], *, stabilise: bool, words: str
) -> TiltSeries:
    """``series`` with every view filtered ``by`` a function of one (y, x) picture, in which noise
    has the standard deviation 1: that of the stabilised counts, or (``stabilise=False``) roughly
    that of the counts over the root of their mean. ``words``: for the history."""
    found = counted(series)
    read = found.model.read
    scale = (float(found.counts.mean()) + read + 1e-3) ** 0.5
    made = torch.empty_like(series.data)
    for view in track_each("denoising", range(len(made))):
        counts = found.counts[view]
        given = stabilised(counts, read) if stabilise else counts / scale
        out = torch.from_numpy(np.asarray(by(given.numpy()), np.float32))
        made[view] = unbiased_inverse(out, read) if stabilise else out * scale
    return finish(series, found, made, words=words)


def finish(
    series: TiltSeries,
    found: Counted,
    counts: Tensor,
    *,
    words: str,
    warnings: tuple[str, ...] = (),
    **facts: object,
) -> TiltSeries:
    """``series`` with ``counts`` (tilt, y, x) in the place of its own, each view scaled to the total
    that was counted; what was not measured stays as it was."""
    scales, lost = scale_to(found, counts)
    if lost:
        warnings = (*warnings, f"denoise: {lost} of {len(scales)} views came out empty; {_EMPTY}")
    data = torch.where(
        found.measured, found.model.pixels(counts * scales[:, None, None]), series.data
    )
    told: dict[str, object] = {
        "gain": found.model.gain,
        "read_noise_counts": found.model.read**0.5,
        "counts_per_pixel": float(found.counts[found.measured].double().mean()),
        "largest_scale_change": float((scales - 1).abs().max()),
        **facts,
    }
    step = f"denoised by {words}; every view's total is as it was counted"
    return series.after(step, data=data.contiguous(), facts={DENOISE: told}, warnings=warnings)


def scale_to(found: Counted, counts: Tensor) -> tuple[Tensor, int]:
    """((tilt,) what ``counts`` are multiplied by so that each view has the total that was measured,
    1 where next to nothing was; how many views have nothing that could be scaled to their total)."""
    inside = found.measured.double()
    wanted = (found.counts.double() * inside).sum((1, 2))
    have = (counts.double() * inside).sum((1, 2))
    some = (wanted > FEWEST) & (have > FEWEST)
    ratio = torch.where(some, wanted / have.clamp(min=FEWEST), torch.ones_like(wanted))
    return ratio.float(), int(((wanted > FEWEST) & (have <= FEWEST)).sum())
