"""``align=auto``: beads where there are some, patches where they explain the views better than
whole views do, else whole views."""

from __future__ import annotations

from recon.align.beads.fiducial import apply_solution, follow
from recon.align.beads.tracking import NotEnoughBeads
from recon.align.patches.patch import patch
from recon.learned.bead_scores import bead_classifier
from recon.series import TiltSeries
from recon.stage import Step


def auto(series: TiltSeries, *, threads: int = 1) -> TiltSeries:
    """``fiducial`` if six beads or more can be followed, else ``patch``, which keeps ``xcorr``'s
    result where patches do not explain the views better; the history says which, and why."""
    try:
        geometry, judge = series.geometry, bead_classifier("fiducials")
        found = follow(
            series.data.numpy(),
            geometry.angles_deg,
            judge=judge,
            pixel_nm=geometry.pixel_nm,
            threads=threads,
        )
        return apply_solution(
            series.after("align=auto: gold beads are there, so they are used"), found, "network"
        )
    except NotEnoughBeads as error:
        why = str(error).split(", 6 or more wanted")[0].split("; use")[0]
        return patch(
            series.after(
                f"align=auto: no beads to align by ({why}), so patches of the views are followed"
            ),
            threads=threads,
        )


AUTO = Step(auto)
