"""Which of the views' parameters are solved for, and as what: fixed, one for all, a curve, or one
per view."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

from recon.align.bundle.model import (
    MAGNIFICATION,
    ROTATION,
    SCAN_SKEW,
    SKEW,
    STRETCH,
    THINNING,
    TILT,
    X_TILT,
)
from recon.errors import UserError

Mode = Literal["fixed", "global", "grouped", "stepped", "free"]

COLUMNS = {
    "rotation": ROTATION,
    "magnification": MAGNIFICATION,
    "tilt": TILT,
    "x_tilt": X_TILT,
    "stretch": STRETCH,
    "skew": SKEW,
    "thinning": THINNING,
    "scan_skew": SCAN_SKEW,
}
STRAINS = ("stretch", "skew", "thinning", "scan_skew")
TOLD_AS_ONE = (
    "rotation",
    "scan_skew",
)  # one value for all views changes predictions; of the others only differences do


@dataclass(frozen=True)
class Freedom:
    """The mode of each parameter of ``model.py``'s equation (1); shifts are always free.

    ``fixed``: as given. ``global``: one value for all views. ``grouped``: a line between nodes.
    ``stepped``: one value a group. ``free``: one a view. Groups are about ``group_views`` views
    long (``strain_group_views`` for stretch, skew, thinning and scan skew, which change slowly),
    counted in the order of tilt, shorter at high tilt where parameters show more.

    ``global`` exists for the rotation and the scan skew only: one offset of the others turns or
    scales the specimen, which no bead can tell (``gauge.py``). Raises ``UserError`` for that, for
    unknown modes, and for groups of less than 2 views.
    """

    rotation: Mode = "free"
    magnification: Mode = "free"
    tilt: Mode = "grouped"
    x_tilt: Mode = "fixed"
    stretch: Mode = "fixed"
    skew: Mode = "fixed"
    thinning: Mode = "fixed"
    scan_skew: Mode = "fixed"
    group_views: int = 5
    strain_group_views: int = 10

    def __post_init__(self) -> None:
        for name in COLUMNS:
            mode = getattr(self, name)
            if mode not in get_args(Mode):
                raise UserError(f"{name}={mode} given, one of {', '.join(get_args(Mode))} wanted")
            if mode == "global" and name not in TOLD_AS_ONE:
                raise UserError(
                    f"{name}=global given, but one {name} for all views only turns or scales the "
                    f"specimen, which the tracks cannot tell; "
                    "use fixed, grouped or free"
                )
        if self.group_views < 2 or self.strain_group_views < 2:
            raise UserError(
                f"groups of {self.group_views} and {self.strain_group_views} views given, 2 or "
                f"more wanted"
            )

    def mode(self, name: str) -> Mode:
        mode: Mode = getattr(self, name)
        return mode

    def solved(self) -> tuple[str, ...]:
        """The names of what is not fixed."""
        return tuple(
            f.name for f in fields(self) if f.name in COLUMNS and getattr(self, f.name) != "fixed"
        )

    def said(self) -> str:
        """One line for people, as ``rotation free, magnification free, tilt grouped by 5``."""
        parts = [f"{name} {self.mode(name)}{self._by(name)}" for name in self.solved()]
        return ", ".join(parts) if parts else "shifts only"

    def _by(self, name: str) -> str:
        return f" by {self.spacing(name)}" if self.mode(name) in ("grouped", "stepped") else ""

    def spacing(self, name: str) -> int:
        return self.strain_group_views if name in STRAINS else self.group_views


def curve(mode: Mode, spacing: int, tilts_rad: np.ndarray, carrying: np.ndarray) -> np.ndarray:
    """(view, unknown) how each view's value follows from the unknowns of a parameter.

    ``carrying``: (view,) the views with beads enough to have a value of their own. The others lie
    on the line between their neighbours in tilt: a view without beads gets what its neighbours
    suggest, never nothing.
    """
    n = len(tilts_rad)
    if mode == "fixed" or not carrying.any():
        return np.zeros((n, 0))
    if mode == "global":
        return np.ones((n, 1))
    rank = np.empty(n)
    rank[np.argsort(tilts_rad, kind="stable")] = np.arange(n)
    nodes = np.sort(rank[carrying])
    # Parameters change, and show, the more the higher the tilt: groups are narrower there, as 1 /
    # sqrt(cos t).
    reach = np.cumsum(1 / np.sqrt(np.maximum(np.cos(np.sort(tilts_rad)), 0.1)))[nodes.astype(int)]
    along = (reach - reach[0]) / max(reach[-1] - reach[0], 1e-12)
    if mode == "stepped":
        count = max(1, round(len(nodes) / spacing))
        group = np.minimum((along * count).astype(int), count - 1)
        mine = group[np.abs(rank[:, None] - nodes[None]).argmin(1)]
        return np.asarray(mine[:, None] == np.unique(group)[None], np.float64)
    if mode == "grouped":
        count = max(2, round((len(nodes) - 1) / spacing) + 1)
        wanted = np.interp(np.linspace(0, 1, count), along, np.arange(len(nodes)))
        nodes = np.unique(nodes[np.round(wanted).astype(int)])
    return np.stack([np.interp(rank, nodes, unit) for unit in np.eye(len(nodes))], axis=1)
