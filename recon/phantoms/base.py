"""What every phantom shares: the object it returns, and the one renderer that averages over
sub-voxels.

Families describe themselves in **box units**: the box's centre is the origin and its faces lie at
+-0.5, so that the same seed is the same object at any ``size``. A family is a function from points
to *region numbers*; ``render`` samples it ``oversample`` times per voxel and axis and averages.
Results are rounded to 2^-20, far below any noise, so that the last bit of a sine, which differs
between processors, does not reach them: a seed gives the same bits on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.progress import track_each
from recon.series import Volume

Regions = Callable[
    [np.ndarray, np.ndarray, np.ndarray], np.ndarray
]  # lines z (k,), y (m,), x (n,) -> (k, m, n) region numbers
BLOCK_POINTS = 2_000_000  # sub-voxels held at a time, a few tens of MB


@dataclass(frozen=True, eq=False)
class Phantom:
    """A specimen that is known exactly.

    ``density``: (z, y, x) float32, what a voxel holds on average, >= 0. ``labels``: (z, y, x)
    int16, the material that fills most of a voxel that is at least half full, else 0.
    ``instances``: (z, y, x) int32, countable things from 1. ``positions_px``: (n, 3) float64 as (z,
    y, x) from the centre. ``elements``: (channel, z, y, x) float32, one channel for each of
    ``element_names``.

    Raises ``UserError`` when the parts do not fit together.
    """

    density: Tensor
    labels: Tensor
    instances: Tensor | None
    positions_px: np.ndarray | None
    elements: Tensor | None
    voxel_nm: float
    name: str
    history: tuple[str, ...]
    element_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape, d = self.density.shape, self.density
        if (
            d.ndim != 3
            or d.dtype != torch.float32
            or not bool(torch.isfinite(d).all())
            or bool((d < 0).any())
        ):
            raise UserError(
                f"{self.name}: a density of shape {tuple(shape)} and type {d.dtype} given, (z, y, "
                f"x) float32, finite and >= 0 wanted"
            )
        for what, part, kind in (
            ("labels", self.labels, torch.int16),
            ("instances", self.instances, torch.int32),
        ):
            if part is not None and (
                part.shape != shape or part.dtype != kind or bool((part < 0).any())
            ):
                raise UserError(
                    f"{self.name}: {what} of shape {tuple(part.shape)} and type {part.dtype} "
                    f"given, {tuple(shape)} {kind}, >= 0 wanted"
                )
        if self.elements is not None and self.elements.shape != (len(self.element_names), *shape):
            raise UserError(
                f"{self.name}: elements of shape {tuple(self.elements.shape)} given, one (z, y, x) "
                f"channel for each of "
                f"{self.element_names} wanted"
            )
        if self.positions_px is not None and (
            self.positions_px.ndim != 2 or self.positions_px.shape[1] != 3
        ):
            raise UserError(
                f"{self.name}: positions of shape {self.positions_px.shape} given, (n, 3) as (z, "
                f"y, x) wanted"
            )
        if self.positions_px is not None:
            object.__setattr__(
                self, "positions_px", np.round(self.positions_px, 6)
            )  # the same bits everywhere, as the density
        if not (np.isfinite(self.voxel_nm) and self.voxel_nm > 0):
            raise UserError(
                f"{self.name}: voxel size {self.voxel_nm} nm given, a positive number wanted; pass "
                f"box_nm=..."
            )

    @property
    def volume(self) -> Volume:
        """The density as a tomogram would hold it."""
        return Volume(self.density, self.voxel_nm, self.name, self.history, "density")


@dataclass(frozen=True)
class Region:
    """What a region number stands for: a material's label and density, an instance, and the amount
    of each element."""

    label: int
    density: float
    instance: int = 0
    elements: tuple[float, ...] = ()


VACUUM = Region(0, 0.0)


@dataclass(frozen=True, eq=False)
class Rendered:
    """Arrays of ``render``: (z, y, x), and elements (channel, z, y, x); None where no region has
    any."""

    density: np.ndarray
    labels: np.ndarray
    instances: np.ndarray | None
    elements: np.ndarray | None

    def phantom(
        self,
        name: str,
        step: str,
        voxel_nm: float,
        positions_px: np.ndarray | None = None,
        element_names: tuple[str, ...] = (),
    ) -> Phantom:
        instances = None if self.instances is None else torch.from_numpy(self.instances)
        elements = None if self.elements is None else torch.from_numpy(self.elements)
        density, labels = torch.from_numpy(self.density), torch.from_numpy(self.labels)
        return Phantom(
            density,
            labels,
            instances,
            positions_px,
            elements,
            voxel_nm,
            name,
            (step,),
            element_names,
        )


def generator(seed: int) -> np.random.Generator:
    """The one source of randomness; PCG64, whose stream does not depend on the machine."""
    if seed < 0:
        raise UserError(f"seed={seed} given, a whole number from 0 wanted")
    return np.random.Generator(np.random.PCG64(seed))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """(3, 3), uniform on SO(3): a normal quaternion, normalised.  Muller 1959,
    doi:10.1145/377939.377946"""
    w, a, b, c = (q := rng.normal(size=4)) / np.sqrt((q * q).sum())
    return np.array(
        [
            [1 - 2 * (b * b + c * c), 2 * (a * b - c * w), 2 * (a * c + b * w)],
            [2 * (a * b + c * w), 1 - 2 * (a * a + c * c), 2 * (b * c - a * w)],
            [2 * (a * c - b * w), 2 * (b * c + a * w), 1 - 2 * (a * a + b * b)],
        ]
    )


def line(n: int, oversample: int = 1) -> np.ndarray:
    """(n * oversample,) centres of sub-voxels along an axis of n voxels, in box units."""
    return (np.arange(n * oversample) + 0.5) / (n * oversample) - 0.5


def quantise(values: np.ndarray) -> np.ndarray:
    """float32 multiples of 2^-20."""
    return (np.round(values * 1048576) / 1048576).astype(np.float32)


def in_range(name: str, value: float, low: float, high: float) -> float:
    """The value, or a ``UserError`` when it lies outside [low, high]."""
    if not low <= value <= high:
        raise UserError(f"{name}={value} given, a number from {low:g} to {high:g} wanted")
    return value


def check_size(shape: tuple[int, int, int], oversample: int, bytes_per_voxel: int = 10) -> None:
    """Raises ``UserError`` when a phantom of this shape is empty or will not fit into the free
    memory."""
    if min(shape) < 1 or max(shape) < 8:
        raise UserError(
            f"a phantom of {' x '.join(map(str, shape))} voxels given, at least 8 wanted; pass "
            f"size=..."
        )
    plane = shape[1] * shape[2] * oversample**3  # one plane of voxels is the smallest block
    wanted = (
        bytes_per_voxel * shape[0] * shape[1] * shape[2] + 64 * max(BLOCK_POINTS, plane)
    ) / 1e9
    if wanted > (free := free_gb()):
        raise UserError(
            f"a phantom of {' x '.join(map(str, shape))} voxels needs {wanted:.1f} GB and "
            f"{free:.1f} GB are free; pass a smaller size=..."
        )


def free_gb() -> float:
    """Memory that can be had without swapping."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        return int(text.split("MemAvailable:")[1].split()[0]) / 1e6
    except (OSError, IndexError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2e9


def render(
    regions_at: Regions,
    regions: Sequence[Region],
    shape: tuple[int, int, int],
    oversample: tuple[int, int, int],
) -> Rendered:
    """Averages over sub-voxels, block of planes by block of planes, so that memory stays that of
    the result.

    ``regions_at(z, y, x)``: (k, m, n) numbers into ``regions`` (0 is vacuum) at the points of three
    lines, in box units.
    """
    o, channels = oversample, len(regions[-1].elements)
    label_of = np.array([r.label for r in regions], np.int16)
    density_of = np.array([r.density for r in regions])
    instance_of = np.array([r.instance for r in regions], np.int32)
    counted = bool(instance_of.any())
    check_size(shape, round((o[0] * o[1] * o[2]) ** (1 / 3)), 6 + 4 * counted + 4 * channels)
    out = Rendered(
        np.empty(shape, np.float32),
        np.empty(shape, np.int16),
        np.empty(shape, np.int32) if counted else None,
        np.empty((channels, *shape), np.float32) if channels else None,
    )
    z, y, x = (line(n, f) for n, f in zip(shape, o, strict=True))
    planes = max(1, BLOCK_POINTS // (y.size * x.size * o[0]))
    for first in track_each("making the phantom", range(0, shape[0], planes)):
        part = slice(first, min(first + planes, shape[0]))
        ids = regions_at(z[part.start * o[0] : part.stop * o[0]], y, x)
        split = (part.stop - part.start, o[0], shape[1], o[1], shape[2], o[2])
        ids = ids.reshape(split)
        out.density[part] = quantise(density_of[ids].mean((1, 3, 5)))
        label = label_of[ids]
        fill = np.stack(
            [(label == k).sum((1, 3, 5), dtype=np.int32) for k in range(1, int(label_of.max()) + 1)]
        )
        winner = np.where(2 * fill.sum(0) >= o[0] * o[1] * o[2], 1 + fill.argmax(0), 0).astype(
            np.int16
        )
        out.labels[part] = winner
        if out.instances is not None:
            mine = np.where(label == winner[:, None, :, None, :, None], instance_of[ids], 0)
            out.instances[part] = mine.max((1, 3, 5))
        if out.elements is not None:
            for channel in range(channels):
                amount = np.array([r.elements[channel] if r.elements else 0.0 for r in regions])
                out.elements[channel, part] = quantise(amount[ids].mean((1, 3, 5)))
    return out
