"""A closed half-turn of views: those that were measured, and where others are missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry

STEP_DEG = 1.40625  # 128 views of a half-turn: the grid of Ding et al. 2019
SAME_DEG = 0.01  # views nearer to each other are one view


@dataclass(frozen=True, eq=False)
class HalfTurn:
    """Views of 180 degrees in the order of their angles, the widest gap in the middle.

    ``angles_deg``: (n,) rising, over less than 180 degrees. ``view``: (n,) number of the measured
    view there, -1 where one is missing. ``behind``: (n,) a measured view that lies half a turn off,
    so that its columns are reversed here. ``distance_deg``: (n,) to the nearest measured view.
    ``own_step_deg``: of the measured views. ``step_deg``: of the grid.
    """

    angles_deg: np.ndarray
    view: np.ndarray
    behind: np.ndarray
    distance_deg: np.ndarray
    own_step_deg: float
    step_deg: float

    @property
    def missing(self) -> np.ndarray:
        """(n,) True where no view was measured."""
        return np.asarray(self.view < 0)

    @property
    def gap_deg(self) -> float:
        """The widest gap between measured views."""
        return float(np.diff(_closed(self.angles_deg[~self.missing])).max())

    def in_range(self) -> tuple[np.ndarray, np.ndarray]:
        """((n,) angles in -90 ... 90, (n,) whether columns are reversed there)."""
        turned = self.angles_deg - 180 * np.ceil((self.angles_deg - 90) / 180)
        halves = np.rint((self.angles_deg - turned) / 180).astype(int)
        return turned, halves % 2 != 0


def half_turn(angles_deg: np.ndarray, measured: np.ndarray, step_deg: float = STEP_DEG) -> HalfTurn:
    """Every gap between neighbouring ``measured`` views (tilt,) is divided into equal steps.

    The step is the views' own, continued through the wedge, so that a regular series becomes one
    regular half-turn and no measured view is resampled; where their own is 1.5 times ``step_deg``
    or more, it is divided to come near that. Raises ``UserError`` for fewer than 2 measured views.
    """
    index = np.flatnonzero(measured)
    reduced = np.mod(angles_deg[index], 180.0)
    order = np.argsort(reduced, kind="stable")
    index, reduced = index[order], reduced[order]
    new = np.diff(reduced, prepend=-np.inf) > SAME_DEG
    if new.sum() > 1 and reduced[0] + 180 - reduced[-1] <= SAME_DEG:  # -90 and 90
        new[-1] = False
    index, reduced = index[new], reduced[new]
    if index.size < 2:
        raise UserError(
            f"{index.size} measured tilt{'' if index.size == 1 else 's'} given to inpaint, at least "
            "2 wanted, because a view is invented from those on both of its sides; leave inpaint out"
        )
    gaps = np.diff(_closed(reduced))
    widest = int(np.argmax(gaps))
    start = np.mod(reduced[widest] + gaps[widest] / 2, 180.0) - 90  # a quarter turn off the gap
    turned = start + np.mod(reduced - start, 180.0)
    order = np.argsort(turned)
    index, turned = index[order], turned[order]
    behind = np.rint((turned - angles_deg[index]) / 180).astype(int) % 2 != 0
    gaps = np.diff(_closed(turned))
    own = float(np.median(gaps))
    grid = own / max(1, round(own / step_deg))
    counts = np.maximum(1, np.rint(gaps / grid).astype(int))
    angles = [a + gap * np.arange(n) / n for a, gap, n in zip(turned, gaps, counts, strict=True)]
    n_rows = int(counts.sum())
    view = np.full(n_rows, -1)
    there = np.concatenate([[0], np.cumsum(counts)[:-1]])
    view[there] = index
    reversed_here = np.zeros(n_rows, bool)
    reversed_here[there] = behind
    rows = np.concatenate(angles)
    return HalfTurn(rows, view, reversed_here, _distance(rows, turned), own, grid)


def without(turn: HalfTurn, views: np.ndarray) -> HalfTurn:
    """The half-turn as if ``views`` had not been measured."""
    view = np.where(np.isin(turn.view, views), -1, turn.view)
    distance = _distance(turn.angles_deg, turn.angles_deg[view >= 0])
    return replace(turn, view=view, distance_deg=distance)


def laid_out(views: Tensor, turn: HalfTurn) -> Tensor:
    """(tilt, y, x) -> (n, y, x) on the half-turn, 0 where a view is missing."""
    out = torch.zeros(len(turn.view), *views.shape[1:])
    for row in np.flatnonzero(~turn.missing):
        picture = views[int(turn.view[row])]
        out[int(row)] = picture.flip(-1) if turn.behind[row] else picture
    return out


def missing_geometry(turn: HalfTurn, pixel_nm: float | None) -> tuple[Geometry, np.ndarray]:
    """(geometry of the missing views, within -90 ... 90 degrees; (missing,) whether a row of the
    half-turn is seen from behind there)."""
    angles, behind = turn.in_range()
    return Geometry(angles[turn.missing], pixel_nm), behind[turn.missing]


def _distance(angles_deg: np.ndarray, measured_deg: np.ndarray) -> np.ndarray:
    apart = np.abs(np.mod(angles_deg[:, None] - measured_deg[None] + 90, 180) - 90)
    return np.where(apart.min(1) < SAME_DEG, 0.0, apart.min(1))


def _closed(angles_deg: np.ndarray) -> np.ndarray:
    return np.append(angles_deg, angles_deg[0] + 180)
