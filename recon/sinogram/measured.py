"""The measured views of a series, and the series with views that were invented behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from recon.geometry import Geometry, take_views
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.sinogram.half_turn import HalfTurn, half_turn, missing_geometry


@dataclass(frozen=True, eq=False)
class Measured:
    """The measured views alone. ``y``, ``precision``: (tilt, y, x). ``turn``: where they lie; its
    view numbers are those of ``y``."""

    y: Tensor
    precision: Tensor | None
    geometry: Geometry
    turn: HalfTurn

    def rows(self, rows: slice) -> Measured:
        precision = None if self.precision is None else self.precision[:, rows].contiguous()
        return replace(self, y=self.y[:, rows].contiguous(), precision=precision)

    def views(self, index: np.ndarray, turn: HalfTurn) -> Measured:
        chosen = index.tolist()
        precision = None if self.precision is None else self.precision[chosen]
        return Measured(self.y[chosen], precision, take_views(self.geometry, index), turn)

    @property
    def projector(self) -> NativeProjector:
        width = self.y.shape[2]
        return NativeProjector(self.geometry, (width, width), width)


def measured_views(series: TiltSeries, step_deg: float) -> Measured:
    """The views in which anything was measured, and the half-turn that they lie in."""
    there = np.ones(series.geometry.n_views, bool)
    if series.precision is not None:
        there = (series.precision > 0).flatten(1).any(1).numpy()
    views = np.flatnonzero(there)
    turn = half_turn(series.geometry.angles_deg[views], there[views], step_deg)
    whole = Measured(series.data, series.precision, series.geometry, turn)
    return whole if there.all() else whole.views(views, turn)


def with_views(
    series: TiltSeries, given: Measured, invented: Tensor, confidence: Tensor
) -> TiltSeries:
    """``series`` with the views ``invented`` (missing, y, x), as they lie on the half-turn, behind
    its own, each pixel as certain as ``confidence`` says."""
    geometry, behind = missing_geometry(given.turn, series.geometry.pixel_nm)
    turned = torch.from_numpy(behind)[:, None, None]
    invented, confidence = (
        torch.where(turned, part.flip(-1), part) for part in (invented, confidence)
    )
    own = torch.ones_like(series.data) if series.precision is None else series.precision
    shifts = series.geometry.shifts_px
    if shifts is not None:
        shifts = np.concatenate([shifts, np.zeros((geometry.n_views, 2))])
    angles = np.concatenate([series.geometry.angles_deg, geometry.angles_deg])
    return replace(
        series,
        data=torch.cat([series.data, invented]),
        geometry=replace(series.geometry, angles_deg=angles, shifts_px=shifts),
        precision=torch.cat([own, confidence]),
    )
