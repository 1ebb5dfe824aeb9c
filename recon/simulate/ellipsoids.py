"""The built-in sample: a drifting, noisy tilt series with its truth, made without a file, a network
or our projector.

The specimen is a set of ellipsoids, whose projections are known in closed form at any sub-pixel
shift, so that nothing here shares its discretisation with the reconstruction (no inverse crime).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry, axis_rotation, centre
from recon.progress import track_each
from recon.series import PER_NM, TiltSeries, Volume
from recon.simulate.sample import Sample


@dataclass(frozen=True, eq=False)
class Ellipsoids:
    """``centre_px``: (n, 3) as (z, y, x); ``axes_px``: (n, 3, 3), columns are the semi-axes;
    ``density``: (n,), added where they overlap."""

    centre_px: np.ndarray
    axes_px: np.ndarray
    density: np.ndarray


def phantom(
    *,
    size: int = 128,
    max_tilt_deg: float = 66.0,
    step_deg: float = 2.0,
    drift_px: float = 4.0,
    axis_deg: float = 86.5,
    dose: float = 400.0,
    seed: int = 0,
) -> Sample:
    """A supported catalyst: a porous ellipsoidal support with dense particles on it and a rod.

    ``size``: detector pixels; ``drift_px``: standard deviation of the drift; ``dose``: counts in
    the brightest pixel, Poisson noise; ``axis_deg``: direction of the tilt axis in the recorded
    images. Pixels are 1 nm.
    """
    if (
        size < 16
        or not 0 < step_deg <= max_tilt_deg <= 90
        or not dose > 0
        or drift_px < 0
        or seed < 0
    ):
        raise UserError(
            f"sample of size={size}, step_deg={step_deg}, max_tilt_deg={max_tilt_deg}, "
            f"dose={dose}, drift_px={drift_px}, seed={seed} given; "
            "size >= 16, 0 < step_deg <= max_tilt_deg <= 90, dose > 0, drift_px >= 0 and seed >= 0 "
            "wanted"
        )
    rng = np.random.default_rng(seed)
    bodies = catalyst(size, rng)
    n_half = int(max_tilt_deg / step_deg + 1e-9)
    angles = step_deg * np.arange(-n_half, n_half + 1)
    drift = np.cumsum(rng.normal(size=(angles.size, 2)), axis=0)
    drift = drift_px * (drift - drift.mean(0)) / drift.std(0)
    geometry = Geometry(angles, 1.0, axis_deg, drift)
    clean = project_ellipsoids(bodies, geometry, (size, size))
    gain = dose / clean.max()
    offset = 20.0  # the detector's dark level
    counts = rng.poisson(gain * clean) + offset + rng.normal(0, 1, clean.shape)
    # A few cosmic rays, as every long acquisition has.
    hits = rng.integers(0, counts.size, counts.size // 50_000)
    counts.flat[hits] += 20 * dose
    step = (
        f"built-in sample: seed {seed}, {angles.size} views to {angles[-1]:g} deg, drift "
        f"{drift_px:g} px, axis {axis_deg:g} deg, dose {dose:g}"
    )
    recorded = Geometry(angles, 1.0)
    series = TiltSeries(torch.from_numpy(counts.astype(np.float32)), recorded, "phantom", (step,))
    truth = Volume(
        torch.from_numpy((gain * rasterise(bodies, size)).astype(np.float32)),
        1.0,
        "phantom truth",
        (step, "true densities"),
        PER_NM,
    )
    return Sample(series, truth, geometry)


def catalyst(size: int, rng: np.random.Generator) -> Ellipsoids:
    """Support, pores, particles on its surface, a rod across: all within 0.42 of the box from its
    centre."""
    centres, axes, density = [np.zeros(3)], [np.diag(size * np.array([0.22, 0.30, 0.26]))], [1.0]
    for _ in range(8):  # pores
        centres.append(size * rng.uniform(-0.12, 0.12, 3))
        axes.append(size * rng.uniform(0.02, 0.045) * np.eye(3))
        density.append(-1.0)
    for _ in range(14):  # particles, centred on the surface
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        radius = size * rng.uniform(0.012, 0.03)
        centres.append(axes[0] @ direction)
        axes.append(radius * np.eye(3))
        density.append(rng.uniform(4, 7))
    centres.append(size * np.array([0.1, 0.12, -0.3]))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    axes.append(turn @ np.diag(size * np.array([0.11, 0.02, 0.02])))
    density.append(3.0)
    return Ellipsoids(np.array(centres), np.array(axes), np.array(density))


def project_ellipsoids(
    bodies: Ellipsoids, geometry: Geometry, shape: tuple[int, int], oversample: int = 3
) -> np.ndarray:
    """(tilt, y, x) exact line integrals, averaged over ``oversample``^2 points per pixel, as
    recorded: axis and shifts not undone.

    An ellipsoid with S = axes axes' projects along d to 2 |det axes| / sqrt(det S_p) * sqrt(1 - w'
    S_p^-1 w), where S_p and w are S and the offset from its centre in the plane of the detector.
    """
    fine = (np.arange(oversample) + 0.5) / oversample - 0.5
    y = ((np.arange(shape[0]) - centre(shape[0]))[:, None] + fine).ravel()
    x = ((np.arange(shape[1]) - centre(shape[1]))[:, None] + fine).ravel()
    raw = np.stack(np.meshgrid(y, x, indexing="ij"))  # positions on the detector
    turn = axis_rotation(geometry.axis_deg)
    shifts = np.zeros((geometry.n_views, 2)) if geometry.shifts_px is None else geometry.shifts_px
    out = np.empty((geometry.n_views, *shape))
    views = list(zip(np.deg2rad(geometry.angles_deg), shifts, strict=True))
    for view, (angle, shift) in enumerate(track_each("recording the sample", views)):
        aligned = np.tensordot(turn, raw, 1) + shift[:, None, None]  # equation (2) of geometry.py
        onto = np.array(
            [[0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
        )  # (z, y, x) -> (row, column), equation (1)
        total = np.zeros(aligned.shape[1:])
        for middle, axes, density in zip(
            bodies.centre_px, bodies.axes_px, bodies.density, strict=True
        ):
            plane = onto @ axes @ axes.T @ onto.T
            w = aligned - (onto @ middle)[:, None, None]
            inside = 1 - np.einsum("iab,ij,jab->ab", w, np.linalg.inv(plane), w)
            chord = 2 * abs(np.linalg.det(axes)) / np.sqrt(np.linalg.det(plane))
            total += density * chord * np.sqrt(np.maximum(inside, 0))
        out[view] = total.reshape(shape[0], oversample, shape[1], oversample).mean((1, 3))
    return out


def rasterise(bodies: Ellipsoids, size: int, oversample: int = 2) -> np.ndarray:
    """(z, y, x) float32 densities on a cube of ``size`` voxels, averaged over ``oversample``^3
    points per voxel."""
    fine = (np.arange(oversample) + 0.5) / oversample - 0.5
    line = ((np.arange(size) - centre(size))[:, None] + fine).ravel()
    out = np.zeros((size, size, size), np.float32)
    plane = np.stack(np.meshgrid(line, line, indexing="ij")).reshape(2, -1)
    inverses = np.linalg.inv(bodies.axes_px)
    for i, z in enumerate(track_each("making the sample's truth", line)):
        points = np.vstack([np.full(plane.shape[1], z), plane])
        total = np.zeros(plane.shape[1])
        for middle, inverse, density in zip(
            bodies.centre_px, inverses, bodies.density, strict=True
        ):
            total += density * (((inverse @ (points - middle[:, None])) ** 2).sum(0) <= 1)
        means = total.reshape(size, oversample, size, oversample).mean((1, 3))
        out[i // oversample] += (means / oversample).astype(np.float32)
    return out
