"""The deep image prior as it goes on: a network without training, fitted to the views."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from models.image_prior import ImagePrior
from recon.algorithms.base import bound
from recon.learned.inputs import grey_scale
from recon.projectors.base import Projector
from recon.projectors.masked import of_rows

DataTerm = Literal["poisson", "least_squares"]

NEAR = 3  # channels: a slice between its neighbours
NOISE = 8  # channels of noise beside them
MEAN = 0.9  # of the running mean: of some ten steps, between which a fit jitters
PIXELS_AT_ONCE = 1 << 19  # of slices: what a step holds for its gradient
LEAST = 1e-6  # expectation of a ray, in units of the specimen's density
SOFT = 20.0  # per density: how far below the lowest value a voxel still feels the views


class DeepPrior:
    """``x`` after so many of ``iterate``: the running mean of what the network says.

    Each step of Adam fits all rows at once to the Poisson likelihood of ``y`` (tilt, y, x), or to
    || A x - y ||^2. ``start``: (z, y, x) the network is given its slices, with their neighbours,
    beside fixed noise, and says what to add to them: nothing, at first. None: it is given noise
    alone, and begins with the same density everywhere. ``spread``: the standard deviation of ``x`` over the steps of the
    mean.
    """

    def __init__(
        self,
        A: Projector,
        y: Tensor,
        *,
        start: Tensor | None = None,
        data_term: DataTerm = "poisson",
        learning_rate: float = 3e-3,
        minimum: float | None = 0.0,
        maximum: float | None = None,
        seed: int = 0,
    ) -> None:
        self._A, self._bounds, self._poisson = A, (minimum, maximum), data_term == "poisson"
        begun = _filled(A, y) if start is None else start
        self._scale = grey_scale(begun) or 1.0
        self._y = y / self._scale
        self._size = float((self._y.double() ** 2).sum()) or 1.0
        self._read = read_noise(self._y) if self._poisson else 0.0
        self._sum = float((self._y + self._read).clamp(min=0).double().sum()) or 1.0
        self._start = begun.permute(1, 0, 2) / self._scale
        self._slices = _given(None if start is None else self._start, self._start, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._network = ImagePrior(self._slices.shape[1]).to(y.device)
        self._adam = torch.optim.Adam(self._network.parameters(), lr=learning_rate)
        self._mean = torch.zeros_like(begun)
        self._square = torch.zeros_like(begun)
        self._total = 0.0

    @property
    def x(self) -> Tensor:
        """(z, y, x)"""
        mean = self._mean * (self._scale / max(self._total, 1e-12))
        return bound(mean, *self._bounds)

    @property
    def spread(self) -> Tensor:
        """(z, y, x), in units of ``x``."""
        mean, square = (part / max(self._total, 1e-12) for part in (self._mean, self._square))
        return (square - mean**2).clamp(min=0).sqrt() * self._scale

    def iterate(self) -> float:
        """One step; returns || A f - y || / || y || before it."""
        n_z, n_y, n_x = self._mean.shape
        at_once = max(1, PIXELS_AT_ONCE // (n_z * n_x))
        self._adam.zero_grad()
        wrong = 0.0
        for part in (slice(r, min(r + at_once, n_y)) for r in range(0, n_y, at_once)):
            x = self._said(part).permute(1, 0, 2)  # (z, row, x)
            views, y = of_rows(self._A, part)(x), self._y[:, part]
            error = (views - y).square().sum()
            fit = (
                _unlikely(views + self._read, y + self._read) / self._sum
                if self._poisson
                else error / self._size
            )
            fit.backward()  # type: ignore[no-untyped-call]
            wrong += float(error.detach())
            with torch.no_grad():
                self._mean[:, part].mul_(MEAN).add_(x, alpha=1 - MEAN)
                self._square[:, part].mul_(MEAN).add_(x.square(), alpha=1 - MEAN)
        self._total = MEAN * self._total + (1 - MEAN)
        self._adam.step()
        return float((wrong / self._size) ** 0.5)

    def _said(self, rows: slice) -> Tensor:
        """(row, z, x), in units of the specimen's density, not below the lowest value."""
        out: Tensor = self._start[rows] + self._network(self._slices[rows])
        if self._bounds[0] is None:
            return out
        lowest = self._bounds[0] / self._scale
        # What is cut off keeps a gradient: a voxel of vacuum may yet become matter.
        soft = functional.softplus(out - lowest, SOFT) + lowest
        return soft + (out.clamp(min=lowest) - soft).detach()


def _filled(A: Projector, y: Tensor) -> Tensor:
    """(z, y, x) the density that fills the whole volume with what the views hold."""
    ones = A.T(y).fill_(1.0)
    return ones.mul_(max(float(y.double().sum() / A(ones).double().sum()), 0.0))


def read_noise(y: Tensor) -> float:
    """Of read-out noise the variance in counts, so to speak: counts with it are nearly Poisson once
    it is added to them (Snyder et al. 1995, doi:10.1364/JOSAA.12.000272). Here the least that
    leaves next to no count below zero."""
    return max(0.0, -float(torch.quantile(y.flatten()[:: max(1, y.numel() >> 20)], 1e-3)))


def _unlikely(views: Tensor, y: Tensor) -> Tensor:
    """The negative logarithm of the Poisson likelihood of ``y``, in whatever unit, less its least."""
    views, y = views.clamp(min=LEAST), y.clamp(min=0)
    return (views - y - torch.xlogy(y, views / y.clamp(min=LEAST))).sum()


def _given(slices: Tensor | None, like: Tensor, seed: int) -> Tensor:
    """(row, channel, z, x): each of the ``slices`` (row, z, x) between its neighbours, where there
    are any, and noise."""
    generator = torch.Generator().manual_seed(seed)
    # The same noise in every row: rows that look alike come out alike.
    noise = 0.1 * torch.rand(NOISE, *like.shape[1:], generator=generator)
    beside = noise.to(like.device).expand(len(like), -1, -1, -1)
    if slices is None:
        own = torch.rand(len(like), NEAR, *like.shape[1:], generator=generator).to(like.device)
        return torch.cat([own, beside], 1)  # rows have nothing else that tells them apart
    order, last = torch.arange(len(slices)), len(slices) - 1
    near = [slices[(order + k).clamp(0, last)] for k in range(-(NEAR // 2), NEAR // 2 + 1)]
    return torch.cat([torch.stack(near, 1), beside], 1)
