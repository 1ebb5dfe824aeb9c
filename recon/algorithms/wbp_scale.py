"""By what the sum over the measured views is to be multiplied, so that a specimen comes out with
its density although a wedge of directions is missing.

A view of direction t gives the specimen's Fourier components along t, and their energy

    e(t) = integral |f| |Y_t(f)|^2 df,    integral of e over 180 degrees = integral of x^2        (1)

(Parseval in polar coordinates). The back-projection over the measured directions M alone has
<WBP, x> = integral of e over M: the specimen, a mean density x inside, is seen at the share of its
energy that was measured. The scale is the inverse of this share. A round specimen has the same e in
every direction and a share of |M| / 180 degrees (``full_scale``); an ellipse of half axes a and b
has

    e(t) proportional to 1 / (a^2 sin^2 t + b^2 cos^2 t) = 1 / (p + q cos 2t + r sin 2t)          (2)

wherever it lies. (2) is fitted to the measured e and stands for it in the wedge, as far as it
explains what was measured: several particles, facets or a film have other e, which nobody can
continue, and keep the scale of a round one.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len, rfft
from torch import Tensor

from recon.algorithms.ramp import ramp
from recon.geometry import view_weights_deg
from recon.projectors.base import Projector
from recon.projectors.masked import filled

FINEST = 0.25  # of the Nyquist frequency: shape lies below, and at low dose only noise above
LONGEST = 0.8  # sqrt(q^2 + r^2) / p: an ellipse three times as long as wide
TRUSTED = (0.9, 0.95)  # share of e's variation that (2) explains: not used below, used fully above
FEWEST = 4  # directions: three numbers are fitted


def full_scale(angles_deg: np.ndarray) -> float:
    """180 degrees / measured range: of a specimen that looks alike from all sides."""
    return float(np.pi / np.deg2rad(view_weights_deg(angles_deg)).sum())


def specimen_scale(A: Projector, y: Tensor) -> float:
    """The inverse of the share of its energy that a specimen has in the measured directions.

    ``y``: (tilt, y, x), of one or more rows, whose energies are added. Between half and twice
    ``full_scale``, which it is where all directions were measured and where equation (2) does not
    explain the views.
    """
    t = np.deg2rad(A.geometry.angles_deg)
    weights = np.deg2rad(view_weights_deg(A.geometry.angles_deg))
    full = full_scale(A.geometry.angles_deg)
    energy = view_energy(filled(A, y))
    directions = np.unique(np.round(np.mod(A.geometry.angles_deg, 180), 6)).size
    if full < 1 + 1e-9 or directions < FEWEST or not energy.sum() > 0:
        return full
    energy = energy / energy.mean()
    basis = np.stack([np.ones_like(t), np.cos(2 * t), np.sin(2 * t)], axis=1)
    p, q, r = fit_ellipse(basis, energy, weights)
    ellipse = basis @ [p, q, r]
    everywhere = np.pi / np.sqrt(p**2 - q**2 - r**2)
    missing = max(0.0, everywhere - float(weights @ (1 / ellipse)))
    measured = float(weights @ energy)
    shape = float(np.clip((measured + missing) / measured / full, 0.5, 2))
    low, high = TRUSTED
    trust = np.clip((explained(ellipse, energy, weights) - low) / (high - low), 0, 1)
    return float(full * shape**trust)


def view_energy(y: Tensor) -> np.ndarray:
    """(tilt,) e of equation (1), over all rows, of frequencies that fade out towards ``FINEST``."""
    n = next_fast_len(2 * y.shape[2], real=True)
    f = np.minimum(np.linspace(0, 1, n // 2 + 1) / FINEST, 1)
    response = ramp(n) * (0.5 + 0.5 * np.cos(np.pi * f))
    spectra = (rfft(view.numpy(force=True), n=n, axis=1) for view in y)
    return np.array([float((np.abs(s).astype(np.float64) ** 2 @ response).sum()) for s in spectra])


def fit_ellipse(basis: np.ndarray, energy: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(p, q, r) of equation (2) with least sum of weights * (1 - energy * basis @ (p, q, r))^2, no
    longer than ``LONGEST``."""
    root = np.sqrt(weights)
    rows = root[:, None] * energy[:, None] * basis
    p, q, r = np.linalg.lstsq(rows, root, rcond=None)[0]
    length = float(np.hypot(q, r))
    if length <= LONGEST * p:
        return np.array([p, q, r])
    shape = np.array([1, LONGEST * q / length, LONGEST * r / length])
    column = rows @ shape
    return np.asarray(shape * (column @ root) / (column @ column))


def explained(ellipse: np.ndarray, energy: np.ndarray, weights: np.ndarray) -> float:
    """The share of the energies' variation about a round specimen's that 1 / ``ellipse`` explains;
    at most 1."""
    circle = (weights @ energy) / (weights @ energy**2)
    left, all_of_it = (
        float(weights @ (1 - energy * model) ** 2)
        for model in (ellipse, np.full_like(energy, circle))
    )
    return 1 - left / all_of_it if all_of_it > 0 else 0.0
