"""One solution on trial: what its residuals are where observations were left out, and its error
bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError

from recon.align.bundle.covariance import quality
from recon.align.bundle.determined import error_bars, need_prior
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.gauge import allowed
from recon.align.bundle.jackknife import jackknife, places
from recon.align.bundle.loss import SMALLEST_SCALE_PX, Loss, spread_px
from recon.align.bundle.minimise import Seen, minimise
from recon.align.bundle.model import Cameras, nominal
from recon.align.bundle.plausible import Prior
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import HUBER_SPREADS, ROUGHLY
from recon.align.bundle.threads import one_blas_thread
from recon.errors import UserError


@dataclass(frozen=True, eq=False)
class Fit:
    """A solution on trial. ``leave_out_px``: (2, obs) lengths of the residuals with each
    observation left out, and with each part of the field (``jackknife.places``). ``bars``: of its
    parameters, by the tracks alone (``determined.error_bars``).
    """

    cameras: Cameras
    beads_xyz: np.ndarray
    leave_out_px: np.ndarray
    bars: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Setting:
    """What all trials have in common. ``reject_beyond``: standard deviations, beyond which lengths
    count as so long."""

    given: Cameras
    seen: Seen
    loss: Loss
    prior: Prior
    sigma_px: float
    reject_beyond: float


def setting_of(
    first: Bundle, tilts: np.ndarray, x_tilt_deg: float, reject_beyond: float
) -> Setting:
    kept = first.tracks.keep(first.used)
    seen = Seen(
        np.searchsorted(first.beads, kept.bead),
        kept.view,
        np.ascontiguousarray(kept.position_px[:, ::-1]),
        len(first.beads),
    )
    sigma, given = first.errors.sigma_px, nominal(tilts, first.axis_deg, x_tilt_deg)
    # errors that are alike in neighbouring views count for fewer, as ``Bundle.correlation`` has it
    alike = float(np.clip(first.correlation, 0, 0.9))
    return Setting(
        given,
        seen,
        Loss("huber", max(HUBER_SPREADS * sigma, SMALLEST_SCALE_PX)),
        Prior(given, sigma * float(np.sqrt((1 + alike) / (1 - alike)))),
        sigma,
        reject_beyond,
    )


def fitted(cameras: Cameras, xyz: np.ndarray, freedom: Freedom, setting: Setting) -> Fit:
    """The solution with ``freedom``, from one nearby. Raises ``UserError`` when the tracks do not
    determine it."""
    given, seen, loss, prior = setting.given, setting.seen, setting.loss, setting.prior
    space, start = allowed(cameras, given, freedom, np.bincount(seen.view, minlength=given.n_views))
    with one_blas_thread():
        try:
            views, beads = minimise(
                start, xyz, seen, space, loss, prior, steps=20, tolerance=ROUGHLY
            )
        except LinAlgError as error:
            raise UserError(f"{freedom.said()} is not determined by these tracks") from error
        single = quality(views, beads, seen, space, loss, prior).leave_out_xy
        group = places(beads)
        alone = jackknife(views, beads, seen, space, loss, Prior(given), group)
        # Twelve parts tell a spread within a fifth: where it comes out short, independent errors'.
        bars = error_bars(space, alone.covariance, given.n_views)
        least = error_bars(space, setting.sigma_px**2 * alone.inverse, given.n_views)
        bars = {name: max(bars[name], least[name]) for name in bars}
        apart = (
            jackknife(views, beads, seen, space, loss, prior, group) if need_prior(bars) else alone
        )
    lengths = np.stack([np.hypot(*single.T), apart.leave_out_px])
    return Fit(views, beads, lengths, bars)


def root_px(fit: Fit, cap_px: float) -> float:
    """Root mean square of the leave-one-out residuals."""
    return float(np.sqrt((np.minimum(fit.leave_out_px[0], cap_px) ** 2).mean()))


def cap_px(current: Fit, setting: Setting) -> float:
    """How long a residual may count: by the spread of the loosest solution, or of the current
    one where that is far from it."""
    spread = max(setting.sigma_px, spread_px(current.leave_out_px[0], 0))
    return setting.reject_beyond * spread


def gains(current: Fit, result: Fit, cap_px: float) -> np.ndarray:
    """(2,) by which part each mean squared leave-out residual falls from ``current`` to
    ``result``."""
    before, after = (
        (np.minimum(fit.leave_out_px, cap_px) ** 2).mean(1) for fit in (current, result)
    )
    return np.asarray((before - after) / np.maximum(before, SMALLEST_SCALE_PX**2))
