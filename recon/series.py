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
from recon.picture import Picture, describe, draw

# The tilt axis in degrees as the microscope says it, among a series' facts: alignment takes the
# branch from it (axis or axis + 180), which no view tells.
AXIS_FROM_MICROSCOPE = "axis_from_microscope_deg"
PER_NM, PER_VOXEL = "projection value / nm", "projection value / voxel"


@dataclass(frozen=True, eq=False, repr=False)
class TiltSeries:
    """Projections with the geometry they were taken in.

    ``data``: (tilt, y, x) float32, y along the tilt axis once aligned; the unit is the detector's
    (counts, or -log of transmission). ``history``: what was done, one sentence a step. ``facts``:
    what was found on the way (numbers, lists, text, one entry a step), for the run's record.
    ``precision``: (tilt, y, x) float32, the inverse variance of each pixel as a share of the
    others', 0 where nothing was measured; None: all pixels alike. ``warnings``: sentences that the
    user must see.

    Raises ``UserError`` when the stack is not three-dimensional or has another number of views than
    angles. Readers make sure that the pixels are finite.
    """

    data: Tensor
    geometry: Geometry
    name: str = "series"
    history: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    precision: Tensor | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_data(self.data, self.name, "stack", "(tilt, y, x)", "series(stack, angles_deg)")
        if not isinstance(self.geometry, Geometry):
            raise UserError(
                f"{self.name}: {type(self.geometry).__name__} given, a Geometry wanted; "
                "tiltwise.series(stack, angles_deg, pixel_nm=...) makes a series of plain arrays"
            )
        views, angles = self.data.shape[0], self.geometry.n_views
        if views != angles:
            raise UserError(
                f"{self.name}: {views} projections but {angles} tilt angles; correct the angle "
                f"file, pass angles=..., "
                "or drop views with exclude=[...]"
            )
        if self.precision is not None and self.precision.shape != self.data.shape:
            raise UserError(
                f"{self.name}: a precision of shape {tuple(self.precision.shape)} given, one for "
                f"every pixel of {tuple(self.data.shape)} wanted"
            )

    def after(
        self,
        step: str,
        *,
        data: Tensor | None = None,
        geometry: Geometry | None = None,
        facts: Mapping[str, object] | None = None,
        precision: Tensor | None = None,
        warnings: tuple[str, ...] = (),
    ) -> TiltSeries:
        """The same series after one more step, named by a sentence for its history."""
        return replace(
            self,
            data=self.data if data is None else data,
            geometry=self.geometry if geometry is None else geometry,
            history=(*self.history, step),
            facts={**self.facts, **(facts or {})},
            precision=self.precision if precision is None else precision,
            warnings=(*self.warnings, *warnings),
        )

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        """(tilt, y, x) for NumPy."""
        return _as_array(self.data, dtype)

    def picture(self, width_px: int = 480) -> Picture:
        """Three views: at the lowest tilt, the middle one and the highest."""
        order = np.argsort(self.geometry.angles_deg)
        views = [self.data[int(order[k])].numpy(force=True) for k in (0, len(order) // 2, -1)]
        return draw(views, width_px)

    @property
    def facts_in_words(self) -> dict[str, str]:
        """What one wants to know first: views, tilts, pixel, what alignment has left to do."""
        n, rows, columns = self.data.shape
        geometry, angles = self.geometry, np.sort(self.geometry.angles_deg)
        found = {
            "views": f"{n} of {columns} x {rows} pixels (x, y)",
            "tilts": f"{angles[0]:g} to {angles[-1]:g} deg",
            "pixel": "unknown" if geometry.pixel_nm is None else f"{geometry.pixel_nm:.4g} nm",
        }
        if geometry.axis_deg != 0 or geometry.shifts_px is not None:
            found["to be resampled"] = f"axis at {geometry.axis_deg:.2f} deg, shifts"
        return found

    def __repr__(self) -> str:
        return f"TiltSeries {self.name}: {'; '.join(f'{k} {v}' for k, v in self.facts_in_words.items())}"

    def _repr_html_(self) -> str:
        return describe(self.name, self.facts_in_words, self.history, self.picture())


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """A tomogram. ``data``: (z, y, x) float32. ``unit``: of its grey values, such as ``PER_NM``.

    A volume that claims a voxel size must say its unit: what an algorithm returns is per pixel, and
    would silently pass for per nm. Raises ``UserError`` for anything else.
    """

    data: Tensor
    voxel_nm: float | None
    name: str = "volume"
    history: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        _check_data(self.data, self.name, "volume", "(z, y, x)", "volume(array, voxel_nm=...)")
        if self.voxel_nm is not None and not 0 < self.voxel_nm < float("inf"):
            raise UserError(
                f"{self.name}: a voxel size of {self.voxel_nm} nm given, a positive number wanted"
            )
        if self.voxel_nm is not None and not self.unit:
            raise UserError(
                f"{self.name}: a voxel size of {self.voxel_nm:g} nm given without the unit of the "
                "grey values; what an algorithm returns is per pixel, and "
                "tiltwise.volume(x, voxel_nm=...) makes it per nm; else say unit='...'"
            )

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        """(z, y, x) for NumPy."""
        return _as_array(self.data, dtype)

    def picture(self, width_px: int = 480) -> Picture:
        """The three middle slices: xy, xz, and zy."""
        z, y, x = (n // 2 for n in self.data.shape)
        slices = (self.data[z], self.data[:, y], self.data[:, :, x].T)
        return draw([s.numpy(force=True) for s in slices], width_px)

    @property
    def facts_in_words(self) -> dict[str, str]:
        """What one wants to know first: voxels, their size, the unit of the grey values."""
        z, y, x = self.data.shape
        return {
            "voxels": f"{x} x {y} x {z} (x, y, z); y is the tilt axis, z the beam",
            "voxel": "unknown" if self.voxel_nm is None else f"{self.voxel_nm:.4g} nm",
            "grey values": self.unit or "unknown unit",
        }

    def __repr__(self) -> str:
        return (
            f"Volume {self.name}: {'; '.join(f'{k} {v}' for k, v in self.facts_in_words.items())}"
        )

    def _repr_html_(self) -> str:
        return describe(self.name, self.facts_in_words, self.history, self.picture())


@dataclass(frozen=True, eq=False)
class Slices:
    """The three planes through the middle of a volume: ``xy`` (y, x), ``xz`` (z, x), ``zy`` (z,
    y)."""

    xy: np.ndarray
    xz: np.ndarray
    zy: np.ndarray


def _as_array(data: Tensor, dtype: object) -> np.ndarray:
    array = data.numpy(force=True)
    return array if dtype is None else array.astype(dtype)  # type: ignore[call-overload]


def _check_data(data: object, name: str, what: str, axes: str, maker: str) -> None:
    """Raise ``UserError`` for anything but a three-dimensional float32 tensor."""
    if not isinstance(data, Tensor):
        kind = f"{type(data).__module__.split('.')[0]}.{type(data).__name__}"
        raise UserError(
            f"{name}: {kind} given, a torch float32 tensor {axes} wanted; tiltwise.{maker} takes "
            "any array"
        )
    if data.ndim != 3 or data.dtype != torch.float32:
        raise UserError(
            f"{name}: a {what} of shape {tuple(data.shape)} and type {data.dtype} given, {axes} "
            f"float32 wanted; check that it is one, or let tiltwise.{maker} make it"
        )
