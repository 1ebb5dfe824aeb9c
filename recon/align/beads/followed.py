"""What ``align=fiducial`` found, and what is said of it: for the record, for the files, and in a
sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.beads.candidates import Candidates
from recon.align.beads.profile import Profile
from recon.align.beads.refine import Sightings
from recon.align.bundle import Bundle, Trial, project, to_aligned
from recon.align.bundle.model import nominal
from recon.align.found import Alignment, BeadTracks, round_row, round_rows


@dataclass(frozen=True, eq=False)
class Followed:
    """``sightings``: what was measured near where the solution has the beads; ``bundle``: the
    solution, which uses most of it; ``trials``: the

    freedoms that were tried; ``candidates``: of every view, with their scores.
    """

    sightings: Sightings
    bundle: Bundle
    trials: tuple[Trial, ...]
    candidates: tuple[Candidates, ...]
    profile: Profile


def describe_alignment(found: Followed, tilt_deg: np.ndarray, classifier: str) -> Alignment:
    """The solution of the beads in views at the nominal ``tilt_deg``, as the record has it."""
    bundle = found.bundle
    used = bundle.tracks.keep(bundle.used)
    start = nominal(tilt_deg, bundle.axis_deg)
    before = np.hypot(
        *(
            used.position_px
            - project(start, bundle.beads_px)[used.view, np.searchsorted(bundle.beads, used.bead)]
        ).T
    )
    empty = np.flatnonzero(np.isnan(bundle.residual_per_view_px))
    names = ", ".join(map(str, empty[:12])) + (" ..." if empty.size > 12 else "")
    unseen = (
        f"no bead was measured in view{'s' if empty.size > 1 else ''} {names}: placed where "
        f"the neighbours suggest; leave out what is "
        "hidden there with exclude=[...]"
    )
    return Alignment(
        method="fiducial",
        warning=unseen if empty.size else "",
        classifier=classifier,
        bead_px=round(found.profile.diameter_px, 2),
        beads_are="bright" if found.profile.sign > 0 else "dark",
        n_beads=len(bundle.beads),
        views_per_bead=round(float(bundle.views_per_bead.mean()), 2),
        observations=int(bundle.used.sum()),
        residual_px=round(bundle.mean_residual_px, 4),
        residual_nm=(
            None if bundle.pixel_nm is None else round(bundle.mean_residual_px * bundle.pixel_nm, 4)
        ),
        leave_out_px=round(bundle.mean_leave_out_px, 4),
        before_px=round(float(before.mean()), 2),
        residual_px_per_view=round_row(bundle.residual_per_view_px, 3),
        residual_px_per_bead=round_row(bundle.residual_per_bead_px, 3),
        axis_deg=round(bundle.axis_deg, 4),
        axis_error_deg=round(bundle.axis_error_deg, 4),
        freedom=bundle.said(),
        rotation_deg=round_row(bundle.cameras.rotation_deg, 3),
        magnification=round_row(bundle.cameras.magnification, 5),
        tilt_deg=round_row(bundle.cameras.tilt_deg, 3),
        tilt_change_deg=round_row(bundle.cameras.tilt_deg - tilt_deg, 3),
        tilt_error_deg=round_row(bundle.errors.tilt_deg, 3),
        shifts_px=round_rows(to_aligned(bundle.cameras, bundle.beads_px).shifts_px, 3),
        notes=bundle.notes,
    )


def bead_tracks(found: Followed, stack: np.ndarray) -> BeadTracks:
    """What the run writes as files: tracks, beads, and the middle view with its residuals."""
    bundle = found.bundle
    used = bundle.tracks.keep(bundle.used)
    middle = int(np.argmin(np.abs(bundle.cameras.tilt_deg)))
    return BeadTracks(
        bead=used.bead,
        view=used.view,
        position_px=used.position_px,
        residual_px=bundle.residual_px[bundle.used],
        beads=bundle.beads,
        beads_px=bundle.beads_px,
        picture=stack[middle],
        picture_view=middle,
        sign=found.profile.sign,
    )


def describe_in_words(found: Followed, pixel_nm: float | None) -> str:
    bundle = found.bundle
    size = (
        f"{found.profile.diameter_px:.1f} px"
        if pixel_nm is None
        else f"{found.profile.diameter_px * pixel_nm:.1f} nm"
    )
    return (
        f"aligned by {len(bundle.beads)} beads of {size} in {bundle.views_per_bead.mean():.1f} "
        f"views each: axis {bundle.axis_deg:.3f} +- "
        f"{bundle.axis_error_deg:.3f} deg, mean residual {bundle.mean_residual_px:.3f} px "
        f"({bundle.mean_leave_out_px:.3f} px left out); "
        f"solved for {bundle.said()}"
    )
