"""The network of ``inpaint=gan`` on a half-turn, slice by slice."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.learned.by_slice import each_slice
from recon.sinogram.half_turn import HalfTurn
from recon.sinogram.start import Start, channels

# Columns by which the outermost point of a slice moves from view to view: the network was trained
# up to here. Steeper half-turns are shown to it binned along x, and its correction is interpolated.
STEEPEST_PX = 3.2


def generate(network: nn.Module, start: Start, turn: HalfTurn) -> tuple[Tensor, Tensor]:
    """(angle, y, x) each, in units of ``start.scale``: all views of the half-turn as the network
    has them, and the variance that it expects of their errors."""
    n_angles, n_rows, n_x = start.tv.shape
    factor = binning(turn, n_x)
    out, variance = torch.empty_like(start.tv), torch.empty_like(start.tv)

    def one(row: int) -> None:
        given = channels(start.rows(slice(row, row + 1)), turn.distance_deg)
        made = _spread(network(_gathered(given, factor)), factor, n_x)[0]
        out[:, row] = start.restored[:, row] + made[0]
        variance[:, row] = torch.exp(made[1])

    each_slice(one, n_rows, n_angles * math.ceil(n_x / factor))
    return out, variance


def binning(turn: HalfTurn, width: int) -> int:
    """Columns that are taken together for the network."""
    return max(1, math.ceil(width / 2 * math.radians(turn.step_deg) / STEEPEST_PX))


def _gathered(given: Tensor, factor: int) -> Tensor:
    """(1, channel, angle, x) -> the same with means of ``factor`` columns."""
    short = -given.shape[3] % factor
    padded = functional.pad(given, (short // 2, short - short // 2, 0, 0), mode="replicate")
    return functional.avg_pool2d(padded, (1, factor)).contiguous(memory_format=torch.channels_last)


def _spread(made: Tensor, factor: int, width: int) -> Tensor:
    """Back to ``width`` columns, linearly."""
    wide = functional.interpolate(
        made.float(), size=(made.shape[2], made.shape[3] * factor), mode="bilinear"
    )
    first = (wide.shape[3] - width) // 2
    return wide[..., first : first + width]
