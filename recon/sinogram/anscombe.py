"""The generalised Anscombe transform and its exact unbiased inverse: noise of counts made the same
everywhere, and back.

Counts u (Poisson, with read-out noise of variance s^2) become t = 2 sqrt(u + 3/8 + s^2), whose
standard deviation is about 1 from a few counts on. The inverse of that formula is biased; what is
wanted is the mean of u whose t has the expectation that was found (Makitalo and Foi 2013,
doi:10.1109/TIP.2012.2202675). Here that expectation is summed, not approximated.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from scipy import stats
from torch import Tensor

NODES = np.linspace(-6, 6, 193)  # standard deviations of read-out noise that are summed over
# Expected counts of the table: close where t bends; beyond its end the asymptotic inverse is exact
# to 1e-4 counts.
MEANS = np.concatenate([np.linspace(0, 2, 81)[:-1], np.geomspace(2, 400, 160)])


def stabilised(counts: Tensor, read: float) -> Tensor:
    """t of counts u; below -(3/8 + read) it is 0."""
    return 2 * torch.sqrt((counts + (0.375 + read)).clamp(min=0))


def expected(counts: Tensor, read: float) -> Tensor:
    """The expectation of t where u has the expectation ``counts`` >= 0."""
    table = _table(round(read, 9))
    inside = np.interp(counts.numpy(force=True), MEANS, table)
    return torch.where(
        counts > MEANS[-1], _asymptotic(counts, read), torch.from_numpy(inside).to(counts)
    )


def unbiased_inverse(t: Tensor, read: float) -> Tensor:
    """The expectation of u >= 0 where t has the expectation ``t``."""
    table = _table(round(read, 9))
    inside = torch.from_numpy(np.interp(t.numpy(force=True), table, MEANS)).to(t)
    far = t**2 / 4 - 0.125 - read  # E t = 2 sqrt(m + 1/8 + s^2) + ... for large m
    return torch.where(t > float(table[-1]), far, inside)


def _asymptotic(counts: Tensor, read: float) -> Tensor:
    return 2 * torch.sqrt(counts.clamp(min=0) + (0.125 + read))


@functools.lru_cache(maxsize=32)
def _table(read: float) -> np.ndarray:
    """E t at ``MEANS``, rising."""
    most = int(MEANS[-1] + 12 * np.sqrt(MEANS[-1]) + 20)
    k = np.arange(most)
    if read > 0:
        weights = np.exp(-0.5 * NODES**2)
        u = k[:, None] + np.sqrt(read) * NODES
        t = (2 * np.sqrt(np.maximum(u + 0.375 + read, 0)) * weights).sum(1) / weights.sum()
    else:
        t = 2 * np.sqrt(k + 0.375)
    found = stats.poisson.pmf(k[None], MEANS[:, None]) @ t
    # Where read-out noise is large the table's end and the asymptote must meet.
    found = found + (2 * np.sqrt(MEANS[-1] + 0.125 + read) - found[-1]) * (MEANS / MEANS[-1])
    rising: np.ndarray = np.maximum.accumulate(found)
    rising.setflags(write=False)
    return rising
