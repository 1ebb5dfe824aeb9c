"""What the bundle adjustment found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.bundle.covariance import ErrorBars
from recon.align.bundle.determined import AXIS_RAD, spelled
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import Cameras
from recon.align.bundle.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Bundle:
    """``cameras``: every view's shift, rotation, magnification, tilt, x-tilt and strain.
    ``freedom``: which of them were solved for.

    ``beads``: (bead,) the tracks' numbers of the beads that were solved for, ``beads_px``: (bead,
    3) their positions (z, y, x) from the centre of the volume. ``tracks``: their observations; for
    each of these ``residual_px`` and ``leave_out_px``: (obs, 2) seen minus predicted (y, x), with
    and without the observation itself, and ``used``: (obs,) False for outliers, which took no part
    and whose two residuals are the same. ``errors``: standard deviations, for errors that are
    independent (see ``correlation``). ``notes``: sentences on what had to be left out or tied
    together. ``undetermined``: the parameters, of those that were tried, that the tracks do not
    tell, held as given. ``axis_spread_deg``: the axis's standard deviation for errors that are
    alike in one part of the field, 0 where that was not asked. ``prior_noise_px``: as ``solve``
    took it.
    """

    cameras: Cameras
    freedom: Freedom
    beads: np.ndarray
    beads_px: np.ndarray
    tracks: Tracks
    used: np.ndarray
    residual_px: np.ndarray
    leave_out_px: np.ndarray
    errors: ErrorBars
    pixel_nm: float | None = None
    notes: tuple[str, ...] = ()
    undetermined: tuple[str, ...] = ()
    axis_spread_deg: float = 0.0
    prior_noise_px: float = 0.0

    def said(self) -> str:
        """What was solved for and what the tracks do not tell, in one line for people."""
        left = []
        if self.undetermined:
            names = ", ".join(spelled(name) for name in self.undetermined)
            left.append(f"{names}: not determined by these tracks, held as given")
        if 2 * self.axis_spread_deg > np.rad2deg(AXIS_RAD):
            left.append(
                f"tilt axis: within {2 * self.axis_spread_deg:.1f} deg only (two standard "
                f"deviations)"
            )
        return self.freedom.said() + (f" ({'; '.join(left)})" if left else "")

    @property
    def axis_error_deg(self) -> float:
        """Standard deviation of the axis, the longer of two: for independent errors, and for
        errors that are alike in one part of the field."""
        return max(self.errors.axis_deg, self.axis_spread_deg)

    @property
    def axis_deg(self) -> float:
        """Mean in-plane rotation: the series' tilt axis."""
        return float(self.cameras.rotation_deg.mean())

    @property
    def beads_nm(self) -> np.ndarray | None:
        """(bead, 3) as (z, y, x), or None without a pixel size."""
        return None if self.pixel_nm is None else self.beads_px * self.pixel_nm

    @property
    def length_px(self) -> np.ndarray:
        """(obs,) length of the residual."""
        return np.asarray(np.hypot(*self.residual_px.T))

    @property
    def mean_residual_px(self) -> float:
        """Mean length over the observations used: what IMOD calls the residual error mean."""
        return float(self.length_px[self.used].mean())

    @property
    def mean_leave_out_px(self) -> float:
        """The same of the leave-one-out residuals: what IMOD calls the leave-out error."""
        return float(np.hypot(*self.leave_out_px[self.used].T).mean())

    @property
    def residual_per_view_px(self) -> np.ndarray:
        """(view,) mean length of the used observations; NaN where there is none."""
        return _mean_by(self.length_px[self.used], self.tracks.view[self.used], self.tracks.n_views)

    @property
    def residual_per_bead_px(self) -> np.ndarray:
        """(bead,) mean length of the used observations, in the order of ``beads``."""
        row = np.searchsorted(self.beads, self.tracks.bead[self.used])
        return _mean_by(self.length_px[self.used], row, len(self.beads))

    @property
    def correlation(self) -> float:
        """Of a bead's residuals in neighbouring views, in the order of tilt: near 0 where errors
        are independent, as error bars assume.

        Real beads are centred alike in neighbouring views, and a model too stiff leaves smooth
        residuals. What many views share (the axis, a bead's position, a curve) is then known less
        well than its bar says, by about ``sqrt((1 + c) / (1 - c))``; what one view has is not.
        """
        rank = np.empty(self.tracks.n_views, int)
        rank[np.argsort(self.cameras.tilt_deg, kind="stable")] = np.arange(self.tracks.n_views)
        bead, place, residual = (
            self.tracks.bead[self.used],
            rank[self.tracks.view[self.used]],
            self.residual_px[self.used],
        )
        order = np.lexsort((place, bead))
        bead, place, residual = bead[order], place[order], residual[order]
        next_to = (np.diff(bead) == 0) & (np.diff(place) == 1)
        first, second = residual[:-1][next_to], residual[1:][next_to]
        power = np.sqrt((first**2).sum() * (second**2).sum())
        return float((first * second).sum() / power) if power > 0 else 0.0

    @property
    def views_per_bead(self) -> np.ndarray:
        """(bead,) length of each trajectory, used observations only."""
        return np.bincount(
            np.searchsorted(self.beads, self.tracks.bead[self.used]), minlength=len(self.beads)
        )


def _mean_by(values: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    number = np.bincount(index, minlength=count)
    return np.asarray(
        np.bincount(index, values, minlength=count) / np.where(number > 0, number, np.nan)
    )
