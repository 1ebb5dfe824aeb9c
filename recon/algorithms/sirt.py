"""SIRT: simultaneous iterative reconstruction."""

from __future__ import annotations

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
from recon.algorithms.sirt_iterations import has_momentum, settled_length
from recon.algorithms.sirt_state import Sirt
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
    is good, so that 'auto' has it where withheld views say when to stop. ``stop``: end early once
    the residual falls by less than this fraction per iteration.
    """
    check_views(A, y)
    check_run(1 if n_iterations == "auto" else n_iterations, minimum, maximum, relaxation, start)
    if momentum is True and relaxation > 1:
        raise UserError(
            f"relaxation={relaxation} given beside momentum, at most 1 wanted, or it diverges; "
            "correct algorithm.relaxation"
        )
    same: _Same = {"relaxation": relaxation, "minimum": minimum, "maximum": maximum}
    length, chosen = settled_length(A, y, n_iterations, momentum, **same)
    state = Sirt(A, y, momentum=chosen, start=start, **same)
    progress = Progress(y, stop, callback)
    for _ in track_each("sirt", range(length)):
        if progress.done(state.measure()):
            break
        state.step()
    return state.x


def _needs(options: Options) -> Needs:
    momentum = has_momentum(options["n_iterations"], options["momentum"], options["relaxation"])
    # Before it is chosen, for the estimate of time: what series of good contrast take.
    work = USUAL if options["n_iterations"] == "auto" else iterations(options)
    return Needs(3.5 if momentum else 2.5, 4, work=work, steps=iterations(options))


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    if method.options["n_iterations"] != "auto":
        return Settled(method)
    names = ("n_iterations", "momentum", "relaxation", "minimum", "maximum")
    count, momentum = settled_length(A, y, **{k: method.options[k] for k in names})
    chosen = method.but({"n_iterations": count, "momentum": momentum})
    return Settled(chosen, {"sirt_iterations": count})


SIRT = Method(sirt, needs=_needs, settle=_settle, brief=one_iteration, coarser=same_on_coarse)
