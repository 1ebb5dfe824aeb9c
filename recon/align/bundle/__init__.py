"""Bundle adjustment: beads' 3-D positions and every view's geometry from tracks, by least
squares."""

from __future__ import annotations

from recon.align.bundle.choose import Trial, choose
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import Cameras, project
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import solve
from recon.align.bundle.to_aligned import Affines, to_aligned
from recon.align.bundle.tracks import Tracks

__all__ = [
    "Affines",
    "Bundle",
    "Cameras",
    "Freedom",
    "Tracks",
    "Trial",
    "choose",
    "project",
    "solve",
    "to_aligned",
]
