"""The methods of the quality benchmark: name -> (A, y) -> volume. Nothing here knows the case, and
none is given the truth.

Another method is one entry more in ``METHODS``. What a method chooses from the data is settled once
and then used for the result and, as in the trust scores, for the withheld views.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.sart import SART
from recon.algorithms.sart_scheme import Scheme
from recon.algorithms.sirt import SIRT
from recon.algorithms.tv import TV
from recon.algorithms.wbp import WBP
from recon.learned.irdm2020 import IRDM2020
from recon.learned.restore import IRDM, PRIMAL_DUAL
from recon.projectors.base import Projector
from recon.stage import BoundMethod, volume_only

# What scikit-image's relaxation of 0.25 is in ours (see recon.algorithms.sart): the settings of the
# printed SART10.
PRINTED_RELAXATION = 4.5 * 0.25

METHODS: dict[str, BoundMethod] = {
    # As if 180 degrees had been measured: scikit-image's scale, that of the printed WBP; right for
    # a round specimen.
    "wbp": WBP(scale="full"),
    # As measured: the specimen's Fourier components where there are views, nothing elsewhere.
    "wbp_scaled": WBP(scale=1.0),
    # The engine's default: right in the mean for the specimen's shape.
    "wbp_auto": WBP(),
    "sirt": SIRT(),
    "sart": SART(
        n_iterations=10,
        relaxation=PRINTED_RELAXATION,
        scheme=Scheme(order="golden", window="hamming"),
        minimum=None,
    ),
    # The engine's defaults: positivity in place of the window.
    "sart_positive": SART(),
    "tv": TV(),
    "irdm2020": IRDM2020(),
    "irdm": IRDM(),
    "primal_dual": PRIMAL_DUAL(),
}


def settled(
    name: str, A: Projector, y: Tensor, dimensions: int
) -> Callable[[Projector, Tensor], Tensor]:
    """The method, its automatic parameters chosen on all of ``y``. ``dimensions``: 2 where the rows
    have nothing to do with each other."""
    method = METHODS[name]
    if "dimensions" in method.options:
        method = method.but({"dimensions": dimensions})
    settle = method.declared.settle
    return volume_only(
        method if settle is None else settle(method, A, y, measure_photon_transfer(y).sigma).method
    )
