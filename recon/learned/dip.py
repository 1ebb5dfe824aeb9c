"""``algorithm=dip``: the deep image prior, which needs no training set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from recon.algorithms.base import Callback, check_run, check_views, iterations, one_iteration
from recon.algorithms.pdhg import enough_iterations
from recon.algorithms.sirt_iterations import choose_iterations
from recon.algorithms.tv import coarser_tv, tv
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import EVERY
from recon.errors import UserError
from recon.learned.dip_state import DataTerm, DeepPrior
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import BoundMethod, Method, Needs, Options, Settled

# Steps after which withheld views are looked at: TV itself, and from where it no longer jitters.
LOOKS = (1, *(round(10 * 2 ** (k / 4)) for k in range(24)))
UNTOLD = 60  # steps where there are too few views to withhold any
USUAL = 80  # for the estimate of time
WORK = 20  # of an iteration of SIRT: a step of the network, forward and back


def dip(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int | Literal["auto"] = "auto",
    begin: Literal["tv", "noise"] = "tv",
    weight: float | Literal["auto"] = "auto",
    data_term: DataTerm = "poisson",
    learning_rate: float = 3e-3,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    seed: int = 0,
    callback: Callback | None = None,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """A network without training is fitted to the views of this specimen: Ulyanov et al. 2020
    (doi:10.1007/s11263-020-01303-4). A convolutional network says what natural pictures have sooner
    than noise, so that it is stopped in time: 'auto' is where views withheld from it are predicted
    best. Returns (volume (z, y, x), {'uncertainty': how far the last steps wander, which is less
    than the error}).

    ``begin``: tv, the network is given TV of this ``weight`` and says what to add to it, nothing
    where withheld views do not want it (after Baguer et al. 2020, doi:10.1088/1361-6420/aba415);
    noise, it says everything, as published. ``data_term``: poisson for counts in any unit, or
    least_squares. Raises ``UserError``.
    """
    check_views(A, y)
    _check(n_iterations, begin, data_term, learning_rate, minimum, maximum)
    options: Options = {
        "begin": begin,
        "weight": weight,
        "data_term": data_term,
        "learning_rate": learning_rate,
        "minimum": minimum,
        "maximum": maximum,
        "seed": seed,
    }
    count, weight = _settled(A, y, options, None, n_iterations)
    state = _begun(A, y, {**options, "weight": weight})
    for i in track_each("dip", range(count)):
        residual = state.iterate()
        if callback is not None:
            callback(i + 1, residual)
    return state.x, {"uncertainty": state.spread}


def _begun(A: Projector, y: Tensor, options: Mapping[str, Any]) -> DeepPrior:
    names = ("data_term", "learning_rate", "minimum", "maximum", "seed")
    given = {name: options[name] for name in names}
    if options["begin"] == "noise":
        return DeepPrior(A, y, **given)
    bounds = {"minimum": options["minimum"], "maximum": options["maximum"]}
    count = enough_iterations(y.shape[2])
    start = tv(A, y, weight=options["weight"], n_iterations=count, **bounds)
    return DeepPrior(A, y, start=start, **given)


def _settled(
    A: Projector,
    y: Tensor,
    options: Mapping[str, Any],
    noise: float | None,
    n_iterations: int | Literal["auto"],
) -> tuple[int, float]:
    """(steps, weight of TV), from the views ``y`` (tilt, y, x) themselves."""
    weight = options["weight"]
    if weight == "auto":
        weight = 0.0 if options["begin"] == "noise" else choose_weight(A, y, noise=noise)
    if n_iterations != "auto":
        return n_iterations, weight
    if A.sinogram_tx[0] < EVERY + 2:
        return UNTOLD, weight

    def begun(seen: Projector, views: Tensor) -> DeepPrior:
        return _begun(seen, views, {**options, "weight": weight})

    # Other than SIRT it goes on to gain while withheld views hardly tell.
    return choose_iterations(begun, A, y, name="the network", looks=LOOKS, flat=0.0), weight


def _check(
    n_iterations: int | Literal["auto"],
    begin: str,
    data_term: str,
    learning_rate: float,
    minimum: float | None,
    maximum: float | None,
) -> None:
    check_run(1 if n_iterations == "auto" else n_iterations, minimum, maximum)
    for name, value, known in (
        ("begin", begin, ("tv", "noise")),
        ("data_term", data_term, ("poisson", "least_squares")),
    ):
        if value not in known:
            raise UserError(
                f"{name}={value} given, {' or '.join(known)} wanted; correct algorithm.{name}"
            )
    if not 0 < learning_rate < 1:
        raise UserError(
            f"learning_rate={learning_rate} given, a number between 0 and 1 wanted; correct "
            "algorithm.learning_rate"
        )


def _needs(options: Options) -> Needs:
    count = USUAL if options["n_iterations"] == "auto" else iterations(options)
    return Needs(20, 7, work=200 + WORK * count, steps=iterations(options), extras=("uncertainty",))


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    asked, options = method.options["n_iterations"], method.options
    count, weight = _settled(A, y, options, noise, asked)
    found = {"n_iterations": count, "weight": weight}
    told = {"dip_iterations": count} if asked == "auto" else {}
    own = options["weight"] == "auto" and options["begin"] == "tv"
    return Settled(method.but(found), told, tv_weight=weight if own else None)


def _coarser(options: Options, factor: int) -> Options:
    return coarser_tv({**options, "noise": None}, factor)


DIP = Method(dip, needs=_needs, settle=_settle, brief=one_iteration, coarser=_coarser)
