"""What a command was built into: the stages of a run, and the settings that are no stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recon.analyze.base import NOTHING, Findings
from recon.projectors.base import ProjectorFactory
from recon.series import TiltSeries
from recon.simulate.sample import Sample
from recon.sinogram.restoration import Restoration
from recon.stage import Analysis, Bound, BoundMethod, BoundStep
from recon.trust.scores import TrustScores


@dataclass(frozen=True, eq=False)
class Stages:
    """``source`` reads or makes the series; the others are stages with their options."""

    source: Callable[[], TiltSeries | Sample]
    preprocess: BoundStep
    align: BoundStep
    projector: ProjectorFactory
    algorithm: BoundMethod
    trust: Callable[..., TrustScores]
    analyze: Bound[Analysis[..., Findings], Findings] = field(default_factory=NOTHING)
    restore: Restoration = field(default_factory=Restoration)


@dataclass(frozen=True)
class Settings:
    """What is not a stage: where files go and what the run may use.

    ``thickness_px``, ``centre_z_px``, ``pretilt_deg``: the part of z that is wanted, as in
    ``Window``; auto: what holds the section. ``extend_px``: voxels on both sides by which the
    volume is wider than the views. ``several``: one of the runs of a command that has several.
    ``strict``: warnings are errors. ``config``: the composed config, for the record. ``files``:
    what the run reads, the series first.
    """

    output: Path
    memory_gb: float
    threads: int
    thickness_px: int | Literal["auto"] | None = None
    centre_z_px: float = 0.0
    pretilt_deg: float = 0.0
    extend_px: int = 0
    resume: bool = False
    several: bool = False
    strict: bool = False
    also: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
