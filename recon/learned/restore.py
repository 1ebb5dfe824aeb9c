"""The learned reconstructions: TV and WBP, a network that corrects them, and the measured views,
which have the last word."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from monai.inferers.inferer import SlidingWindowInferer
from torch import Tensor, nn

from recon.algorithms.base import Callback, Progress, bound
from recon.algorithms.noise import noise_sigma
from recon.algorithms.pdhg import operator_norm
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import EVERY, withheld_views
from recon.errors import UserError
from recon.learned import consistency as views_say
from recon.learned.by_slice import each_slice
from recon.learned.card import warn_outside
from recon.learned.inputs import (
    CONVERGED_ITERATIONS,
    TV_ITERATIONS,
    Inputs,
    conditions_mirrored,
    make_inputs,
    pictures,
)
from recon.learned.primal_dual import unrolled
from recon.learned.weights import trained
from recon.progress import track, track_each
from recon.projectors.base import Projector

AT_ONCE = 8  # slices that are unrolled together
TILE, OVERLAP = 512, 0.25  # pixels of a tile's edge, and the share of it that its neighbour repeats
MIRRORS = ((), (0,), (2,), (0, 2))  # axes of (z, y, x)

# Work, in iterations of TV, for those who wait: the network once on all slices, the choice of a weight
NETWORK, WEIGHING = 25, 600

Correct = Callable[[Projector, Tensor, Inputs], tuple[Tensor, Tensor | None]]
"""(A, y, inputs) -> (z, y, x): the network's volume and its standard deviation, if it has one, in
units of the inputs' scale"""


@dataclass(frozen=True)
class Choices:
    """What is settled once for a whole series, so that its slabs fit together; 'auto' where it is
    not settled yet.

    ``weight``: of TV. ``scale``: a specimen's density, divided out for the network.
    ``consistency``: iterations of SIRT from the network's volume. ``strength``: share of it in the
    result, 0 to 1; the rest is TV.
    """

    weight: float | str
    scale: float | str
    strength: float | str
    consistency: int | str

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            if isinstance(value, str) and value != "auto":
                raise UserError(
                    f"{name}={value} given, auto or a number >= 0 wanted; correct algorithm.{name}"
                )
            if not isinstance(value, str) and not 0 <= value < float("inf"):
                raise UserError(
                    f"{name}={value} given, auto or a number >= 0 wanted; correct algorithm.{name}"
                )
        if not isinstance(self.strength, str) and self.strength > 1:
            raise UserError(
                f"strength={self.strength} given, auto or 0 to 1 wanted; correct algorithm.strength"
            )


def irdm(
    A: Projector,
    y: Tensor,
    *,
    weights: str = "irdm",
    weight: float | str = "auto",
    scale: float | str = "auto",
    strength: float | str = "auto",
    consistency: int | str = "auto",
    noise: float | None = None,
    dimensions: int = 3,
    uncertainty: bool = True,
    minimum: float | None = 0.0,
    start: Tensor | None = None,
    callback: Callback | None = None,
    extras: dict[str, Tensor] | None = None,
) -> Tensor:
    """TV corrected by a 2.5-D residual U-Net that sees every slice with its neighbours, then SIRT
    on the measured views.

    For ``weight``, ``scale``, ``strength`` and ``consistency`` see ``Choices``; 'auto' settles them
    on ``y``. ``noise``: standard deviation per pixel; None estimates it. ``dimensions``: 2 takes
    every slice by itself. ``uncertainty``: the network sees mirror images too, the result is their
    mean, and ``extras["uncertainty"]`` (z, y, x) their standard deviation. ``start`` is ignored.
    """
    choices = Choices(weight, scale, strength, consistency)
    correct = _slice_by_slice(
        trained(weights).network, dimensions, MIRRORS if uncertainty else MIRRORS[:1]
    )
    return _restored(A, y, correct, choices, noise, dimensions, minimum, callback, extras)


