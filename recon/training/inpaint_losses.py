"""Losses of ``task=inpaint``: what is invented beside what TV reprojects, consistency of the whole
half-turn, and an error that knows its size."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.training.losses import FLOOR


def invented_error(out: Tensor, truth: Tensor, start: Tensor, missing: Tensor) -> Tensor:
    """Mean over slices of the squared error in missing views / that of ``start``, plus the same of
    errors behind a ramp filter; 2 for the start itself. (slice, angle, x) each, ``missing`` 0 or 1.

    The second one is the error of the slice: integral |p(w, t)|^2 |w| dw dt is its energy in the
    directions t (Parseval, and the projection-slice theorem).
    """
    error, before = (out - truth) * missing, (start - truth) * missing
    count = missing.sum((1, 2)).clamp(min=1)
    plain = error.square().sum((1, 2)) / (before.square().sum((1, 2)) + count * FLOOR**2)
    sharp = _ramped(error) / (_ramped(before) + count * FLOOR**2)
    return (plain + sharp).mean()


def inconsistency(sinograms: Tensor, angles_deg: Tensor) -> Tensor:
    """(slice,) how far moments over x of (slice, angle, x) are from those of any projections.

    Helgason and Ludwig: the k-th moment is a homogeneous polynomial of degree k in cos t and sin t
    (equation (1) of ``recon.geometry``). Mean square of what such polynomials of degree 0, 1 and 2
    do not explain, x from -1 to 1.
    """
    n_x = sinograms.shape[2]
    x = torch.linspace(-1, 1, n_x, dtype=sinograms.dtype)
    t = torch.deg2rad(angles_deg).to(torch.float64)
    c, s = torch.cos(t), torch.sin(t)
    wrong = sinograms.new_zeros(len(sinograms))
    for degree, basis in ((0, [c**2 + s**2]), (1, [c, s]), (2, [c**2, c * s, s**2])):
        q = torch.linalg.qr(torch.stack(basis, 1)).Q.to(sinograms.dtype)
        moments = (sinograms * x**degree).mean(2)
        wrong = wrong + (moments - moments @ q @ q.T).square().mean(1)
    return wrong


def consistency_beside(out: Tensor, start: Tensor, angles_deg: Tensor) -> Tensor:
    """``inconsistency`` of ``out`` / (that of ``start`` and a floor), mean over slices."""
    floor = (0.1 * FLOOR) ** 2
    return (inconsistency(out, angles_deg) / (inconsistency(start, angles_deg) + floor)).mean()


def likelihood(error: Tensor, log_variance: Tensor, missing: Tensor) -> Tensor:
    """Negative log of a Gaussian's density, per missing pixel; ``error`` is taken as it is, so that
    only the variance learns from it."""
    each = log_variance + error.detach().square() * torch.exp(-log_variance)
    return 0.5 * (each * missing).sum() / missing.sum().clamp(min=1)


def _ramped(views: Tensor) -> Tensor:
    """(slice,) energy behind a ramp filter, at most that without it."""
    n = 2 * views.shape[2]
    power = torch.fft.rfft(views, n=n, dim=2).abs().square()
    ramp = torch.linspace(0, 1, power.shape[2], dtype=views.dtype)
    energy: Tensor = 2 * (power * ramp).sum((1, 2)) / n
    return energy
