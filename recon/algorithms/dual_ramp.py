"""The ramp filter as the dual step of least squares: what makes TV's iteration fast."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.algorithms.operator_norm import filtered_norm, operator_norm
from recon.projectors.base import Projector
from recon.projectors.masked import MaskedProjector

CHUNK = 1 << 21  # pixels that are transformed at once: the spectra stay small


class Ramp:
    """F, a circulant filter along x, 1 at the finest frequency and falling as |k| to that of one
    period; ``norm`` bounds ||A' F A||.

    Where pixels are masked, F would make edges of the mask's borders, and there is no bound short
    of all rows' norms: F is flat there, at the height that has the same ``norm``.
    """

    def __init__(self, A: Projector) -> None:
        self.width = A.sinogram_tx[1]
        frequency = torch.fft.rfftfreq(self.width).double()
        self.response = (2 * frequency).clamp(min=2 / self.width).float()
        self.norm = filtered_norm(A, self)
        if isinstance(A, MaskedProjector):
            self.response = torch.full_like(self.response, self.norm / operator_norm(A) ** 2)

    def __call__(self, sinogram: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(sinogram, dim=-1) * self.response
        filtered: Tensor = torch.fft.irfft(spectrum, n=self.width, dim=-1)
        return filtered

    def ascend(self, p: Tensor, misfit: Tensor, step: float, over: float) -> None:
        """p <- p + over (p_new - p) in place, p_new = (1 + step F)^-1 (p + step F misfit)."""
        slope = step * self.response
        toward = over * slope / (1 + slope)  # p_new - p is this of misfit - p
        views = max(1, CHUNK // (p.shape[1] * p.shape[2]))
        for first in range(0, p.shape[0], views):
            part = slice(first, first + views)
            spectrum = torch.fft.rfft(misfit[part] - p[part], dim=-1) * toward
            p[part] += torch.fft.irfft(spectrum, n=self.width, dim=-1)
