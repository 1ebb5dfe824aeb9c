"""What the network of ``denoise=unet`` is given of a series, and what its answer means: the same in
training and in use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

from recon.sinogram.anscombe import stabilised

SMOOTHED = (3, 9, 9)  # views, rows, columns whose mean tells the brightest counts from noise
BRIGHT = 0.998  # quantile of those means
FEWEST = 0.02  # counts per pixel: less is taken for so much
LEAST, MOST = -2.0, 4.0  # of the brightest counts: what the linear picture is cut to


@dataclass(frozen=True)
class Level:
    """``brightest``: expected counts in the brightest parts. ``dark_t``, ``range_t``: where its
    stabilised values begin, and how far they go; its noise is 1 there."""

    brightest: float
    dark_t: float
    range_t: float

    @property
    def noise(self) -> float:
        """As the network is told it: 0 where the range is one standard deviation of the noise."""
        return math.log10(1 / self.range_t)


def level_of(counts: Tensor, read: float) -> Level:
    """Of views (tilt, y, x) in order of tilt."""
    size = [min(n, w) for n, w in zip(counts.shape, SMOOTHED, strict=True)]
    means = avg_pool3d(counts[None, None], size, stride=[max(1, s // 3) for s in size]).flatten()
    some = means[:: max(1, means.numel() >> 22)]  # torch takes no quantile of more than 2^24
    brightest = max(float(torch.quantile(some, BRIGHT)), FEWEST)
    dark = 2 * math.sqrt(0.375 + read)
    return Level(brightest, dark, 2 * math.sqrt(brightest + 0.375 + read) - dark)


def neighbours(n_views: int, view: int, count: int) -> list[int]:
    """``count`` views around ``view`` in order of tilt, mirrored at the ends."""
    if n_views == 1:
        return [0] * count
    period = 2 * (n_views - 1)
    at = [(view + k) % period for k in range(-(count // 2), count // 2 + 1)]
    return [min(k, period - k) for k in at]


def pictures(
    counts: Tensor, view: int, *, views: int, read: float, level: Level, step_deg: float
) -> Tensor:
    """(channel, y, x) of one view of (tilt, y, x) ``counts`` in order of tilt: see
    ``models.view_unet.ViewUNet``."""
    near = counts[neighbours(len(counts), view, views)]
    t = (stabilised(near, read) - level.dark_t) / level.range_t
    linear = (counts[view] / level.brightest).clamp(LEAST, MOST)[None]
    told = torch.tensor([level.noise, math.log10(max(step_deg, 0.1))])
    flat = told[:, None, None].expand(2, *linear.shape[1:])
    return torch.cat([t, linear, flat])
