"""How many iterations SIRT should run, from views it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.sirt_state import Sirt, subsets_of
from recon.algorithms.withheld import EVERY, withheld_views
from recon.errors import UserError
from recon.progress import track
from recon.projectors.base import Projector

LIMIT = 400
FEWEST_PASSES = 2  # over all views, where an iteration looks at some of them
CLASSICAL = 50  # where there are too few views to withhold any
# Of the least squared error, and of what the volume explains: withheld views hardly tell so much,
# and a true volume does. At 100 counts a particle in vacuum is 1.7 dB better so. Where views are
# mostly noise, little of the first is much of what can be told, and the second counts.
FLAT, FLAT_OF_EXPLAINED = 0.02, 2e-4
LOOKS = 12  # at the withheld views, for each time that the number of iterations doubles
PATIENCE = 4  # looks without a better prediction before it ends


@dataclass(frozen=True)
class Pace:
    """``n_iterations`` of ``Sirt``, and with what each is made."""

    n_iterations: int
    momentum: bool
    n_subsets: int


def has_momentum(
    n_iterations: int | Literal["auto"], momentum: bool | Literal["auto"], relaxation: float
) -> bool:
    """What ``momentum`` comes to: 'auto' is where withheld views choose the number, and
    ``relaxation`` leaves room for it."""
    return n_iterations == "auto" and relaxation <= 1 if momentum == "auto" else momentum


def settled_pace(
    A: Projector,
    y: Tensor,
    n_iterations: int | Literal["auto"],
    momentum: bool | Literal["auto"],
    n_subsets: int | Literal["auto"],
    *,
    relaxation: float,
    minimum: float | None,
    maximum: float | None,
) -> Pace:
    """What stands for 'auto'."""
    views = A.sinogram_tx[0]
    quick = has_momentum(n_iterations, momentum, relaxation)
    free = n_subsets == "auto"
    if n_subsets == "auto":
        n_subsets = subsets_of(views) if quick and n_iterations == "auto" else 1
    if not 1 <= n_subsets <= views:
        raise UserError(
            f"n_subsets={n_subsets} given, 1 to {views} (the number of views) wanted; correct "
            "algorithm.n_subsets"
        )
    if n_iterations != "auto":
        return Pace(n_iterations, quick, n_subsets)
    if views < EVERY + 2:
        return Pace(CLASSICAL, momentum is True, n_subsets)

    def chosen(subsets: int) -> Pace:
        begun = partial(
            Sirt,
            momentum=quick,
            n_subsets=subsets,
            relaxation=relaxation,
            minimum=minimum,
            maximum=maximum,
        )
        return Pace(choose_iterations(begun, A, y), quick, subsets)

    pace = chosen(n_subsets)
    # So few that some views would hardly have a say: of the silicon particle at its lowest dose two
    # iterations by a quarter of the views each found 174 of 208 atoms, two by all of them 199.
    return chosen(1) if free and pace.n_iterations < FEWEST_PASSES * n_subsets else pace


class Iterated(Protocol):
    """A reconstruction as it goes on: ``x``, (z, y, x), after so many of ``iterate``."""

    @property
    def x(self) -> Tensor: ...
    def iterate(self) -> object: ...


def choose_iterations(
    begun: Callable[[Projector, Tensor], Iterated],
    A: Projector,
    y: Tensor,
    *,
    name: str = "SIRT",
    looks: Sequence[int] | None = None,
    flat: float = FLAT,
) -> int:
    """The fewest iterations after which withheld views are predicted as well as may be, but for
    what they hardly tell; ``begun`` makes SIRT (or another, by its ``name``) with its other options,
    on (tilt, y, x) rows. ``looks``: after which iterations, rising;
    ``flat``: of the least squared error, what withheld views hardly tell.

    SIRT fits the specimen first and the noise later (semi-convergence); the error of views that it
    does not see is least in between.
    """
    kept, held = withheld_views(A.geometry.angles_deg)
    state, unseen = begun(A.views(kept), y[kept.tolist()]), A.views(held)
    wanted = y[held.tolist()]
    looks = look_at(LIMIT) if looks is None else looks
    errors, limit = list[float](), looks[-1]
    with track(f"choosing the iterations of {name}, {limit} at most", limit) as phase:
        for before, after in zip((0, *looks), looks, strict=False):
            for _ in range(after - before):
                state.iterate()
                phase.advance()
            errors.append(float(torch.linalg.vector_norm(unseen(state.x) - wanted)))
            if len(errors) - 1 - int(np.argmin(errors)) >= PATIENCE:
                break
    squared, everything = np.square(errors), float(torch.linalg.vector_norm(wanted)) ** 2
    least = float(squared.min())
    borne = min(flat * least, FLAT_OF_EXPLAINED * max(everything - least, 0.0))
    return looks[int(np.argmax(squared <= least + borne))]


def look_at(limit: int) -> tuple[int, ...]:
    """After which iterations: ever farther apart, the last one ``limit``. What is best among 60 or
    among 65 iterations is hardly told apart, and what is among 6 or 10 is."""
    found = {round(2 ** (k / LOOKS)) for k in range(int(LOOKS * np.log2(limit)) + 1)}
    return tuple(sorted({*found, limit}))
