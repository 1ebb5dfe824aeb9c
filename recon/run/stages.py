"""What a command was built into: the stages of a run, and the settings that are no stage."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from recon.analyze.base import Findings, nothing
from recon.projectors.base import ProjectorFactory
from recon.series import TiltSeries
from recon.simulate.sample import Sample
from recon.trust.scores import TrustScores


@dataclass(frozen=True, eq=False)
class Stages:
    """What a config was built into. ``source`` reads or makes the series; the others are stages
    with their options."""

    source: Callable[[], TiltSeries | Sample]
    preprocess: Callable[[TiltSeries], TiltSeries]
    align: Callable[..., TiltSeries]
    projector: ProjectorFactory
    algorithm: functools.partial[Tensor]
    trust: Callable[..., TrustScores]
    analyze: Callable[..., Findings] = nothing


@dataclass(frozen=True)
class Settings:
    """What is not a stage: where files go and what the run may use. ``config``: the composed
    config, for the record."""

    output: Path
    memory_gb: float
    threads: int
    thickness_px: int | None = None
    resume: bool = False
    also: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    source: Path | None = None  # the input file, if there is one
