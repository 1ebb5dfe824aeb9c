"""What one run of a command prepared, for the next one that wants the same."""

from __future__ import annotations

from dataclasses import dataclass

from recon.console import Console
from recon.geometry import Geometry
from recon.run.fingerprint import fingerprint
from recon.run.preflight import check_series
from recon.run.prepare import Prepared, prepare
from recon.run.stages import Settings, Stages
from recon.series import TiltSeries
from recon.simulate.sample import Sample

# The groups and options that decide the aligned stack.
DECIDES = (
    "input", "angles", "pixel_nm", "exclude", "dataset", "plugins",
    "sample", "phantom", "simulate", "preprocess", "align",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Made:
    """What one preparation gave, and what must be known of the raw series to check other runs."""

    key: str
    prepared: Prepared
    sample: Sample | None
    geometry: Geometry
    shape: tuple[int, int, int]
    warnings: tuple[str, ...]


@dataclass
class Latest:
    """The last series that this process prepared: runs of one command that differ in what follows
    (``algorithm=wbp,sirt,tv -m``) read, clean and align it once."""

    made: _Made | None = None


def prepare_once(
    stages: Stages, settings: Settings, console: Console, latest: Latest | None
) -> tuple[Prepared, Sample | None]:
    """``prepare``, or what ``latest`` holds where it was made from the same files and options."""
    key = fingerprint({k: settings.config.get(k) for k in DECIDES}, settings.files)
    made = latest.made if latest is not None else None
    if made is not None and made.key == key:
        check_series(stages, settings, made.geometry, made.shape, console)
        console.say(
            f"{made.prepared.aligned.name}: read, cleaned and aligned as for the run before"
        )
        for warning in made.warnings:
            console.warn(warning)
        return made.prepared, made.sample
    if latest is not None:
        latest.made = None  # freed before the next one is read
    before, seen = len(console.warnings), []

    def check(series: TiltSeries) -> None:
        n_t, n_y, n_x = series.data.shape
        seen.append((series.geometry, (n_t, n_y, n_x)))
        check_series(stages, settings, series.geometry, (n_t, n_y, n_x), console)

    prepared, sample = prepare(
        stages.source,
        stages.preprocess,
        stages.align,
        check=check,
        threads=settings.threads,
        console=console,
    )
    if latest is not None:
        latest.made = _Made(key, prepared, sample, *seen[0], tuple(console.warnings[before:]))
    return prepared, sample
