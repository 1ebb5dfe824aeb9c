"""From clean projections to what a microscope counts: contrast, dose, scan noise, interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from recon.sinogram.pictures import Level, level_of
from recon.training.view_source import CleanViews


@dataclass(frozen=True, eq=False)
class NoisyViews:
    """``counts``: (tilt, y, x) as they would be known; ``truth``: their expectation; ``read``:
    variance of read-out noise in counts, as it would be known."""

    counts: Tensor
    truth: Tensor
    read: float
    level: Level


def expose(clean: CleanViews, rng: np.random.Generator, counts: float | None = None) -> NoisyViews:
    """Record ``clean``. ``counts``: in the brightest pixel, where it is not to be drawn."""
    ranges = clean.ranges
    dose = float(np.exp(rng.uniform(*np.log(ranges.counts)))) if counts is None else counts
    truth = dose * _contrast(clean, rng)
    beam = 1 + rng.uniform(0, 0.04) * rng.normal(size=(len(truth), 1, 1))
    truth = np.maximum(truth * beam, 0)
    seen, read = truth, 0.0
    if rng.random() < ranges.scanned:
        seen = _jittered(seen, rng.uniform(*ranges.jitter_px), rng)
    shift = rng.uniform(-0.5, 0.5, (len(truth), 2)) if rng.random() < ranges.aligned else None
    noisy = rng.poisson(np.maximum(seen, 0)).astype(np.float32)
    if rng.random() < ranges.reading:
        sigma = float(np.exp(rng.uniform(*np.log(ranges.read_noise))))
        noisy, read = noisy + sigma * rng.normal(size=noisy.shape).astype(np.float32), sigma**2
    if shift is not None:  # what is interpolated with the noise is smooth, and stays
        noisy = seen + _moved(noisy - seen, shift)
    known = float(np.exp(ranges.gain_error * rng.normal()))  # counts seem to be so many more
    given = torch.from_numpy(np.ascontiguousarray(noisy, np.float32)) * known
    read *= known**2 * float(np.exp(ranges.gain_error * rng.normal()))
    real = torch.from_numpy(np.ascontiguousarray(truth, np.float32)) * known
    return NoisyViews(given, real, read, level_of(given, read))


def _contrast(clean: CleanViews, rng: np.random.Generator) -> np.ndarray:
    """(tilt, y, x), 1 in the brightest pixel."""
    ranges = clean.ranges
    mass, own = clean.mass.numpy().astype(np.float64), clean.own.numpy().astype(np.float64)
    kind = rng.random()
    if kind < ranges.haadf:
        damping = rng.uniform(0.01, 1.5)
        image = -np.expm1(-damping * mass) / -np.expm1(-damping)
        image = image + (rng.uniform(0, 0.3) if rng.random() < 0.4 else 0.0)
    elif kind < ranges.haadf + ranges.bright_field:
        image = np.exp(-rng.uniform(0.2, 3.0) * mass)
    else:
        shadow = 0.65 + 0.35 * np.sin(rng.uniform(0, 6.3) + np.linspace(0, 2, len(mass)))
        image = (own + rng.uniform(0, 0.1) * mass) * shadow[:, None, None]
        image = image + (rng.uniform(0, 0.05) if rng.random() < 0.5 else 0.0)
    return np.asarray(image / max(float(image.max()), 1e-9))


def _jittered(images: np.ndarray, px: float, rng: np.random.Generator) -> np.ndarray:
    """Every line moved along x by its own part of a pixel."""
    off = px * rng.normal(size=(*images.shape[:2], 1))
    x = np.clip(np.arange(images.shape[2]) - off, 0, images.shape[2] - 1)
    low = np.minimum(x.astype(int), images.shape[2] - 2)
    part = x - low
    left, right = (np.take_along_axis(images, low + k, 2) for k in (0, 1))
    return np.asarray((1 - part) * left + part * right)


def _moved(images: np.ndarray, shifts_px: np.ndarray) -> np.ndarray:
    return np.stack(
        [
            ndimage.shift(image, shift, order=3, mode="grid-wrap")
            for image, shift in zip(images, shifts_px, strict=True)
        ]
    )
