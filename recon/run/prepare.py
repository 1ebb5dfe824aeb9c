"""From a source to an aligned stack on the disk: read, preprocess, align, resample once; and back
from the disk to resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from recon.align.found import (
    ALIGN,
    FIDUCIALS,
    Alignment,
    BeadTracks,
    alignment_of,
    bead_tracks_of,
)
from recon.align.resample import resample
from recon.console import Console
from recon.geometry import Geometry, nearest_to_zero, take_views
from recon.metrics.overlay import geometry_errors
from recon.plausible import doubt_geometry, doubt_order, doubt_rows
from recon.run.recorded import Recorded, recorded
from recon.section.estimate import estimate_section
from recon.section.found import Section
from recon.section.words import say_section
from recon.series import TiltSeries
from recon.simulate.sample import Sample
from recon.sinogram.counts import with_noise
from recon.stage import BoundStep


@dataclass(frozen=True, eq=False)
class Prepared:
    """``aligned``: the stack to reconstruct. ``solution``: axis and shifts found, in (binned) raw
    pixels; ``bin``: by how much.

    ``noise``: standard deviation per aligned pixel. ``before``: (tilt, x) one row of the stack,
    turned but not aligned, for the picture; ``row`` is its index. ``view``: the one
    nearest to zero tilt, as recorded. ``truth``: errors against a
    sample's known geometry. ``found``: what alignment says of itself. ``fiducials``: beads and
    tracks, if there are. ``section``: what the aligned series shows of the specimen's thickness.
    """

    aligned: TiltSeries
    solution: Geometry
    bin: int
    noise: float
    before: np.ndarray
    row: int
    view: Recorded
    truth: dict[str, float]
    found: Alignment = field(default_factory=Alignment)
    fiducials: BeadTracks | None = None
    warnings: tuple[str, ...] = ()
    section: Section = field(default_factory=Section)


def prepare(
    source: Callable[[], TiltSeries | Sample],
    preprocess: BoundStep,
    align: BoundStep,
    *,
    check: Callable[[TiltSeries], None],
    threads: int,
    console: Console,
) -> tuple[Prepared, Sample | None]:
    """Run the stages up to the aligned stack, saying what each did. The sample is returned when the
    source was one.

    ``check`` sees the series as it was read, and raises what must be known before the work.
    """
    made = source()
    sample = made if isinstance(made, Sample) else None
    raw = made.series if isinstance(made, Sample) else made
    del made  # the raw stack is freed as soon as it is cleaned
    console.say(*raw.history)
    for doubt in (*doubt_geometry(raw.geometry), *raw.warnings):
        console.warn(doubt)
    check(raw)
    clean = preprocess(raw)
    console.say(*clean.history[len(raw.history) :])
    for doubt in (*clean.warnings[len(raw.warnings) :], doubt_order(clean)):
        console.warn(doubt)
    kept = clean.facts.get("kept_views")
    if sample is not None and isinstance(kept, list):
        sample = replace(sample, geometry=take_views(sample.geometry, np.array(kept)))
    del raw
    solved = align(clean, threads=threads)
    console.say(*solved.history[len(clean.history) :])
    found, beads = alignment_of(solved), bead_tracks_of(solved)
    weak = doubt_rows(clean, looked_for=found.method not in ("", "file"))
    for doubt in (*solved.warnings[len(clean.warnings) :], found.warning, weak):
        console.warn(doubt)
    # What is left is plain: what alignment found goes on beside it.
    plain = {k: v for k, v in solved.facts.items() if k not in (ALIGN, FIDUCIALS)}
    solved = replace(solved, facts=plain)
    aligned = resample(solved, threads=threads)
    section = estimate_section(aligned)
    if said := say_section(section, aligned.geometry.pixel_nm):
        console.say(said)
    factor = int(str(clean.facts.get("bin", 1)))
    truth = {} if sample is None else geometry_errors(sample.geometry, solved.geometry, factor)

    # What alignment has to work with, for the picture: the same rows turned by the nearest quarter,
    # shifts not undone.
    unshifted = Geometry(
        solved.geometry.angles_deg, None, 90 * round(solved.geometry.axis_deg / 90)
    )
    turned = resample(TiltSeries(clean.data, unshifted)).data
    row = int(torch.argmax(aligned.data.var(dim=(0, 2))))
    before = turned[:, min(row, turned.shape[1] - 1)].numpy().copy()
    view = recorded(clean.data[nearest_to_zero(clean.geometry)].numpy())
    aligned, noise = with_noise(aligned, clean, solved.geometry)
    return (
        Prepared(
            aligned,
            solved.geometry,
            factor,
            noise,
            before,
            row,
            view,
            truth,
            found,
            beads,
            section=section,
        ),
        sample,
    )
