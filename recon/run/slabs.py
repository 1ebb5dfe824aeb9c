"""Slabs of rows: the memory plan, streaming with bounded memory, and resuming after a kill.

In single-axis tomography every row (y) is a 2-D problem of its own. A slab of rows is the unit of
memory, of progress and of resuming: a slab that is on the disk is never computed again, and the
result does not depend on interruptions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from recon.algorithms.base import norm
from recon.errors import UserError
from recon.io import VolumeWriter
from recon.io.atomic import replacing
from recon.progress import track_each
from recon.run.plan import Job, Plan


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


def stream(
    job: Job,
    plan: Plan,
    writer: VolumeWriter,
    state: Path,
    *,
    resume: bool,
    key: str = "",
    on_step: Callable[[int], None] = lambda rows: None,
    extra_writers: Mapping[str, VolumeWriter] = MappingProxyType({}),
) -> Outcome:
    """Compute every slab that ``state`` does not name as done, write it, note it. ``on_step`` hears
    of rows * iterations done.

    A run that goes on must be cut as it began: pass ``resumed_plan``.
    """
    fresh = Outcome(key=key, slabs=[list(s) for s in plan.slabs], overlap=plan.overlap)
    outcome = load_state(state) if resume else fresh
    if (outcome.key, outcome.slabs, outcome.overlap) != (fresh.key, fresh.slabs, fresh.overlap):
        raise ValueError(f"{state} is of another run or cut into other slabs")
    to_do = [(i, slab) for i, slab in enumerate(plan.slabs) if i not in outcome.done]
    shape = (job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1])
    name = f"{job.name} {shape[0]} x {shape[1]} x {shape[2]}"
    for index, (first, last) in track_each(name, to_do):
        low, high = max(0, first - plan.overlap), min(job.y.shape[1], last + plan.overlap)
        part, own = job.y[:, low:high].to(job.A.device), slice(first - low, last - low)
        scale2 = norm(part) ** 2
        curve: list[float] = []

        def heard(
            iteration: int,
            residual: float,
            *,
            rows: int = last - first,
            curve: list[float] = curve,
            scale2: float = scale2,
        ) -> None:
            curve.append(residual**2 * scale2)
            on_step(rows)

        extras: dict[str, Tensor] = {}
        further = {"extras": extras} if extra_writers else {}
        volume = job.algorithm(job.A, part, callback=heard, **further)
        error = (job.A(volume) - part)[:, own]
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
        save_state(state, outcome)
    return outcome


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
