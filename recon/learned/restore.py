"""The learned reconstructions: TV and WBP, a network that corrects them, and the measured views,
which have the last word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from monai.inferers.inferer import SlidingWindowInferer
from torch import Tensor, nn

from recon.algorithms.base import Callback, Progress, bound
from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.operator_norm import operator_norm
from recon.algorithms.tv import COUPLED, coarser_tv
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import EVERY, withheld_views
from recon.errors import UserError
from recon.learned.by_slice import each_slice
from recon.learned.card import warn_outside
from recon.learned.consistency import choose_consistency, choose_strength, make_consistent
from recon.learned.inputs import (
    CONVERGED_ITERATIONS,
    TV_ITERATIONS,
    Inputs,
    conditions_mirrored,
    make_inputs,
    pictures,
)
from recon.learned.primal_dual import unrolled
from recon.learned.weights import load_trained
from recon.progress import track, track_each
from recon.projectors.base import Projector
from recon.stage import BoundMethod, Method, Needs, Options, Reads, Settle, Settled

AT_ONCE = 8  # slices that are unrolled together
TILE, OVERLAP = 512, 0.25  # pixels of a tile's edge, and the share of it that its neighbour repeats
MIRRORS = ((), (0,), (2,), (0, 2))  # axes of (z, y, x)

# what the record calls a choice that was settled
NAMED = {
    "weight": "tv_weight",
    "scale": "network_scale",
    "strength": "network_strength",
    "consistency": "network_consistency",
}
# Work, in iterations of TV, for those who wait: the network once on all slices, the choice of a weight
NETWORK, WEIGHING = 25, 600
LEAST_SHARE = 0.1  # of a network's change: less is neither seen nor told, and the network not run

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
    callback: Callback | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """TV corrected by a 2.5-D residual U-Net that sees every slice with its neighbours, then SIRT
    on the measured views.

    For ``weight``, ``scale``, ``strength`` and ``consistency`` see ``Choices``; 'auto' settles them
    on ``y``. ``noise``: standard deviation per pixel; None estimates it. ``dimensions``: 2 takes
    every slice by itself. Returns (volume, further volumes): with ``uncertainty`` the network sees
    mirror images too, the volume is their mean, and ``"uncertainty"`` (z, y, x) their standard
    deviation.
    """
    choices = Choices(weight, scale, strength, consistency)
    network = load_trained(weights, task="irdm").network
    mirrors = MIRRORS if uncertainty else MIRRORS[:1]
    correct = slice_by_slice(network, dimensions, mirrors)
    x, spread = _restored(A, y, correct, choices, noise, dimensions, minimum, callback)
    return x, {"uncertainty": spread} if uncertainty and spread is not None else {}


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
    callback: Callback | None = None,
) -> Tensor:
    """Learned primal-dual iterations on the projector, started from TV, then SIRT on the measured
    views. Options as of ``irdm``."""
    choices = Choices(weight, scale, strength, consistency)
    correct = _unrolling(load_trained(weights, task="primal_dual").network, dimensions)
    return _restored(A, y, correct, choices, noise, dimensions, minimum, callback)[0]


def _settle_with(correction: Callable[[nn.Module, int], Correct]) -> Settle:
    """How ``irdm`` and ``primal_dual`` settle what is 'auto', by their ``correction``. Warns where
    the series is unlike those that the network was trained on."""

    def settle(method: BoundMethod, A: Projector, y: Tensor, noise: float) -> Settled:
        options = method.options
        sigma = noise if options["noise"] is None else options["noise"]
        known = load_trained(options["weights"], task=method.name)
        warn_outside(y, A.geometry, sigma, known.card, name=options["weights"])
        given = Choices(**{name: options[name] for name in NAMED})
        dimensions, minimum = options["dimensions"], options["minimum"]
        correct = correction(known.network, dimensions)
        settled = asdict(_settle(A, y, correct, given, sigma, dimensions, minimum))
        found = {NAMED[k]: v for k, v in settled.items() if options[k] == "auto"}
        own = settled["weight"] if options["weight"] == "auto" else None
        return Settled(method.but({**settled, "noise": sigma}), found, own)

    return settle


def _restored(
    A: Projector,
    y: Tensor,
    correct: Correct,
    choices: Choices,
    noise: float | None,
    dimensions: int,
    minimum: float | None,
    callback: Callback | None,
) -> tuple[Tensor, Tensor | None]:
    """The volume, and its standard deviation if the network gives one."""
    if dimensions not in (2, 3):
        raise UserError(
            f"dimensions={dimensions} given, 2 (each slice by itself) or 3 wanted; correct "
            f"algorithm.dimensions"
        )
    noise = measure_photon_transfer(y).sigma if noise is None else noise
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
        if share == 0:  # what the network would say is not heard
            with phase.part(4 * NETWORK + count + going_on):
                x = made.converged()
            return _reported(A, y, x, callback), torch.zeros_like(x)
        with phase.part(4 * NETWORK):
            volume, spread = _corrected(A, y, made, correct)
        x = bound(volume, minimum, None)
        with phase.part(count):
            x = make_consistent(A, y, x, count, minimum=minimum)
        if share < 1:
            with phase.part(going_on):
                base = made.converged()
            x = base + share * (x - base)
    return _reported(A, y, x, callback), None if spread is None else share * spread


def _reported(A: Projector, y: Tensor, x: Tensor, callback: Callback | None) -> Tensor:
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
            count = choose_consistency(seen, y_seen, unseen, y_unseen, x, minimum=minimum)
        if isinstance(share, str):
            x = make_consistent(seen, y_seen, x, count, minimum=minimum)
            with phase.part(CONVERGED_ITERATIONS - TV_ITERATIONS):
                base = made.converged()
            share = choose_strength(unseen, y_unseen, base, x)
            share = 0.0 if share < LEAST_SHARE else share
    return Choices(weight, scale, share, count)


def _corrected(
    A: Projector, y: Tensor, made: Inputs, correct: Correct
) -> tuple[Tensor, Tensor | None]:
    """The network's volume and its spread, in units of ``y``."""
    volume, spread = correct(A, y, made)
    return volume * made.scale, None if spread is None else spread * made.scale


def slice_by_slice(
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


def _irdm_needs(options: Options) -> Needs:
    overlap = COUPLED if options["dimensions"] == 3 else 0
    extras = ("uncertainty",) if options["uncertainty"] else ()
    return Needs(16, 9, overlap=overlap, work=330, extras=extras)  # TV, four mirror images, SIRT


def _primal_dual_needs(options: Options) -> Needs:
    return Needs(24, 12, overlap=COUPLED if options["dimensions"] == 3 else 0, work=250)


def _coarser(options: Options, factor: int) -> Options:
    number = isinstance(options["scale"], float | int)
    density = {"scale": options["scale"] * factor} if number else {}
    return dict(coarser_tv(options, factor)) | density


IRDM = Method(
    irdm,
    needs=_irdm_needs,
    settle=_settle_with(slice_by_slice),
    coarser=_coarser,
    reads=(Reads("weights", "weights"),),
)
PRIMAL_DUAL = Method(
    primal_dual,
    needs=_primal_dual_needs,
    settle=_settle_with(_unrolling),
    coarser=_coarser,
    reads=(Reads("weights", "weights"),),
)
