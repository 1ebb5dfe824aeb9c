"""Slabs of rows: the memory plan, streaming with bounded memory, and resuming after a kill.

In single-axis tomography every row (y) is a 2-D problem of its own. A slab of rows is the unit of
memory, of progress and of resuming: a slab that is on the disk is never computed again, and the
result does not depend on interruptions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.base import norm
from recon.errors import UserError
from recon.io.atomic import replacing
from recon.progress import track, track_each
from recon.projectors.base import Projector
from recon.projectors.masked import of_rows
from recon.run.plan import Plan, Reconstruction
from recon.stage import reconstruct


@dataclass
class Outcome:
    """What streaming found: per iteration and per view, sums of squares over all slabs done by any
    run.

    ``key`` and ``slabs`` say which run, cut how, the numbers in ``done`` belong to.
    """

    key: str = ""
    slabs: list[list[int]] = field(default_factory=list)
    overlap: int = 0
    residual2: list[float] = field(default_factory=list)
    view2: list[float] = field(default_factory=list)
    done: list[int] = field(default_factory=list)


class RowWriter(Protocol):
    """Takes a volume (z, y, x) slab by slab: a file, or memory."""

    def write_rows(self, first: int, rows: np.ndarray) -> None: ...

    def flush(self) -> None: ...


def reconstruct_slabs(
    job: Reconstruction,
    plan: Plan,
    writer: RowWriter,
    state: Path | None,
    *,
    resume: bool,
    key: str = "",
    on_step: Callable[[int], None] = lambda rows: None,
    extra_writers: Mapping[str, RowWriter] = MappingProxyType({}),
) -> Outcome:
    """Compute every slab that ``state`` does not name as done, write it, note it. ``on_step`` hears
    of rows * iterations done.

    A run that goes on must be cut as it began: pass ``resumed_plan``.
    """
    fresh = Outcome(key=key, slabs=[list(s) for s in plan.slabs], overlap=plan.overlap)
    outcome = load_state(state) if resume and state is not None else fresh
    if (outcome.key, outcome.slabs, outcome.overlap) != (fresh.key, fresh.slabs, fresh.overlap):
        raise ValueError(f"{state} is of another run or cut into other slabs")
    to_do = [(i, slab) for i, slab in enumerate(plan.slabs) if i not in outcome.done]
    for index, (first, last) in track_each(job.title, to_do):
        low, high = max(0, first - plan.overlap), min(job.y.shape[1], last + plan.overlap)
        part, own = job.y[:, low:high].to(job.A.device), slice(first - low, last - low)
        A = of_rows(job.A, slice(low, high))
        volume, extras, curve = _reconstruct_slab(job, A, part, partial(on_step, last - first))
        if not torch.isfinite(volume).all():
            raise UserError(
                f"{job.method.name} returned values that are not finite in rows {first} to "
                f"{last - 1}; check its options, such as a step that is too long"
            )
        error = (A(volume) - part)[:, own]
        view2 = (error.double() ** 2).sum((1, 2)).cpu().tolist()
        for to, what in (
            (writer, volume),
            *((w, extras[name]) for name, w in extra_writers.items()),
        ):
            to.write_rows(first, (what[:, own] * job.grey_scale).numpy(force=True))
            to.flush()
        outcome.residual2 = _add(outcome.residual2, curve)
        outcome.view2 = _add(outcome.view2, view2)
        outcome.done.append(index)
        if state is not None:
            save_state(state, outcome)
    return outcome


def _reconstruct_slab(
    job: Reconstruction, A: Projector, part: Tensor, on_step: Callable[[], None]
) -> tuple[Tensor, Mapping[str, Tensor], list[float]]:
    """(volume, further volumes, square of the residual before each iteration) of one slab."""
    scale2, steps, curve = norm(part) ** 2, job.needs.steps, list[float]()
    # What counts its iterations is followed by them; else by what it tracks of its own work.
    with track(job.title, steps) if steps > 1 else nullcontext() as phase:

        def heard(iteration: int, residual: float) -> None:
            curve.append(residual**2 * scale2)
            on_step()
            if phase is not None:
                phase.advance()

        volume, extras = reconstruct(job.method, A, part, callback=heard)
    return volume, extras, curve


def save_state(path: Path, outcome: Outcome) -> None:
    """On the disk, whole, before the next slab begins. Raises ``UserError`` when it cannot be
    written."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(outcome.__dict__), "utf-8")


def load_state(path: Path) -> Outcome:
    """What an interrupted run noted; an empty outcome when it was stopped before its first slab.
    Raises ``UserError`` when damaged."""
    if not path.exists():
        return Outcome()
    try:
        return Outcome(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"{path.name} in {str(path.parent)[-150:]} is damaged and cannot be resumed; run "
            f"without resume=true"
        ) from error


def resumed_plan(plan: Plan, outcome: Outcome) -> Plan:
    """``plan`` with the cuts that the interrupted run made, whatever memory there is now."""
    return replace(plan, slabs=tuple((a, b) for a, b in outcome.slabs), overlap=outcome.overlap)


def _add(total: list[float], part: list[float]) -> list[float]:
    """Element-wise; a slab that stopped early keeps its last value."""
    if not total or not part:
        return list(part or total)
    n = max(len(total), len(part))
    return [a + b for a, b in zip(_held(total, n), _held(part, n), strict=True)]


def _held(values: list[float], n: int) -> Iterator[float]:
    return (values[min(i, len(values) - 1)] for i in range(n))
