"""SIRT: simultaneous iterative reconstruction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal, TypedDict

from torch import Tensor

from recon.algorithms.base import (
    Callback,
    Progress,
    check_run,
    check_views,
    iterations,
    one_iteration,
)
from recon.algorithms.sirt_iterations import has_momentum, settled_pace
from recon.algorithms.sirt_state import MOST_SUBSETS, Sirt
from recon.errors import UserError
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import BoundMethod, Method, Needs, Options, Settled, same_on_coarse

USUAL = 40  # iterations with momentum


class _Same(TypedDict):
    """What every step of a run takes."""

    relaxation: float
    minimum: float | None
    maximum: float | None


def sirt(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int | Literal["auto"] = "auto",
    momentum: bool | Literal["auto"] = "auto",
    n_subsets: int | Literal["auto"] = "auto",
    relaxation: float = 1.0,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """x <- x + relaxation * C A'R (y - A x), with R and C the inverse row and column sums of A.

    Gilbert 1972, doi:10.1016/0022-5193(72)90180-4. ``y``: (tilt, y, x); returns (z, y, x).
    ``n_iterations='auto'``: the fewest that predict withheld views well. ``momentum``: of Nesterov,
    see ``Sirt``; the views are fitted in a third to an eighth of the iterations, in noise more than
    is good, so that 'auto' has it where withheld views say when to stop. ``n_subsets``: every
    iteration is an update by one of so many interleaved subsets of the views, in turn; 'auto': as
    many as leave it where it would go with all views, where there is momentum by 'auto', else 1.
    ``stop``: end early once the residual falls by less than this fraction per iteration.
    """
    check_views(A, y)
    check_run(1 if n_iterations == "auto" else n_iterations, minimum, maximum, relaxation, start)
    if momentum is True and relaxation > 1:
        raise UserError(
            f"relaxation={relaxation} given beside momentum, at most 1 wanted, or it diverges; "
            "correct algorithm.relaxation"
        )
    if stop is not None and n_subsets not in (1, "auto"):
        raise UserError(
            f"stop={stop} given beside n_subsets={n_subsets}, whose residuals are of different "
            "views; use algorithm.n_subsets=1"
        )
    same: _Same = {"relaxation": relaxation, "minimum": minimum, "maximum": maximum}
    pace = settled_pace(A, y, n_iterations, momentum, n_subsets if stop is None else 1, **same)
    state = Sirt(A, y, momentum=pace.momentum, n_subsets=pace.n_subsets, start=start, **same)
    progress = Progress(y, stop, callback)
    for _ in track_each("sirt", range(pace.n_iterations)):
        if progress.done(state.measure(), state.size):
            break
        state.step()
    return state.x


def _needs(options: Options) -> Needs:
    momentum = has_momentum(options["n_iterations"], options["momentum"], options["relaxation"])
    # Before it is chosen, for the estimate of time: what series of good contrast take.
    count = USUAL if options["n_iterations"] == "auto" else iterations(options)
    subsets = options["n_subsets"]
    if subsets == "auto":
        subsets = MOST_SUBSETS if momentum and options["n_iterations"] == "auto" else 1
    return Needs(
        3.5 if momentum else 2.5,
        4 if subsets == 1 else 5,
        work=max(1.0, count / subsets),
        steps=iterations(options),
    )


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    if method.options["n_iterations"] != "auto":
        return Settled(method)
    names = ("n_iterations", "momentum", "n_subsets", "relaxation", "minimum", "maximum")
    options = {name: method.options[name] for name in names}
    if method.options["stop"] is not None:
        options["n_subsets"] = 1
    pace = settled_pace(A, y, **options)
    return Settled(method.but(asdict(pace)), {"sirt_iterations": pace.n_iterations})


SIRT = Method(sirt, needs=_needs, settle=_settle, brief=one_iteration, coarser=same_on_coarse)
