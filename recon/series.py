"""The two data objects that stages pass on: a tilt series and a volume. Frozen, checked, with a
history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry


@dataclass(frozen=True, eq=False)
class TiltSeries:
    """Projections with the geometry they were taken in.

    ``data``: (tilt, y, x) float32, y along the tilt axis once aligned; the unit is the detector's
    (counts, or -log of transmission). ``history``: what was done, one sentence a step. ``facts``:
    what was found on the way (numbers, lists, text, one entry a step), for the run's record.

    Raises ``UserError`` when the stack is not three-dimensional or has another number of views than
    angles. Readers make sure that the pixels are finite.
    """

    data: Tensor
    geometry: Geometry
    name: str = "series"
    history: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.dtype != torch.float32:
            raise UserError(
                f"{self.name}: a stack of shape {tuple(self.data.shape)} and type "
                f"{self.data.dtype} given, "
                "(tilt, y, x) float32 wanted; check that the file is a tilt series"
            )
        views, angles = self.data.shape[0], self.geometry.n_views
        if views != angles:
            raise UserError(
                f"{self.name}: {views} projections but {angles} tilt angles; correct the angle "
                f"file, pass angles=..., "
                "or drop views with exclude=[...]"
            )

    def after(
        self,
        step: str,
        *,
        data: Tensor | None = None,
        geometry: Geometry | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> TiltSeries:
        """The same series after one more step, named by a sentence for its history."""
        return replace(
            self,
            data=self.data if data is None else data,
            geometry=self.geometry if geometry is None else geometry,
            history=(*self.history, step),
            facts={**self.facts, **(facts or {})},
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """A tomogram. ``data``: (z, y, x) float32, in units of (projection value / nm) when the voxel
    size is known, else per voxel."""

    data: Tensor
    voxel_nm: float | None
    name: str = "volume"
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.dtype != torch.float32:
            raise UserError(
                f"{self.name}: a volume of shape {tuple(self.data.shape)} and type "
                f"{self.data.dtype} given, (z, y, x) float32 wanted"
            )


@dataclass(frozen=True, eq=False)
class Slices:
    """The three planes through the middle of a volume: ``xy`` (y, x), ``xz`` (z, x), ``zy`` (z,
    y)."""

    xy: np.ndarray
    xz: np.ndarray
    zy: np.ndarray
