"""``align=patch``: patches of the images followed and solved for, as beads would be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from recon.align.doubt import doubt_filled
from recon.align.found import ALIGN, Alignment, alignment_of, round_row, round_rows
from recon.align.matching import Match, match_reprojections
from recon.align.patches.placement import Placement
from recon.align.patches.track import NotEnoughTexture, Solution, match_patches, track_patches
from recon.align.shifts import from_surroundings
from recon.align.xcorr import xcorr
from recon.errors import UserError
from recon.geometry import Geometry
from recon.preprocess import fourier_bin
from recon.progress import track
from recon.series import TiltSeries
from recon.stage import Step

PATCHES_ACROSS = 7  # patches of the default size side by side, before they overlap
SMALLEST_PX = 12
PATCH_ROUNDS = 2
# Seconds that the steps took on 77 views of 200^2: a measure of their work.
CORRELATING, MATCHING, FOLLOWING, MEASURING = 15, 2, 3, 11


def patch(
    series: TiltSeries,
    *,
    axis_deg: float | None = None,
    patch_px: int | None = None,
    rounds: int = 6,
    working_px: int = 200,
    threads: int = 1,
) -> TiltSeries:
    """Find every view's shift, and its rotation, magnification and tilt where the patches tell
    them; the pixels stay as they are.

    1. ``align=xcorr``, with ``axis_deg`` as it takes it. 2. Overlapping patches, ``patch_px`` wide
    (null: a seventh of the frame), with texture in both directions, followed outward from the
    lowest tilt; those that move as a point of the specimen does are solved for by bundle
    adjustment. 3. From there, or from ``align=xcorr`` where that explains the views better, patches
    are measured against the views' reprojections and solved for again, twice where views turn out
    to differ. 4. Up to ``rounds`` of reprojection matching of whole views. Views wider than
    ``working_px`` are binned for all of it.

    Where patches cannot be followed, or explain the views less well than ``align=xcorr`` did, that
    result is kept, and the history says so.
    """
    if patch_px is not None and patch_px < SMALLEST_PX:
        raise UserError(
            f"align.patch_px={patch_px} given, {SMALLEST_PX} or more wanted; null takes a seventh "
            f"of the frame"
        )
    raw = series.data.numpy()
    empty = np.flatnonzero(np.ptp(raw.reshape(len(raw), -1), axis=1) == 0)
    if empty.size:
        shown = ",".join(str(v) for v in empty[:20])
        raise UserError(
            f"{empty.size} views are empty (one value in all pixels), detail in every view wanted; "
            f"drop them with exclude=[{shown}]"
        )
    bin_by = max(1, min(math.ceil(max(raw.shape[1:]) / working_px), min(raw.shape[1:]) // 16))
    refining = FOLLOWING + PATCH_ROUNDS * MEASURING + 4 * MATCHING
    with track("aligning by patches", CORRELATING + MATCHING + refining) as phase:
        with phase.part(CORRELATING):
            rough = xcorr(series, axis_deg=axis_deg, working_px=working_px, threads=threads)
        stack = from_surroundings(fourier_bin(raw, bin_by) if bin_by > 1 else raw)
        size = (
            min(stack.shape[1:]) // PATCHES_ACROSS if patch_px is None else round(patch_px / bin_by)
        )
        size = max(size, SMALLEST_PX)

        assert rough.geometry.shifts_px is not None
        tilts, start_axis = series.geometry.angles_deg, rough.geometry.axis_deg
        start = Placement.of(tilts, start_axis, rough.geometry.shifts_px / bin_by)
        with phase.part(MATCHING):
            before = _match(stack, start, 0, threads)
        try:
            with phase.part(refining):
                found, match = refined(stack, start, before, tilts, size, rounds, threads)
        except NotEnoughTexture as error:
            return _kept(rough, str(error))
    if match.residual > before.residual:
        return _kept(
            rough,
            f"patches leave {match.residual:.4f} of the data unexplained by reprojections, "
            f"cross-correlation {before.residual:.4f}",
        )
    place = replace(found.placement, shifts_px=match.shifts_px)
    # Whole views told the axis of a film to a few degrees; patches have measured it since.
    left = alignment_of(rough).warning.replace(doubt_filled(start_axis), "").strip("; ")
    geometry = Geometry(
        place.angles_deg,
        series.geometry.pixel_nm,
        place.axis_deg,
        place.shifts_px * bin_by,
        place.own,
    )
    return series.after(
        _sentence(found, match, before, bin_by),
        geometry=geometry,
        facts={ALIGN: replace(_alignment(found, match, before, bin_by, size), warning=left)},
    )


def refined(
    stack: np.ndarray,
    start: Placement,
    before: Match,
    tilt_deg: np.ndarray,
    size: int,
    rounds: int,
    threads: int,
) -> tuple[Solution, Match]:
    """(the patches' solution, its views against their reprojections). Raises
    ``NotEnoughTexture``."""
    with track("following patches", FOLLOWING + PATCH_ROUNDS * MEASURING + 4 * MATCHING) as phase:
        found = track_patches(stack, start, size, threads=threads)
        phase.advance(FOLLOWING)
        with phase.part(MATCHING):
            tracked = _match(stack, found.placement, 0, threads)
        best = found.placement if tracked.residual < before.residual else start
        for _ in range(PATCH_ROUNDS):
            found = match_patches(stack, best, found.points_px, tilt_deg, size, threads=threads)
            best = found.placement
            phase.advance(MEASURING)
            if best.one_axis:  # nothing that whole views do not tell better
                break
        with phase.part(3 * MATCHING):
            return found, _match(stack, best, rounds, threads)


def _match(stack: np.ndarray, place: Placement, rounds: int, threads: int) -> Match:
    return match_reprojections(
        stack,
        place.angles_deg,
        place.axis_deg,
        place.shifts_px,
        matrices=place.own,
        rounds=rounds,
        threads=threads,
    )


def _kept(rough: TiltSeries, why: str) -> TiltSeries:
    """The cross-correlation's result, and why."""
    found = alignment_of(rough)
    said = f"align=patch falls back on align=xcorr: {why}"
    warning = f"{said}; {found.warning}" if found.warning else said
    return rough.after(
        said, facts={ALIGN: replace(found, asked="patch", fallback=why, warning=warning)}
    )


def _alignment(found: Solution, match: Match, before: Match, bin_by: int, size: int) -> Alignment:
    bundle, place = found.bundle, found.placement
    return Alignment(
        method="patch",
        axis_deg=round(place.axis_deg, 3),
        axis_error_deg=round(bundle.axis_error_deg, 4),
        patch_px=size * bin_by,
        n_patches=len(bundle.beads),
        views_per_patch=round(float(bundle.views_per_bead.mean()), 2),
        correlation=round(found.correlation, 3),
        residual_px=round(bundle.mean_residual_px * bin_by, 4),
        leave_out_px=round(bundle.mean_leave_out_px * bin_by, 4),
        freedom=bundle.said(),
        reprojection_residual=round(match.residual, 5),
        reprojection_residual_xcorr=round(before.residual, 5),
        error_px_per_view=round_row(match.error_px * bin_by, 3),
        rotation_deg=round_row(bundle.cameras.rotation_deg, 3),
        magnification=round_row(bundle.cameras.magnification, 5),
        tilt_deg=round_row(bundle.cameras.tilt_deg, 3),
        shifts_px=round_rows(match.shifts_px * bin_by, 3),
        notes=bundle.notes,
    )


def _sentence(found: Solution, match: Match, before: Match, bin_by: int) -> str:
    bundle = found.bundle
    return (
        f"aligned by {len(bundle.beads)} patches: axis {found.placement.axis_deg:.2f} deg, mean "
        f"residual {bundle.mean_residual_px * bin_by:.2f} px, "
        f"views within {np.sqrt((match.error_px**2).mean()) * bin_by:.2f} px rms of their "
        f"reprojections, which leave {match.residual:.4f} of the "
        f"data unexplained (cross-correlation {before.residual:.4f}); solved for "
        f"{bundle.said()}"
    )


PATCH = Step(patch)
