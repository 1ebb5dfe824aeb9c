"""The weight of TV, from the data alone."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.pdhg import ENOUGH, SHORT_STEPS, Pdhg, enough_iterations
from recon.algorithms.withheld import EVERY, withheld_views
from recon.progress import track, track_each
from recon.projectors.base import Projector

FACTOR = 3.0  # between the weights that are tried
STEERED, AVERAGED = 200, 50  # iterations with a weight that follows the residual; the last of them
FIRST, LATER = (
    150,
    60,
)  # iterations of the first weight tried, and of a later one, from its solution
LOWEST = 0.2  # of the weight that the steering begins with: views that contradict each other
QUIET = (
    0.01  # noise, as a share of the rms, below which the residual tells of unfinished iterations
)
QUIET_SHARE = 0.45  # of the weight to begin with, there: what slow iterations find on clean views
LEAST = 1e-3  # of the scale: the least weight that is tried
WORSE = 0.02  # of their error: what the noise may ask withheld views to bear


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

    Morozov's principle: the weight at which the residual of the *converged* volume equals what is
    known to be wrong with the data, ``||A x - y||^2 = N (noise^2 + (mismatch rms(y))^2)``. Real
    series contradict the projection model by more than their noise (damping, diffraction contrast,
    misalignment), the residual cannot come down to it, and the weight would fall to nothing. So the
    weight is raised from there for as long as views withheld from the reconstruction are predicted
    the better for it. Fine structure can be taken for noise; so it is lowered where they are
    predicted by more than ``WORSE`` worse than they could be.
    """
    sigma = measure_photon_transfer(y).sigma if noise is None else noise
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
        weight = target / rms * scale
        with phase.part(STEERED):
            if sigma < QUIET * rms:
                weight *= QUIET_SHARE
            else:
                state = Pdhg(A, y, dimensions, minimum, maximum, None, SHORT_STEPS)
                state.weight = weight
                weight = _by_discrepancy(state, target, 1 + 2 * (sigma / target) ** 2)
        weight = max(weight, LEAST * scale)
        if not predicts:
            return weight
        with phase.part(most):
            lower = sigma >= QUIET * rms
            return _by_prediction(A, y, weight, scale, dimensions, minimum, maximum, lower)


def _by_discrepancy(state: Pdhg, target: float, power: float) -> float:
    """The iteration itself, its weight steered after every tenth step; the geometric mean of the
    last, because an iterate lags behind its weight.

    ``power``: of the residual's share that the weight answers with. A residual of noise hardly
    feels the weight, one of a wrong model follows it.
    """
    logarithms, least = [], LOWEST * state.weight
    for i in track_each("tv", range(1, STEERED + 1)):
        state.iterate()
        if i >= 30 and i % 10 == 0:
            share = target / max(_rms(state.residual()), 1e-6 * target)
            state.weight = max(state.weight * float(np.clip(share**power, 0.6, 1.6)), least)
            if i > STEERED - AVERAGED:
                logarithms.append(math.log(state.weight))
    return math.exp(sum(logarithms) / len(logarithms))


def _by_prediction(
    A: Projector,
    y: Tensor,
    weight: float,
    scale: float,
    dimensions: int,
    minimum: float | None,
    maximum: float | None,
    lower: bool,
) -> float:
    """Raise ``weight`` by ``FACTOR`` while the error of withheld views falls, to the minimum of a
    parabola; or, if ``lower``, lower it, by one ``FACTOR`` at most, to what they can bear."""
    kept, held = withheld_views(A.geometry.angles_deg)
    seen, unseen = A.views(kept), A.views(held)
    state = Pdhg(seen, y[kept.tolist()], dimensions, minimum, maximum, None, SHORT_STEPS)

    errors: list[float] = []  # logarithms, at a ``FACTOR`` below ``weight``, at it, above it, ...
    # Clean views take longer, and an unfinished volume would be taken for a weight too small.
    first, begin = (-1, FIRST) if lower else (0, enough_iterations(y.shape[2]))

    with track("tv", _most_iterations(weight / scale)) as phase:
        while len(errors) < 2 - first or (
            errors[-1] < errors[-2] and weight * FACTOR ** (len(errors) + first) <= scale
        ):
            state.weight = weight * FACTOR ** (len(errors) + first)
            for _ in range(LATER if errors else begin):
                state.iterate()
                phase.advance()
            errors.append(math.log(max(_rms(unseen(state.volume()) - y[held.tolist()]), 1e-30)))
    if len(errors) < 3:
        return weight
    left, middle, right = errors[-3:]
    bend = left - 2 * middle + right
    if bend <= 0:
        return weight
    least = len(errors) + first - 2 + 0.5 * (left - right) / bend  # steps from ``weight``
    bearable = max(-1.0, least) + math.sqrt(2 * math.log1p(WORSE) / bend)
    return float(weight * FACTOR ** (least if least > 0 else min(0.0, bearable)))


def _most_iterations(share: float) -> int:
    """Of ``_by_prediction`` from a weight of ``share`` of the scale, if the error never rises."""
    return ENOUGH + LATER * (2 + max(0, math.floor(math.log(1 / share, FACTOR))))


def _rms(values: Tensor) -> float:
    return math.sqrt(float((values.double() ** 2).mean()))
