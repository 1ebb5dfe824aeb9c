"""One training example: a few rows of a phantom, a tilt series drawn from ranges, and what a
network is given of it.

Made from a seed alone, on a grid finer than the reconstruction's, so that no file is needed and no
discretisation is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import busiest_rows
from recon.geometry import Geometry
from recon.learned.inputs import make_inputs, snr
from recon.phantoms.base import Phantom
from recon.projectors.native import NativeProjector

Family = Callable[..., Phantom]


@dataclass(frozen=True)
class Ranges:
    """What a series is drawn from, [low, high] each. ``wedge_deg``: what is missing;
    ``tilt_offset_deg``: by how much it is off-centre.

    ``counts``: in the brightest pixel, log-uniform, Poisson; a share ``noise_free`` of the series
    has none. ``damping``: thickest ray in units of the signal's saturation. ``misalignment_px``:
    standard deviation of column shifts that nobody knows of.
    """

    wedge_deg: tuple[float, float] = (40.0, 80.0)
    tilt_offset_deg: tuple[float, float] = (-4.0, 4.0)
    step_deg: tuple[float, float] = (1.0, 5.0)
    counts: tuple[float, float] = (20.0, 5000.0)
    noise_free: float = 0.15
    damping: tuple[float, float] = (0.0, 0.2)
    misalignment_px: tuple[float, float] = (0.0, 0.6)
    flat: float = (
        0.25  # share of examples whose rows are taken as unrelated slices, as 2-D data are
    )


@dataclass(frozen=True, eq=False)
class Example:
    """``tv``, ``wbp``, ``truth``: (z, row, x); ``y``: (tilt, row, x); all in units of ``scale``, a
    specimen's density about 1."""

    tv: Tensor
    wbp: Tensor
    truth: Tensor
    y: Tensor
    angles_deg: np.ndarray
    snr: float
    flat: bool
    family: str


def make_example(
    fine: Tensor,
    finer: int,
    family: str,
    ranges: Ranges,
    rng: np.random.Generator,
    *,
    rows: int = 32,
) -> Example:
    """Record ``fine`` (z, y, x), a density on a grid ``finer`` times finer than the
    reconstruction's, and reconstruct it."""
    density, geometry = turn(fine, rng), draw_geometry(ranges, rng)
    density = busy_rows(density, rows * finer, finer, rng)
    truth = _binned(density, finer)
    y = record(density, finer, geometry, ranges, rng)
    n = truth.shape[0]
    A = NativeProjector(Geometry(geometry.angles_deg, None), (n, n), n)
    noise, flat = measure_photon_transfer(y).sigma, bool(rng.random() < ranges.flat)
    dimensions = 2 if flat else 3
    weight = choose_weight(A, busiest_rows(y, 8), noise=noise, dimensions=dimensions)
    made = make_inputs(A, y, weight=weight, noise=noise, dimensions=dimensions)
    return Example(
        made.tv, made.wbp, truth / made.scale, y / made.scale, geometry.angles_deg, snr(y, noise), flat, family
    )  # fmt: skip


def draw_geometry(ranges: Ranges, rng: np.random.Generator) -> Geometry:
    """Equal steps over what a wedge leaves, and column shifts that the reconstruction will not be
    told of."""
    half = 90 - rng.uniform(*ranges.wedge_deg) / 2
    offset, step = rng.uniform(*ranges.tilt_offset_deg), rng.uniform(*ranges.step_deg)
    n_half = int(half / step)
    angles = step * np.arange(-n_half, n_half + 1) + offset
    shifts = np.zeros((angles.size, 2))
    shifts[:, 1] = rng.uniform(*ranges.misalignment_px) * rng.normal(size=angles.size)
    return Geometry(angles, None, 0.0, shifts - shifts.mean(0))


def record(
    density: Tensor, finer: int, geometry: Geometry, ranges: Ranges, rng: np.random.Generator
) -> Tensor:
    """(z, y, x) fine density -> (tilt, y / finer, x / finer) views in units of density * coarse
    pixel, damped, counted, binned."""
    mass = project_binned(density, finer, geometry)
    thickest = float(mass.max()) or 1.0
    return count(damped(mass, thickest, ranges, rng), thickest, ranges, rng)


def project_binned(density: Tensor, finer: int, geometry: Geometry) -> Tensor:
    """(z, y, x) fine density -> (tilt, y / finer, x / finer) views in units of density * coarse
    pixel."""
    assert geometry.shifts_px is not None
    n = density.shape[0]
    shifted = Geometry(geometry.angles_deg, None, 0.0, finer * geometry.shifts_px)
    views = NativeProjector(shifted, (n, n), n)(density)
    t, rows, columns = views.shape
    return views.reshape(t, rows // finer, finer, columns // finer, finer).mean((2, 4)) / finer


def damped(mass: Tensor, thickest: float, ranges: Ranges, rng: np.random.Generator) -> Tensor:
    """``mass``, ``thickest`` at most, seen by a signal that saturates."""
    damping = rng.uniform(*ranges.damping)
    if damping > 1e-3:
        mass = (1 - torch.exp(-mass * (damping / thickest))) * (thickest / damping)
    return mass


def count(mass: Tensor, thickest: float, ranges: Ranges, rng: np.random.Generator) -> Tensor:
    """Views counted, in the units of ``mass``: so many counts where it is ``thickest``; or noise-free."""
    if rng.random() < ranges.noise_free:
        return mass
    counts = float(np.exp(rng.uniform(*np.log(ranges.counts)))) / thickest
    return (
        torch.from_numpy(rng.poisson(mass.clamp(min=0).numpy() * counts).astype(np.float32))
        / counts
    )


def turn(volume: Tensor, rng: np.random.Generator) -> Tensor:
    """One of the 48 ways to put a cube into its box; a slab of other height (y) is only turned
    about y and mirrored."""
    axes = [0, 1, 2]
    if volume.shape[1] == volume.shape[0]:
        axes = [int(a) for a in rng.permutation(3)]
    elif rng.random() < 0.5:
        axes = [2, 1, 0]
    return torch.flip(
        volume.permute(*axes), [axis for axis in range(3) if rng.random() < 0.5]
    ).contiguous()


def busy_rows(volume: Tensor, rows: int, step: int, rng: np.random.Generator) -> Tensor:
    """A window of rows with something in it, the more often the more there is."""
    if volume.shape[1] <= rows:
        return volume
    power = volume.var(dim=(0, 2)).double().numpy()
    starts = np.arange(0, volume.shape[1] - rows + 1, step)
    there = np.array([power[s : s + rows].sum() for s in starts]) + 1e-12
    first = int(rng.choice(starts, p=there / there.sum()))
    return volume[:, first : first + rows].contiguous()


def _binned(volume: Tensor, factor: int) -> Tensor:
    z, y, x = (n // factor for n in volume.shape)
    return volume.reshape(z, factor, y, factor, x, factor).mean((1, 3, 5))