def primal_dual(
    A: Projector,
    y: Tensor,
    *,
    weights: str = "primal_dual",
    weight: float | str = "auto",
    scale: float | str = "auto",
    strength: float | str = "auto",
    consistency: int | str = "auto",
    noise: float | None = None,
    dimensions: int = 3,
    minimum: float | None = 0.0,
    start: Tensor | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Learned primal-dual iterations on the projector, started from TV, then SIRT on the measured
    views. Options as of ``irdm``."""
    choices = Choices(weight, scale, strength, consistency)
    return _restored(
        A,
        y,
        _unrolling(trained(weights).network, dimensions),
        choices,
        noise,
        dimensions,
        minimum,
        callback,
        None,
    )


def settle_choices(
    method: functools.partial[Tensor], A: Projector, y: Tensor, noise: float
) -> dict[str, object]:
    """What is 'auto' in ``method`` (``irdm`` or ``primal_dual``), settled on the rows ``y`` (tilt,
    y, x), as keywords.

    Warns where the series is unlike those that the network was trained on.
    """
    options = method.keywords
    name, dimensions = (
        str(options.get("weights", method.func.__name__)),
        int(options.get("dimensions", 3)),
    )
    known = trained(name)
    warn_outside(y, A.geometry, noise, known.card, name=name)
    correct = (
        _unrolling(known.network, dimensions)
        if method.func is primal_dual
        else _slice_by_slice(known.network, dimensions)
    )
    given = Choices(
        *(options.get(key, "auto") for key in ("weight", "scale", "strength", "consistency"))
    )
    settled = _settle(
        A, y, correct, given, options.get("noise") or noise, dimensions, options.get("minimum", 0.0)
    )
    return dict(settled.__dict__)


def _restored(
    A: Projector,
    y: Tensor,
    correct: Correct,
    choices: Choices,
    noise: float | None,
    dimensions: int,
    minimum: float | None,
    callback: Callback | None,
    extras: dict[str, Tensor] | None,
) -> Tensor:
    if dimensions not in (2, 3):
        raise UserError(
            f"dimensions={dimensions} given, 2 (each slice by itself) or 3 wanted; correct "
            f"algorithm.dimensions"
        )
    noise = noise_sigma(y) if noise is None else noise
    settled = _settle(A, y, correct, choices, noise, dimensions, minimum)
    share, count = float(settled.strength), int(settled.consistency)
    going_on = CONVERGED_ITERATIONS - TV_ITERATIONS if share < 1 else 0
    with track("restoring", TV_ITERATIONS + 4 * NETWORK + count + going_on) as phase:
        with phase.part(TV_ITERATIONS):
            made = make_inputs(
                A,
                y,
                weight=float(settled.weight),
                noise=noise,
                scale=float(settled.scale),
                dimensions=dimensions,
            )
        with phase.part(4 * NETWORK):
            volume, spread = _corrected(A, y, made, correct)
        x = bound(volume, minimum, None)
        with phase.part(count):
            x = views_say.consistent(A, y, x, count, minimum=minimum)
        if share < 1:
            with phase.part(going_on):
                base = made.converged()
            x = base + share * (x - base)
    if extras is not None and spread is not None:
        extras["uncertainty"] = share * spread
    progress = Progress(y, None, callback)
    if progress.wanted:
        progress.done(y - A(x))
    return x


def _settle(
    A: Projector,
    y: Tensor,
    correct: Correct,
    choices: Choices,
    noise: float,
    dimensions: int,
    minimum: float | None,
) -> Choices:
    """``choices`` without 'auto'. The prediction of withheld views decides on the network's say and
    on what follows it."""
    weight, scale, share, count = (
        choices.weight,
        choices.scale,
        choices.strength,
        choices.consistency,
    )
    trying = CONVERGED_ITERATIONS + NETWORK if "auto" in (share, count) else 0
    work = WEIGHING * (weight == "auto") + TV_ITERATIONS * (scale == "auto") + trying
    with track("settling what the network may change", work) as phase:
        if isinstance(weight, str):
            with phase.part(WEIGHING):
                weight = choose_weight(A, y, dimensions=dimensions, noise=noise, minimum=minimum)
        if isinstance(scale, str):
            with phase.part(TV_ITERATIONS):
                made = make_inputs(A, y, weight=weight, noise=noise, dimensions=dimensions)
            scale = made.scale
        if not isinstance(share, str) and not isinstance(count, str):
            return Choices(weight, scale, share, count)
        if A.sinogram_tx[0] < 2 * EVERY:  # too few views to withhold any
            share, count = (
                (1.0 if isinstance(share, str) else share),
                (2 if isinstance(count, str) else count),
            )
            return Choices(weight, scale, share, count)
        kept, held = withheld_views(A.geometry.angles_deg)
        seen, unseen, y_seen, y_unseen = (
            A.views(kept),
            A.views(held),
            y[kept.tolist()],
            y[held.tolist()],
        )
        with phase.part(TV_ITERATIONS):
            made = make_inputs(
                seen, y_seen, weight=weight, noise=noise, scale=scale, dimensions=dimensions
            )
        with phase.part(NETWORK):
            x = bound(_corrected(seen, y_seen, made, correct)[0], minimum, None)
        if isinstance(count, str):
            count = views_say.choose_iterations(seen, y_seen, unseen, y_unseen, x, minimum=minimum)
        if isinstance(share, str):
            x = views_say.consistent(seen, y_seen, x, count, minimum=minimum)
            with phase.part(CONVERGED_ITERATIONS - TV_ITERATIONS):
                base = made.converged()
            share = views_say.strength(unseen, y_unseen, base, x)
    return Choices(weight, scale, share, count)


def _corrected(
    A: Projector, y: Tensor, made: Inputs, correct: Correct
) -> tuple[Tensor, Tensor | None]:
    """The network's volume and its spread, in units of ``y``."""
    volume, spread = correct(A, y, made)
    return volume * made.scale, None if spread is None else spread * made.scale


def _slice_by_slice(
    network: nn.Module, dimensions: int, mirrors: tuple[tuple[int, ...], ...] = MIRRORS[:1]
) -> Correct:
    """The U-Net on every slice, or on tiles of it where it is large."""
    infer = SlidingWindowInferer(
        (TILE, TILE), sw_batch_size=1, overlap=OVERLAP, mode="gaussian", padding_mode="replicate"
    )

    def correct(A: Projector, y: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor | None]:
        volumes = []
        for mirror in track_each("network", mirrors):
            tv, wbp = (torch.flip(v, mirror) for v in (inputs.tv, inputs.wbp))
            numbers = (
                conditions_mirrored(inputs.conditions) if len(mirror) == 1 else inputs.conditions
            )
            out = torch.empty_like(tv)

            def one(
                row: int,
                tv: Tensor = tv,
                wbp: Tensor = wbp,
                numbers: Tensor = numbers,
                out: Tensor = out,
            ) -> None:
                near = slice(max(0, row - 1), row + 2)
                given = pictures(tv[:, near], wbp[:, near], numbers, neighbours=dimensions == 3)[
                    row - near.start, None
                ]
                given = given.contiguous(memory_format=torch.channels_last)
                change = infer(given, network) if max(given.shape[-2:]) > TILE else network(given)
                assert isinstance(change, Tensor)
                out[:, row] = tv[:, row] + change[0, 0]

            each_slice(one, tv.shape[1], min(TILE, tv.shape[0]) * min(TILE, tv.shape[2]))
            volumes.append(torch.flip(out, mirror))
        if len(volumes) == 1:
            return volumes[0], None
        stack = torch.stack(volumes)
        return stack.mean(0), stack.std(0)

    return correct


def _unrolling(network: nn.Module, dimensions: int) -> Correct:
    def correct(A: Projector, y: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor | None]:
        given = pictures(inputs.tv, inputs.wbp, inputs.conditions, neighbours=dimensions == 3)
        with torch.no_grad():
            size = operator_norm(A)
            starts = track_each("network", range(0, given.shape[0], AT_ONCE))
            parts = [
                unrolled(
                    network,
                    A,
                    y[:, i : i + AT_ONCE] / inputs.scale,
                    given[i : i + AT_ONCE],
                    size=size,
                )
                for i in starts
            ]
        return torch.cat(parts).permute(1, 0, 2), None

    return correct
