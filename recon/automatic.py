"""Options that say ``auto``: settled once, on a sample of rows, before the slabs, so that all slabs
share them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from torch import Tensor

from recon.algorithms.sirt import sirt
from recon.algorithms.sirt_iterations import choose_iterations
from recon.algorithms.tv import tv
from recon.algorithms.tv_weight import choose_weight
from recon.projectors.base import Projector

SAMPLE_ROWS = 24


def settle(
    algorithm: functools.partial[Tensor], A: Projector, y: Tensor, noise: Callable[[], float]
) -> tuple[functools.partial[Tensor], dict[str, object]]:
    """(algorithm without ``auto``, what was found). ``noise``: gives the standard deviation per
    pixel of ``y``."""
    if algorithm.func.__module__.startswith("recon.learned."):
        return _settle_learned(algorithm, A, y, noise)
    if algorithm.func is sirt and algorithm.keywords.get("n_iterations") == "auto":
        count = choose_iterations(
            _without(algorithm, "n_iterations", "stop"), A, busiest_rows(y).to(A.device)
        )
        return functools.partial(algorithm, n_iterations=count), {"sirt_iterations": count}
    if algorithm.func is not tv or algorithm.keywords.get("weight") != "auto":
        return algorithm, {}
    options = {
        k: v
        for k, v in algorithm.keywords.items()
        if k in ("dimensions", "mismatch", "minimum", "maximum")
    }
    sigma = algorithm.keywords.get("noise") or noise()
    weight = choose_weight(A, busiest_rows(y).to(A.device), noise=sigma, **options)
    return functools.partial(algorithm, weight=weight), {
        "tv_weight": weight,
        "noise_per_pixel": sigma,
    }


def _settle_learned(
    algorithm: functools.partial[Tensor], A: Projector, y: Tensor, noise: Callable[[], float]
) -> tuple[functools.partial[Tensor], dict[str, object]]:
    from recon.learned.restore import (
        irdm,
        primal_dual,
        settle_choices,
    )  # MONAI takes seconds to import

    if algorithm.func not in (irdm, primal_dual):
        return algorithm, {}
    sigma = algorithm.keywords.get("noise") or noise()
    found = settle_choices(algorithm, A, busiest_rows(y).to(A.device), sigma)
    named = {f"network_{k}" if k != "weight" else "tv_weight": v for k, v in found.items()}
    return functools.partial(algorithm, **found, noise=sigma), named


def _without(algorithm: functools.partial[Tensor], *names: str) -> functools.partial[Tensor]:
    return functools.partial(
        algorithm.func, **{k: v for k, v in algorithm.keywords.items() if k not in names}
    )


def busiest_rows(y: Tensor, count: int = SAMPLE_ROWS) -> Tensor:
    """The ``count`` neighbouring rows of (tilt, y, x) that hold most of the signal's variation."""
    if y.shape[1] <= count:
        return y
    power = y.var(dim=(0, 2)).numpy()
    first = int(np.argmax(np.convolve(power, np.ones(count), "valid")))
    return y[:, first : first + count].clone()
