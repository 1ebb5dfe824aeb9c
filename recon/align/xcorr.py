"""Marker-free alignment from rough to fine; the default."""

from __future__ import annotations

import math

import numpy as np

from recon.align.axis import axis_from_spectra, refine_axis
from recon.align.found import ALIGN, Alignment, round_row, round_rows
from recon.align.matching import match_reprojections
from recon.align.resample import warp
from recon.align.shifts import (
    correlation_shifts,
    from_surroundings,
    isolated,
    mass_shifts,
    profile_shifts,
)
from recon.errors import UserError
from recon.geometry import Geometry
from recon.preprocess import fourier_bin
from recon.progress import track
from recon.series import TiltSeries
from recon.stage import Step


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
    counted from their surroundings' level. 2. Shifts by cosine-stretched cross-correlation outward
    from the lowest tilt; then, for a specimen surrounded by vacuum, along the axis from the views'
    common profile and across it from their centre of mass. 3. For such a specimen, the axis again,
    to a tenth of a degree, from the complex common line (unless given, or ``refine`` is off). 4. Up
    to ``rounds`` of reprojection matching. Views wider than ``working_px`` are binned for the
    search.
    """
    raw = series.data.numpy()
    if rounds < 0 or working_px < 32:
        raise UserError(
            f"align.rounds={rounds} and align.working_px={working_px} given, 0 or more and 32 or "
            f"more wanted"
        )
    bin_by = max(1, min(math.ceil(max(raw.shape[1:]) / working_px), min(raw.shape[1:]) // 16))
    angles = series.geometry.angles_deg
    refining = 2 if refine and axis_deg is None else 0
    # Work in units of the rough shifts; most series need two rounds of matching.
    matching = 2 * (1 + min(rounds, 2))
    with track("aligning by correlation", 3 + 3 * refining + matching) as phase:
        stack = from_surroundings(fourier_bin(raw, bin_by) if bin_by > 1 else raw)
        axis, contrast = axis_from_spectra(stack) if axis_deg is None else (axis_deg, 0.0)
        phase.advance(2)
        alone, shifts = _rough_shifts(stack, angles, axis, threads)
        phase.advance()
        for _ in range(refining if alone else 0):
            axis += refine_axis(warp(stack, axis, shifts, order=3, threads=threads))
            # The data do not tell an axis from the opposite one: the one in [-90, 90) is taken,
            # before shifts are measured in its frame.
            axis = (axis + 90) % 180 - 90
            alone, shifts = _rough_shifts(stack, angles, axis, threads)
            phase.advance(3)
        with phase.part(matching):
            match = match_reprojections(stack, angles, axis, shifts, rounds=rounds, threads=threads)
    worst = int(np.argmax(match.error_px))
    unclear = (
        f"the tilt axis does not stand out (contrast {contrast:.2f}, 1 is none); check it, or "
        f"pass align.axis_deg="
    )
    found = Alignment(
        method="xcorr",
        warning=unclear if contrast > 0.8 else "",
        axis_deg=round(axis, 3),
        axis_given=axis_deg is not None,
        axis_contrast=round(contrast, 3),
        specimen_isolated=alone,
        reprojection_residual=round(match.residual, 5),
        error_px_per_view=round_row(match.error_px * bin_by, 3),
        shifts_px=round_rows(match.shifts_px * bin_by, 3),
    )
    step = (
        f"aligned without markers: axis {axis:.2f} deg, largest shift "
        f"{np.abs(match.shifts_px).max() * bin_by:.1f} px, views within "
        f"{np.sqrt((match.error_px**2).mean()) * bin_by:.2f} px rms of their reprojections, worst "
        f"view {worst}"
    )
    geometry = Geometry(angles, series.geometry.pixel_nm, axis, match.shifts_px * bin_by)
    return series.after(step, geometry=geometry, facts={ALIGN: found})


def _rough_shifts(
    stack: np.ndarray, angles_deg: np.ndarray, axis_deg: float, threads: int
) -> tuple[bool, np.ndarray]:
    """(specimen isolated?, (tilt, 2) shifts) in the frame of ``axis_deg``."""
    turned = warp(stack, axis_deg, np.zeros((len(stack), 2)), order=1, threads=threads)
    shifts = correlation_shifts(turned, angles_deg)
    alone = isolated(turned)
    if alone:
        shifts[:, 0] = profile_shifts(turned, shifts[:, 0])
        shifts[:, 1] = mass_shifts(turned, shifts[:, 0])
    return alone, shifts


XCORR = Step(xcorr)
