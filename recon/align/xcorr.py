"""Marker-free alignment from rough to fine; the default."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from recon.algorithms.noise import noise_sigma
from recon.align.as_given import STILL_PX, AsGiven, axes_as_given, try_as_given
from recon.align.axis import spread_over_axes
from recon.align.branch import axis_of_microscope, branch_sentence, on_branch
from recon.align.contest import CONTEST_PX, Hypothesis, compare_mirrored, rough_shifts
from recon.align.doubt import doubt_axis, doubt_filled, doubt_mirrored, doubt_noted, doubt_shifts
from recon.align.find_axis import Found, find_axis
from recon.align.find_axis import refine as refine_found
from recon.align.found import ALIGN, Alignment, Tried, round_row, round_rows
from recon.align.judge import FEWEST_VIEWS
from recon.align.matching import Match, match_reprojections
from recon.align.shifts import from_surroundings
from recon.errors import UserError
from recon.geometry import Geometry, view_freedom
from recon.preprocess import fourier_bin
from recon.progress import track
from recon.series import TiltSeries
from recon.stage import Step

# The work of the steps, in units of rough shifts. Most series need two rounds of matching.
AXIS, REFINING, ROUND = 2, 6, 2


def xcorr(
    series: TiltSeries,
    *,
    axis_deg: float | None = None,
    refine: bool = True,
    rounds: int = 6,
    working_px: int = 200,
    threads: int = 1,
) -> TiltSeries:
    """Find the tilt axis and every view's shift; the pixels stay as they are.

    1. The axis from the common line of the power spectra (or ``axis_deg`` as given), of views
    counted from their surroundings' level; where it has several minima as deep, withheld views
    decide (``contest.py``). What the microscope wrote decides between the axis and its opposite.
    2. Shifts by cosine-stretched cross-correlation outward from the lowest tilt; then, for a
    specimen surrounded by vacuum, along the axis from the views' common profile and across it from
    their centre of mass. 3. For such a specimen, the axis again, to a tenth of a degree, from the
    complex common line (unless given, or ``refine`` is off). 4. Up to ``rounds`` of reprojection
    matching. 5. The series is left as given where withheld views are predicted no worse without the
    shifts. Views wider than ``working_px`` are binned for the search.
    """
    raw = series.data.numpy()
    if rounds < 0 or working_px < 32:
        raise UserError(
            f"align.rounds={rounds} and align.working_px={working_px} given, 0 or more and 32 or "
            f"more wanted"
        )
    angles = series.geometry.angles_deg
    stack, bin_by = _binned(raw, working_px)
    small = _binned(raw, min(CONTEST_PX, working_px))[0]
    noted = axis_of_microscope(series) if axis_deg is None else None
    mirrored: Sequence[Hypothesis] = ()
    doubt_given = ""
    refining, matching = refine and axis_deg is None, ROUND * (1 + min(rounds, 2))
    with track("aligning by correlation", AXIS + REFINING * refining + 1 + matching + 1) as phase:
        with phase.part(AXIS):
            if axis_deg is None:
                search = find_axis(stack, small, angles, noted_deg=noted, threads=threads)
            else:
                search = Found(axis_deg, axis_deg, 0.0, None)
                mirrored = compare_mirrored(small, angles, axis_deg, threads=threads)
                doubt_given = doubt_mirrored(axis_deg, mirrored, spread_over_axes(small))
        axis = search.axis_deg
        if refining:
            with phase.part(REFINING):
                axis = refine_found(search, stack, small, angles, noted_deg=noted, threads=threads)
        alone, shifts = rough_shifts(stack, angles, axis, threads)
        phase.advance()
        with phase.part(matching):
            match = match_reprojections(stack, angles, axis, shifts, rounds=rounds, threads=threads)
        with phase.part():
            axes = (
                [on_branch(a, noted) for a in axes_as_given(axis, certain=search.certain)]
                if axis_deg is None
                else [axis_deg]
            )
            given = _as_given(stack, angles, axis, match, axes, alone, threads)
            left = given is not None and given.kept
            if given is not None and left:
                axis = given.axis_deg
                still = np.zeros_like(match.shifts_px)
                match = match_reprojections(stack, angles, axis, still, rounds=0, threads=threads)
    unknown = not alone and not left and axis_deg is None and noted is None
    doubts = [
        doubt_axis(search.common_line_deg, search.contrast, search.contest),
        doubt_noted(axis, noted),
        doubt_filled(axis) if unknown else "",
        doubt_given,
        doubt_shifts(given, _noise_share(stack)),
    ]
    contest = search.contest
    tried = mirrored if contest is None else contest.tried
    found = Alignment(
        method="xcorr",
        warning="; ".join(doubt for doubt in doubts if doubt),
        axis_deg=round(axis, 3),
        axis_given=axis_deg is not None,
        axis_contrast=round(search.contrast, 3),
        specimen_isolated=alone,
        reprojection_residual=round(match.residual, 5),
        error_px_per_view=round_row(match.error_px * bin_by, 3),
        hypotheses=tuple(
            Tried("shifts measured", round(h.axis_deg, 2), round(h.withheld, 5)) for h in tried
        ),
        as_given=() if given is None else given.record(),
        shifts_px=round_rows(match.shifts_px * bin_by, 3),
    )
    history = [] if noted is None else [branch_sentence(axis, noted)]
    if given is not None and left:
        history.append(given.sentence())
    else:
        history.append(
            f"aligned without markers: axis {axis:.2f} deg, largest shift "
            f"{np.abs(match.shifts_px).max() * bin_by:.1f} px, views within "
            f"{np.sqrt((match.error_px**2).mean()) * bin_by:.2f} px rms of their reprojections, "
            f"worst view {int(np.argmax(match.error_px))}"
        )
    geometry = Geometry(angles, series.geometry.pixel_nm, axis, match.shifts_px * bin_by)
    for sentence in history[:-1]:
        series = series.after(sentence)
    return series.after(history[-1], geometry=geometry, facts={ALIGN: found})


def _binned(raw: np.ndarray, widest_px: int) -> tuple[np.ndarray, int]:
    """((tilt, y, x) views counted from their surroundings, the factor they were binned by)."""
    bin_by = max(1, min(math.ceil(max(raw.shape[1:]) / widest_px), min(raw.shape[1:]) // 16))
    return from_surroundings(fourier_bin(raw, bin_by) if bin_by > 1 else raw), bin_by


def _as_given(
    stack: np.ndarray,
    angles_deg: np.ndarray,
    axis_deg: float,
    match: Match,
    axes_deg: Sequence[float],
    alone: bool,
    threads: int,
) -> AsGiven | None:
    """None where it cannot be: views of an isolated specimen that moved, or too few views."""
    own = match.shifts_px - view_freedom(match.shifts_px, angles_deg)
    moved = float(np.sqrt((own**2).sum(1).mean()))
    if len(stack) < FEWEST_VIEWS or (alone and moved > STILL_PX):
        return None
    return try_as_given(
        stack, angles_deg, axis_deg, match.shifts_px, axes_deg, filled=not alone, threads=threads
    )


def _noise_share(stack: np.ndarray) -> float:
    """Noise per pixel over the rms of the views."""
    rms = float(np.sqrt((stack.astype(np.float64) ** 2).mean()))
    return noise_sigma(torch.from_numpy(np.ascontiguousarray(stack))) / rms if rms > 0 else 0.0


XCORR = Step(xcorr)
