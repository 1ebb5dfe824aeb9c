"""What a training is made of: a task, a source of examples, a judge that never sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from torch import Tensor, nn

E = TypeVar("E")  # an example
E_co = TypeVar("E_co", covariant=True)
E_contra = TypeVar("E_contra", contravariant=True)
B = TypeVar("B")  # what a step is made with


class Shown(NamedTuple):
    """What a discriminator is shown of a step: (slice, z, x) each."""

    out: Tensor
    truth: Tensor
    condition: Tensor


class Task(Protocol[E_contra, B]):
    """``name``: as in ``train.py task=...``, and on the card. ``used_as``: the words of a command
    that takes the weights, up to their path. ``on_cpu``: it cannot be trained on another device.

    ``adversarial``: weight of a discriminator's opinion, 0 for none.
    """

    name: ClassVar[str]
    used_as: ClassVar[str]
    on_cpu: ClassVar[bool]

    @property
    def network(self) -> Callable[[], nn.Module]: ...

    @property
    def adversarial(self) -> float: ...

    def discriminator(self) -> nn.Module | None:
        """Judges (candidate, condition), (slice, 1, h, w) each; None: the task has none."""

    def draw(self, examples: Sequence[E_contra], rng: np.random.Generator) -> B: ...

    def losses(self, network: nn.Module, batch: B) -> tuple[Tensor, Shown | None]:
        """(loss, what a discriminator is shown; None where the task has none)."""


class Source(Protocol[E_co]):
    """Groups of examples, made in the order of their numbers and kept in ``folder``."""

    @property
    def folder(self) -> Path: ...

    @property
    def per_group(self) -> int: ...

    def ready(self, number: int) -> bool:
        """Whether a group was made and can be read."""

    def group(self, number: int) -> Sequence[E_co]:
        """The ``per_group`` examples of a group, made if they are not there yet. Deterministic in
        the number."""


@dataclass(frozen=True)
class Line:
    """One line of the log: ``names`` and ``values`` agree."""

    names: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def sentence(self) -> str:
        return ", ".join(
            f"{name} {value:.2f}" for name, value in zip(self.names, self.values, strict=True)
        )


class Judge(Protocol):
    """Scores a network on examples that are never trained on."""

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        """A line of the log, of a network in evaluation mode; may leave a picture in ``folder``."""

    def scores(self, network: nn.Module) -> Mapping[str, object]:
        """For the card."""


@dataclass(frozen=True, eq=False)
class Material(Generic[E]):
    """What a task is trained and judged on. ``facts``: of the options that may not change between a
    stop and its resumption. ``describe``: what the training data were like, for the card."""

    source: Source[E]
    judge: Judge
    facts: Mapping[str, object]
    describe: Callable[[], dict[str, object]]
