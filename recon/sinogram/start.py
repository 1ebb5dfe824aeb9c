"""What the network of ``inpaint=gan`` is given, in training and in use: the measured views, and two
reconstructions of them, reprojected at all angles of the half-turn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry
from recon.learned.inputs import grey_scale, make_inputs, snr
from recon.learned.restore import slice_by_slice
from recon.learned.weights import load_trained
from recon.projectors.base import Projector
from recon.projectors.masked import masked
from recon.sinogram.half_turn import HalfTurn, laid_out

RESTORER = "irdm"  # the shipped network that corrects TV, slice by slice, before it is reprojected
CHANNELS = 6
TENTHS = 10.0  # the unit of differences is a tenth of the views' grey scale


@dataclass(frozen=True, eq=False)
class Start:
    """(angle, y, x) each, on the half-turn: ``measured`` views; ``tv`` of them, reprojected, and
    TV as ``RESTORER`` corrects it, ``restored``; ``seen``, 1 where a pixel was measured. Values are
    divided by ``scale``. ``snr``: of the views. ``density``: of the specimen."""

    measured: Tensor
    tv: Tensor
    restored: Tensor
    seen: Tensor
    scale: float
    snr: float
    density: float = 1.0

    def rows(self, rows: slice) -> Start:
        names = ("measured", "tv", "restored", "seen")
        return replace(self, **{name: getattr(self, name)[:, rows] for name in names})


def make_start(
    A: Projector,
    y: Tensor,
    precision: Tensor | None,
    turn: HalfTurn,
    *,
    weight: float,
    noise: float,
    scale: float | None = None,
    density: float | None = None,
    dimensions: int = 3,
) -> Start:
    """``A``: of the views ``y`` (tilt, y, x), whose ``precision`` is 0 where nothing was measured.
    ``weight``: of TV. ``noise``: standard deviation per pixel. ``scale``, ``density``: None takes
    the grey scales of the measured views and of TV."""
    seen = torch.ones_like(y) if precision is None else (precision > 0).to(y.dtype)
    scale = grey_scale(y * seen) if scale is None else scale
    solved, given = masked(A, y, precision)
    made = make_inputs(
        solved, given, weight=weight, noise=noise, scale=density, dimensions=dimensions
    )
    correct = slice_by_slice(load_trained(RESTORER, task="irdm").network, dimensions)
    restored = correct(solved, given, made)[0].clamp(min=0)
    everywhere = A.resized(Geometry(turn.angles_deg[turn.missing]), A.volume_zx, A.sinogram_tx[1])
    tv, better = (
        _reprojected(A, everywhere, volume, turn) * (made.scale / scale)
        for volume in (made.tv, restored)
    )
    measured, there = laid_out(y, turn), laid_out(seen, turn)
    return Start(
        measured * there / scale, tv, better, there, scale, snr(y * seen, noise), made.scale
    )


def channels(start: Start, distance_deg: np.ndarray) -> Tensor:
    """(y, CHANNELS, angle, x): the better reprojection, by how much it differs from TV's, what it
    left of the views, where they were measured, how far the nearest one is, the noise."""
    better, tv, seen, measured = (
        part.permute(1, 0, 2) for part in (start.restored, start.tv, start.seen, start.measured)
    )
    distance = torch.from_numpy(distance_deg).to(better.dtype)[None, :, None] / 45
    noise = torch.full_like(better, math.log10(max(start.snr, 1e-2)) / 4)
    left = (measured - better) * seen
    return torch.stack(
        [better, TENTHS * (better - tv), TENTHS * left, seen, distance.expand_as(better), noise], 1
    )


def _reprojected(A: Projector, missing: Projector, volume: Tensor, turn: HalfTurn) -> Tensor:
    views = laid_out(A(volume), turn)
    views[torch.from_numpy(turn.missing)] = missing(volume)
    return views
