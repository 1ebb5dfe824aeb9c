"""TV: total-variation regularised least squares with positivity, by the primal-dual hybrid gradient
method."""

from __future__ import annotations

from torch import Tensor

from recon.algorithms.base import (
    Callback,
    Progress,
    check_run,
    check_views,
    iterations,
    one_iteration,
)
from recon.algorithms.pdhg import Pdhg
from recon.algorithms.tv_weight import choose_weight
from recon.errors import UserError
from recon.progress import track_each
from recon.projectors.base import Projector
from recon.stage import BoundMethod, Method, Needs, Options, Settled, same_on_coarse

COUPLED = 8  # rows on both sides of a slab after which 3-D TV no longer feels where it was cut


def tv(
    A: Projector,
    y: Tensor,
    *,
    n_iterations: int = 300,
    weight: float | str = "auto",
    dimensions: int = 3,
    mismatch: float = 0.005,
    noise: float | None = None,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    stop: float | None = None,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """argmin over x within bounds of 1/2 ||A x - y||^2 + weight * TV(x), isotropic.

    Chambolle and Pock 2011, doi:10.1007/s10851-010-0251-1, on A / ||A|| and grad / ||grad||.
    ``dimensions``: 3 couples the rows, 2 regularises each slice by itself. ``weight='auto'``:
    ``choose_weight``, by the discrepancy principle and withheld views; ``noise`` (standard
    deviation per pixel; None: estimated from ``y``) and ``mismatch`` (error of the projection
    model, as a fraction of the data's rms) are for it.
    """
    check_views(A, y)
    check_run(n_iterations, minimum, maximum, start=start)
    if dimensions not in (2, 3):
        raise UserError(
            f"dimensions={dimensions} given, 2 (each slice by itself) or 3 wanted; correct "
            f"algorithm.dimensions"
        )
    if (noise is not None and not noise >= 0) or not mismatch >= 0:
        raise UserError(
            f"noise={noise} and mismatch={mismatch} given, numbers >= 0 wanted; correct "
            f"algorithm.noise"
        )
    if isinstance(weight, str):
        if weight != "auto":
            raise UserError(
                f"weight={weight} given, auto or a number >= 0 wanted; correct algorithm.weight"
            )
        weight = choose_weight(
            A,
            y,
            dimensions=dimensions,
            mismatch=mismatch,
            noise=noise,
            minimum=minimum,
            maximum=maximum,
        )
    elif weight < 0:
        raise UserError(
            f"weight={weight} given, auto or a number >= 0 wanted; correct algorithm.weight"
        )
    state = Pdhg(A, y, dimensions, minimum, maximum, start)
    state.weight = weight
    progress = Progress(
        y, stop, callback, patience=20
    )  # the residual swings, at first by a third within five iterations
    for _ in track_each("tv", range(n_iterations)):
        state.iterate()
        if progress.done(state.misfit):
            break
    return state.volume()


def _needs(options: Options) -> Needs:
    count = iterations(options)
    overlap = COUPLED if options["dimensions"] == 3 else 0
    return Needs(8, 7, overlap=overlap, work=count, steps=count)


def _settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
    options = method.options
    if options["weight"] != "auto":
        return Settled(method)
    sigma = noise if options["noise"] is None else options["noise"]
    fixed = {k: options[k] for k in ("dimensions", "mismatch", "minimum", "maximum")}
    weight = choose_weight(A, y, noise=sigma, **fixed)
    found = {"tv_weight": weight, "noise_per_pixel": sigma}
    return Settled(method.but({"weight": weight}), found, tv_weight=weight)


def coarser_tv(options: Options, factor: int) -> Options:
    """1/2 ||A x - y||^2 is a sum over factor^2 fewer pixels, TV one over factor^3 fewer voxels of
    factor^2 greater differences: of values per voxel, on edges that are as sharp in voxels."""
    number = isinstance(options["weight"], float | int)
    weight = {"weight": options["weight"] / factor} if number else {}
    known = {} if options["noise"] is None else {"noise": options["noise"] / factor}
    return weight | known | dict(same_on_coarse(options, factor))


TV = Method(tv, needs=_needs, settle=_settle, brief=one_iteration, coarser=coarser_tv)
