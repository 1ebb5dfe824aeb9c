"""What ``run.json`` holds: everything that was found, done and used."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import recon
from recon.align.found import Alignment
from recon.as_json import REST, from_json, to_json
from recon.io.atomic import replacing
from recon.machine import peak_memory_gb
from recon.metrics.against_truth import Scores
from recon.metrics.curve import Curve
from recon.metrics.volumes import crowther_frequency
from recon.projectors.masked import unmasked
from recon.run.plan import Plan, Reconstruction
from recon.run.prepare import Prepared
from recon.run.slabs import Outcome
from recon.section.found import Section, Window
from recon.series import TiltSeries
from recon.trust.scores import TrustScores

FORMAT = 1  # raised when a key changes its meaning; a new key needs no new format


@dataclass(frozen=True)
class Facts:
    """What the stages before the reconstruction found: ``align`` of the alignment, ``section`` of
    the specimen's thickness, in pixels of the aligned series, and ``further`` of the others, by
    step."""

    further: Mapping[str, object] = field(default_factory=dict, metadata=REST)
    align: Alignment = field(default_factory=Alignment)
    section: Section = field(default_factory=Section)


@dataclass(frozen=True)
class Cut:
    """How the rows were cut: ``slabs`` (first, last), ``overlap`` rows, and what was expected of
    it."""

    slabs: tuple[tuple[int, int], ...] = ()
    overlap: int | None = None
    peak_gb: float | None = None
    estimated_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """``run.json``. Every field has a default, which stands where a file is damaged or older than
    the field.

    ``residual``: ||y - A x|| / ||y|| of the views as measured, ``residual_per_iteration`` of those
    that were reconstructed (``facts``: what ``denoise`` and ``inpaint`` did to them);
    rows of numbers over the views in file order; ``angles_deg`` of the
    aligned series, ``axis_deg`` and ``shifts_px`` (dy, dx) as found, in raw pixels of
    binning 1. ``window``: the part of z that was reconstructed, and the tilt that was taken from
    all. ``settled``: what stood for ``auto``. ``against_truth``: errors of the geometry,
    ``scores`` and ``fsc_with_truth`` of the tomogram, with ``score_notes``, where the truth is
    known. ``analysis``: what ``analyze`` found. ``files``: what the run left in its folder, by
    which it is known as ours.
    """

    format_version: int = FORMAT
    name: str = "series"
    algorithm: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    settled: Mapping[str, object] = field(default_factory=dict)
    projector: str = ""
    residual: float | None = None
    residual_per_iteration: tuple[float, ...] = ()
    residual_per_view: tuple[float, ...] = ()
    noise_per_pixel: float | None = None
    shape_zyx: tuple[int, int, int] | None = None
    window: Window = field(default_factory=Window)
    voxel_nm: float | None = None
    grey_unit: str = ""
    angles_deg: tuple[float, ...] = ()
    crowther_per_voxel: float | None = None
    axis_deg: float | None = None
    shifts_px: tuple[tuple[float, float], ...] = ()
    bin: int | None = None
    against_truth: Mapping[str, float] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    plan: Cut = field(default_factory=Cut)
    seconds: float | None = None
    peak_memory_gb: float | None = None
    threads: int | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    command: tuple[str, ...] = ()
    trust: TrustScores = field(default_factory=TrustScores)
    scores: Mapping[str, float] = field(default_factory=dict)
    score_notes: tuple[str, ...] = ()
    fsc_with_truth: Curve | None = None
    analysis: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every key, also those that stand at their defaults: who reads the file can rely on
        them."""
        return {f.name: to_json(getattr(self, f.name)) for f in fields(self)}

    @staticmethod
    def from_json(raw: object) -> Record:
        """Of whatever ``json.loads`` returned; a file without a version is of format 0."""
        known = {"format_version": 0, **raw} if isinstance(raw, dict) else {}
        return from_json(Record, known)

    def write(self, path: Path) -> None:
        """Whole or not at all. Raises ``UserError`` when it cannot be written."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(self.to_json(), indent=1, allow_nan=False), "utf-8")


def make_record(
    job: Reconstruction,
    plan: Plan,
    prepared: Prepared,
    outcome: Outcome,
    *,
    measured: Reconstruction,
    views: TiltSeries,
    window: Window,
    settled: Mapping[str, object],
    trust: TrustScores,
    truth: Scores,
    analysis: Mapping[str, object],
    config: Mapping[str, object],
    threads: int,
    seconds: float,
) -> Record:
    """The record of one finished run, but for its warnings and files. ``seconds``: that it took;
    ``truth``: the tomogram's scores against it. ``measured``: ``job`` of the views as measured,
    whose squared residual ``outcome.view2`` is; ``views``: what was reconstructed."""
    view_power = np.array(
        [float((view.double() ** 2).sum()) for view in measured.y]
    )  # one double-precision view at a time
    power = float(view_power.sum()) or 1.0
    given = power if measured is job else float((job.y.double() ** 2).sum()) or 1.0
    series, shifts = prepared.aligned, prepared.solution.shifts_px
    angles_deg = series.geometry.angles_deg
    n_z, n_x = job.A.volume_zx
    return Record(
        name=series.name,
        algorithm=job.method.name,
        options=dict(job.method.options),
        settled=settled,
        projector=type(unmasked(job.A)).__name__,
        residual=float(np.sqrt(sum(outcome.view2) / power)),
        residual_per_iteration=_row(np.sqrt(np.array(outcome.residual2) / given)),
        residual_per_view=_row(np.sqrt(np.array(outcome.view2) / np.maximum(view_power, 1e-30))),
        noise_per_pixel=prepared.noise,
        shape_zyx=(n_z, job.y.shape[1], n_x),
        window=window,
        voxel_nm=series.geometry.pixel_nm,
        grey_unit=grey_unit(series.geometry.pixel_nm),
        angles_deg=_row(angles_deg),
        crowther_per_voxel=crowther_frequency(angles_deg, n_x),
        axis_deg=float(prepared.solution.axis_deg),
        shifts_px=()
        if shifts is None
        else tuple((y, x) for y, x in (shifts * prepared.bin).tolist()),
        bin=prepared.bin,
        against_truth=prepared.truth,
        history=views.history,
        facts=Facts(views.facts, prepared.found, prepared.section),
        plan=Cut(plan.slabs, plan.overlap, plan.peak_gb, plan.seconds),
        seconds=seconds,
        peak_memory_gb=peak_memory_gb(),
        threads=threads,
        config=config,
        versions=_versions(),
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}",
        command=tuple(sys.argv),
        trust=trust,
        scores=truth.numbers,
        score_notes=truth.notes,
        fsc_with_truth=None if truth.fsc is None else truth.fsc.rounded(4),
        analysis=analysis,
    )


def grey_unit(pixel_nm: float | None) -> str:
    """In words."""
    return "projection value / voxel" if pixel_nm is None else "projection value / nm"


def _row(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.tolist())


def _versions() -> dict[str, str]:
    found = {
        "tiltwise": recon.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    for name in ("numpy", "scipy", "numba", "hydra-core", "astra-toolbox"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
