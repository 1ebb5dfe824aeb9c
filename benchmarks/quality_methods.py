"""The methods of the quality benchmark: name -> (A, y) -> volume. Nothing here knows the case, and
none is given the truth.

Another method is one entry more in ``METHODS``. A method that chooses a parameter from the data may
have an entry in ``SETTLED`` too: it returns the method with the parameter fixed, which is then used
for the result and, as in the trust scores, for the withheld views.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from torch import Tensor

from recon.algorithms.noise import noise_sigma
from recon.algorithms.sart import sart
from recon.algorithms.sirt import sirt
from recon.algorithms.sirt_iterations import choose_iterations
from recon.algorithms.tv import tv
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.wbp import wbp
from recon.learned.irdm2020 import irdm2020
from recon.learned.restore import irdm, primal_dual, settle_choices
from recon.projectors.base import Projector

Method = functools.partial[Tensor]

# What scikit-image's relaxation of 0.25 is in ours (see recon.algorithms.sart): the settings of the
# printed SART10.
PRINTED_RELAXATION = 4.5 * 0.25


def settle_sirt(A: Projector, y: Tensor) -> Method:
    """``n_iterations='auto'``"""
    return functools.partial(sirt, n_iterations=choose_iterations(functools.partial(sirt), A, y))


def settle_tv(A: Projector, y: Tensor, dimensions: int) -> Method:
    """``weight='auto'``"""
    return functools.partial(
        tv, weight=choose_weight(A, y, dimensions=dimensions), dimensions=dimensions
    )


def settle_learned(method: Method, A: Projector, y: Tensor, dimensions: int) -> Method:
    """All of TV's weight, the network's unit, its share, and the iterations after it."""
    noise = noise_sigma(y)
    method = functools.partial(method, dimensions=dimensions, noise=noise)
    return functools.partial(method, **settle_choices(method, A, y, noise))


METHODS: dict[str, Method] = {
    # As if 180 degrees had been measured: scikit-image's scale, that of the printed WBP; right for
    # a blob, too bright in the mean.
    "wbp": functools.partial(wbp),
    # At the scale of the measured range: the mean of the projections is right.
    "wbp_scaled": functools.partial(wbp, scale_to_full_range=False),
    "sirt": functools.partial(sirt, n_iterations="auto"),
    "sart": functools.partial(
        sart,
        n_iterations=10,
        relaxation=PRINTED_RELAXATION,
        order="golden",
        window="hamming",
        minimum=None,
    ),
    # The engine's defaults: positivity in place of the window.
    "sart_positive": functools.partial(sart),
    "tv": functools.partial(tv),
    "irdm2020": functools.partial(irdm2020),
    "irdm": functools.partial(irdm),
    "primal_dual": functools.partial(primal_dual),
}
SETTLED: dict[str, Callable[[Projector, Tensor, int], Method]] = {
    "sirt": lambda A, y, dimensions: settle_sirt(A, y),
    "tv": settle_tv,
    "irdm": functools.partial(settle_learned, functools.partial(irdm)),
    "primal_dual": functools.partial(settle_learned, functools.partial(primal_dual)),
}


def settled(name: str, A: Projector, y: Tensor, dimensions: int) -> Method:
    """The method, its automatic parameters chosen. ``dimensions``: 2 where the rows have nothing to
    do with each other."""
    return SETTLED[name](A, y, dimensions) if name in SETTLED else METHODS[name]
