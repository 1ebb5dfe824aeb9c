"""Scores that need no truth: what withheld views say, what was measured and what was invented.

A reconstruction that fits the views it was made from proves little. These numbers hold for every
method, classical or learned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.withheld import withheld_views
from recon.errors import UserError
from recon.geometry import view_weights_deg
from recon.metrics.volumes import crossing, fsc
from recon.progress import track
from recon.projectors.base import Projector

Reconstruct = Callable[[Projector, Tensor], Tensor]
"""(A, y) -> volume (z, y, x)"""
Given = Callable[[np.ndarray], tuple[Projector, Tensor]]
"""views -> what a reconstruction of those alone is given: the operator and the views"""


def as_measured(A: Projector, y: Tensor) -> Given:
    """Some of the views of ``y`` as they are."""
    return lambda views: (A.views(views), y[views.tolist()])


@dataclass(frozen=True, eq=False)
class Prediction:
    """Of withheld views. ``views``: their numbers in file order; ``per_view``: ||y - A x|| / ||y||
    of each; ``error``: of all of them."""

    views: np.ndarray
    per_view: np.ndarray
    error: float


def predict_withheld(
    A: Projector, y: Tensor, method: Reconstruct, *, every: int = 5, given: Given | None = None
) -> Prediction:
    """How well views are predicted that the reconstruction x has not seen. ``y``: (tilt, y, x), as
    measured. ``given``: what the method takes of the others; None: as they are. Raises
    ``UserError`` for too few.

    The pseudo-missing test of Deng et al. 2016 (doi:10.1016/j.jsb.2016.04.004). The true volume
    would be left with the noise.
    """
    kept, held = withheld_views(A.geometry.angles_deg, every)
    x = method(*(given or as_measured(A, y))(kept))
    unseen = y[held.tolist()]
    wrong = A.views(held)(x) - unseen
    return Prediction(
        held, _per_view(wrong) / np.maximum(_per_view(unseen), 1e-30), _relative(wrong, unseen)
    )


def withheld_error(A: Projector, y: Tensor, method: Reconstruct, *, every: int = 5) -> float:
    """||y - A x|| / ||y|| over all withheld views: ``predict_withheld``."""
    return predict_withheld(A, y, method, every=every).error


def whitened_residual(A: Projector, y: Tensor, x: Tensor, noise: float) -> np.ndarray:
    """(tilt,) rms of (y - A x) / noise per view: 1 where nothing but noise is left, below it where
    noise was fitted."""
    if not noise > 0:
        raise UserError(f"a noise of {noise} per pixel given, a positive number wanted")
    return _per_view(A(x) - y) / (noise * math.sqrt(y.shape[1] * y.shape[2]))


def changed_fraction(A: Projector, y: Tensor, x: Tensor) -> float:
    """How much of what was measured the volume x changed, as an energy-weighted distance in Fourier
    space (0: nothing).

    By the projection-slice theorem the transform of a view is the volume's on one line; an area in
    Fourier space counts each line by |k| times the angle it stands for, so this is ||X -
    X_measured|| / ||X_measured|| over the measured region.
    """
    weight = (
        torch.from_numpy(np.sqrt(view_weights_deg(A.geometry.angles_deg)))
        .float()[:, None, None]
        .to(y.device)
    )
    ramp = torch.sqrt(torch.fft.rfftfreq(y.shape[2], device=y.device))
    measured = torch.fft.rfft(y, dim=2) * ramp * weight
    changed = torch.fft.rfft(A(x) - y, dim=2) * ramp * weight
    return float(torch.linalg.vector_norm(changed) / torch.linalg.vector_norm(measured))


def invented_fraction(x: Tensor, angles_deg: np.ndarray) -> float:
    """Share of the volume's energy in directions that no view measured: the missing wedge of its
    (z, x) spectra.

    A view at tilt t measures the line of direction (k_z, k_x) = (sin t, cos t). ``x``: (z, y, x).
    What is in the wedge was put there by the algorithm's assumptions (positivity, smoothness,
    training); it may be right, but it was not measured. Frequencies below three samples are left
    out, where a wedge has no width, and a margin of half a tilt step counts as measured.
    """
    n_z, _, n_x = x.shape
    # A square window spreads the specimen's edges into all directions; a smooth one keeps the
    # wedge's energy its own.
    window = (
        torch.hann_window(n_z, periodic=False)[:, None]
        * torch.hann_window(n_x, periodic=False)[None]
    )
    k_z, k_x = np.fft.fftfreq(n_z)[:, None], np.fft.rfftfreq(n_x)[None]
    outside = _outside(np.rad2deg(np.arctan2(k_z, k_x)), angles_deg)
    counted = np.hypot(k_z, k_x) > 3 / min(n_z, n_x)
    counted &= np.hypot(k_z, k_x) <= 0.5
    twice = np.where((k_x == 0) | (k_x == 0.5), 1.0, 2.0)
    wedge, total = 0.0, 0.0
    for row in range(x.shape[1]):
        energy = np.abs(torch.fft.rfft2(x[:, row].cpu() * window).numpy()) ** 2 * twice * counted
        total += float(energy.sum(dtype=np.float64))
        wedge += float(energy[outside].sum(dtype=np.float64))
    return wedge / total if total > 0 else 0.0


def even_odd_curve(
    A: Projector, y: Tensor, method: Reconstruct, given: Given | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fourier shell correlation of the reconstructions from the even and from the odd views:
    (cycles per voxel, correlation). ``given``: as in ``predict_withheld``."""
    order = np.argsort(A.geometry.angles_deg)
    halves = []
    with track("reconstructing from half of the views", 2) as phase:
        for half in (order[::2], order[1::2]):
            with phase.part():
                halves.append(method(*(given or as_measured(A, y))(half)))
    return fsc(halves[0], halves[1])


def even_odd_fsc(A: Projector, y: Tensor, method: Reconstruct) -> dict[str, float]:
    """Where ``even_odd_curve`` falls below 0.5 and 0.143, in cycles per voxel."""
    return crossings(*even_odd_curve(A, y, method))


def _outside(direction_deg: np.ndarray, angles_deg: np.ndarray) -> np.ndarray:
    """True for directions farther from every view than the usual half step between views (lines:
    modulo 180)."""
    turned = np.sort(np.mod(angles_deg, 180.0))
    gaps = np.diff(np.concatenate([turned, turned[:1] + 180.0]))
    usual = float(np.median(gaps[gaps > 1e-6])) if (gaps > 1e-6).any() else 180.0
    near = np.concatenate([turned - 180, turned, turned + 180])
    at = np.searchsorted(near, np.mod(direction_deg, 180.0))
    distance = np.minimum(
        np.abs(np.mod(direction_deg, 180.0) - near[np.clip(at - 1, 0, near.size - 1)]),
        np.abs(near[np.clip(at, 0, near.size - 1)] - np.mod(direction_deg, 180.0)),
    )
    return np.asarray(distance > 0.75 * usual)


def crossings(frequency: np.ndarray, correlation: np.ndarray) -> dict[str, float]:
    return {str(level): crossing(frequency, correlation, level) for level in (0.5, 0.143)}


def _per_view(values: Tensor) -> np.ndarray:
    """(tilt,) Euclidean norms."""
    return np.asarray(
        torch.stack([torch.linalg.vector_norm(view.double()) for view in values]).numpy(force=True)
    )


def _relative(error: Tensor, of: Tensor) -> float:
    return float(torch.linalg.vector_norm(error.double()) / torch.linalg.vector_norm(of.double()))
