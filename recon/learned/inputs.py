"""What every network of ours is given, in training and in use: converged TV and WBP of the same
views, in units of the specimen.

One place, so that a network never meets pictures made in another way than those it was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.pdhg import Pdhg
from recon.algorithms.wbp import wbp
from recon.progress import track_each
from recon.projectors.base import Projector

CHANNELS = 10  # of ``pictures``: three slices of TV, three of WBP, four numbers about the series
# Of the TV that a network is given. The shipped networks were trained on 150 of a slower iteration;
# today's swings on clean pictures of 256 pixels (the needle) until about 250.
TV_ITERATIONS = 300
CONVERGED_ITERATIONS = 300  # of TV as a result, as algorithm=tv has it


@dataclass(frozen=True, eq=False)
class Inputs:
    """``tv`` and ``wbp``: (z, y, x), divided by ``scale``; ``conditions``: (4,) about the series,
    each roughly 0 to 1.

    ``converged``: goes on with the TV iteration and returns what ``algorithm=tv`` would, in units
    of the views; to be called once.
    """

    tv: Tensor
    wbp: Tensor
    conditions: Tensor
    scale: float
    converged: Callable[[], Tensor]


def make_inputs(
    A: Projector,
    y: Tensor,
    *,
    weight: float,
    noise: float,
    scale: float | None = None,
    dimensions: int = 3,
) -> Inputs:
    """``weight``: of TV; ``noise``: standard deviation per pixel of ``y`` (tilt, y, x); ``scale``:
    None takes ``grey_scale`` of the TV."""
    state = Pdhg(A, y, dimensions, 0.0, None, None)
    state.weight = weight
    for _ in track_each("tv", range(TV_ITERATIONS)):
        state.iterate()

    def converged() -> Tensor:
        for _ in track_each("tv", range(CONVERGED_ITERATIONS - TV_ITERATIONS)):
            state.iterate()
        return state.volume()

    given = state.volume()
    scale = grey_scale(given) if scale is None else scale
    series = conditions(A.geometry.angles_deg, snr(y, noise))
    return Inputs(
        given / scale, wbp(A, y, filter="hamming", scale="full") / scale, series, scale, converged
    )


def grey_scale(volume: Tensor) -> float:
    """Sum x^3 / sum x^2 of the positive part: the density of a specimen of one material, however
    small it is in its box; 1 if empty."""
    cube, square = 0.0, 0.0
    for plane in volume:
        x = plane.clamp(min=0).double()
        cube, square = cube + float((x**3).sum()), square + float((x**2).sum())
    return cube / square if square > 0 and cube > 0 else 1.0


def snr(y: Tensor, noise: float) -> float:
    """rms of the views / ``noise``, at most 1e4."""
    rms = math.sqrt(float((y.double() ** 2).mean()))
    return min(1e4, rms / noise) if noise > 0 else 1e4


def conditions(angles_deg: np.ndarray, snr: float) -> Tensor:
    """(4,) how far the tilts go to both sides, their usual step, and the noise, as a network is
    told them."""
    step = float(np.median(np.diff(np.sort(angles_deg)))) if angles_deg.size > 1 else 180.0
    values = (
        angles_deg.max() / 90,
        -angles_deg.min() / 90,
        step / 5,
        math.log10(max(snr, 1e-2)) / 4,
    )
    return torch.tensor(values, dtype=torch.float32)


def conditions_mirrored(conditions: Tensor) -> Tensor:
    """Of a specimen mirrored along z or x, but not both: it is the same at the opposite tilts."""
    return conditions[[1, 0, 2, 3]]


def pictures(tv: Tensor, wbp: Tensor, conditions: Tensor, *, neighbours: bool = True) -> Tensor:
    """(z, y, x) volumes -> (y, CHANNELS, z, x): every slice with its neighbours (itself, if not
    ``neighbours``), and the conditions."""
    around = [
        picture
        for volume in (tv, wbp)
        for picture in _neighbours(volume.permute(1, 0, 2), neighbours)
    ]
    rows, n_z, n_x = around[0].shape
    return torch.cat(
        [torch.stack(around, 1), conditions[None, :, None, None].expand(rows, -1, n_z, n_x)], 1
    )


def _neighbours(slices: Tensor, real: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The slice before, the slice, the slice after, of (y, z, x); an end stands for what lies
    beyond it."""
    if not real:
        return slices, slices, slices
    return torch.cat([slices[:1], slices[:-1]]), slices, torch.cat([slices[1:], slices[-1:]])
