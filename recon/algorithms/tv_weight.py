"""The weight of TV, from the data alone."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from recon.algorithms.noise import noise_sigma
from recon.algorithms.pdhg import Pdhg
from recon.algorithms.withheld import EVERY, withheld_views
from recon.progress import track, track_each
from recon.projectors.base import Projector

FACTOR = 3.0  # between the weights that are tried
STEERED = 200  # iterations with a weight that follows the residual
FIRST, LATER = (
    150,
    80,
)  # iterations of the first weight tried, and of a later one, from its solution
LEAST = 1e-3  # of the scale: the least weight that is tried


def choose_weight(
    A: Projector,
    y: Tensor,
    *,
    dimensions: int = 3,
    mismatch: float = 0.005,
    noise: float | None = None,
    minimum: float | None = 0.0,
    maximum: float | None = None,
) -> float:
    """The discrepancy principle, and withheld views where it does not hold.

    Morozov's principle: the weight at which the residual equals what is known to be wrong with the
    data, ``||A x - y||^2 = N (noise^2 + (mismatch rms(y))^2)``. Real series contradict the
    projection model by more than their noise (damping, diffraction contrast, misalignment), the
    residual cannot come down to it, and the weight would fall to nothing. So the weight is raised
    from there for as long as views withheld from the reconstruction are predicted the better for
    it.
    """
    sigma = noise_sigma(y) if noise is None else noise
    rms = _rms(y)
    target = math.hypot(sigma, mismatch * rms)
    if target == 0:
        return 0.0
    # Where the prior and the data would balance if all of the signal were error; the weights of
    # interest lie well below.
    scale = rms * math.sqrt(A.sinogram_tx[0])
    predicts = A.sinogram_tx[0] >= 2 * EVERY
    most = (1 - 1 / EVERY) * _most_iterations(LEAST) if predicts else 0.0
    with track("choosing the weight of TV", STEERED + most) as phase:
        with phase.part(STEERED):
            weight = _by_discrepancy(A, y, target, scale, dimensions, minimum, maximum)
        weight = max(weight, LEAST * scale)
        if not predicts:
            return weight
        with phase.part(most):
            return _by_prediction(A, y, weight, scale, dimensions, minimum, maximum)


def _by_discrepancy(
    A: Projector,
    y: Tensor,
    target: float,
    scale: float,
    dimensions: int,
    minimum: float | None,
    maximum: float | None,
) -> float:
    """The iteration itself, its weight steered after every tenth step; gently, because an iterate
    lags behind its weight."""
    state = Pdhg(A, y, dimensions, minimum, maximum, None)
    state.weight = target / _rms(y) * scale
    for i in track_each("tv", range(1, STEERED + 1)):
        state.iterate()
        if i >= 30 and i % 10 == 0:
            state.weight *= float(np.clip(target / _rms(state.residual()), 0.6, 1.6))
    return state.weight


def _by_prediction(
    A: Projector,
    y: Tensor,
    weight: float,
    scale: float,
    dimensions: int,
    minimum: float | None,
    maximum: float | None,
) -> float:
    """Raise ``weight`` by ``FACTOR`` while the error of withheld views falls; the minimum is
    interpolated by a parabola."""
    kept, held = withheld_views(A.geometry.angles_deg)
    seen, unseen = A.views(kept), A.views(held)
    state = Pdhg(seen, y[kept.tolist()], dimensions, minimum, maximum, None)
    errors: list[float] = []
    with track("tv", _most_iterations(weight / scale)) as phase:
        while weight * FACTOR ** len(errors) <= scale:
            state.weight = weight * FACTOR ** len(errors)
            for _ in range(LATER if errors else FIRST):
                state.iterate()
                phase.advance()
            errors.append(_rms(unseen(state.x) - y[held.tolist()]))
            if len(errors) > 1 and errors[-1] > errors[-2]:
                break
    if len(errors) < 3:
        return weight
    left, middle, right = np.log(errors[-3:])
    bend = left - 2 * middle + right
    best = len(errors) - 2 + (0.5 * (left - right) / bend if bend > 0 else 1.0)
    return float(weight * FACTOR**best)


def _most_iterations(share: float) -> int:
    """Of ``_by_prediction`` from a weight of ``share`` of the scale, if the error never rises."""
    return FIRST + LATER * max(0, math.floor(math.log(1 / share, FACTOR)))


def _rms(values: Tensor) -> float:
    return math.sqrt(float((values.double() ** 2).mean()))
