"""Which parameters the tracks can pay for: forward selection by the leave-one-out residual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.linalg import LinAlgError

from recon.align.bundle.covariance import quality
from recon.align.bundle.freedom import Freedom, Mode
from recon.align.bundle.gauge import allowed
from recon.align.bundle.loss import SMALLEST_SCALE_PX, Loss
from recon.align.bundle.minimise import Seen, minimise
from recon.align.bundle.model import Cameras, nominal
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import HUBER_SPREADS, ONE_AXIS, ROUGHLY, solve
from recon.align.bundle.threads import one_blas_thread
from recon.align.bundle.tracks import Tracks
from recon.errors import UserError

# What may be tried for each parameter, from stiff to loose. Strains are tried as slow changes only,
# and after the rest: resampling a view undoes a rotation and a magnification exactly, a change of
# the specimen only on average (``to_aligned.py``).
LADDER: dict[str, tuple[Mode, ...]] = {
    "rotation": ("global", "grouped", "free"),
    "magnification": ("fixed", "grouped", "free"),
    "tilt": ("fixed", "grouped", "free"),
    "x_tilt": ("fixed", "grouped"),
    "skew": ("fixed", "grouped"),
    "stretch": ("fixed", "stepped"),
    "scan_skew": ("fixed", "global"),
    "thinning": ("fixed", "grouped"),
}
ORDER = (
    ("rotation", "magnification", "tilt"),
    ("x_tilt", "skew", "stretch", "scan_skew", "thinning"),
    ("rotation", "magnification", "tilt"),
)
# Of the mean squared leave-one-out residual. Parameters that mean nothing raise it: p of them on n
# numbers by about 2 p / n, give or take 2 sqrt(2 p) / n, so that a fall by this much is no chance
# from 100 observations on.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class Trial:
    """``leave_out_px``: root mean square length of the leave-one-out residuals, NaN when the tracks
    do not determine ``freedom``.

    ``gain``: the part by which its square fell from the solution before; ``taken``: whether it
    became the next. ``why``: a sentence.
    """

    freedom: Freedom
    leave_out_px: float
    gain: float
    taken: bool
    why: str


def choose(
    tracks: Tracks,
    tilt_deg: np.ndarray,
    *,
    axis_deg: float | None = None,
    x_tilt_deg: float = 0.0,
    reject_beyond: float = 4.0,
    pixel_nm: float | None = None,
    groups: Freedom | None = None,
) -> tuple[Bundle, tuple[Trial, ...]]:
    """(solution, what was tried). From one axis, fixed tilts and magnification, the change that
    lowers the squared leave-one-out residual most is taken, again and again, as long as it lowers
    it by ``LEAST_GAIN``.

    ``groups``: group sizes to use; its modes are not looked at. Outliers are those of the usual
    solution (``Freedom()``), the same in all trials, and are judged anew at the end. Raises
    ``UserError`` as ``solve``.
    """
    sizes = Freedom() if groups is None else groups
    stiff = replace(
        ONE_AXIS, group_views=sizes.group_views, strain_group_views=sizes.strain_group_views
    )
    usual = replace(stiff, rotation="free", magnification="free", tilt="grouped")
    fit = partial(
        solve,
        tracks,
        tilt_deg,
        axis_deg=axis_deg,
        x_tilt_deg=x_tilt_deg,
        reject_beyond=reject_beyond,
        pixel_nm=pixel_nm,
    )
    try:
        first = fit(freedom=usual)
    except UserError:
        first = fit(freedom=stiff)
    kept = first.tracks.keep(first.used)
    seen = Seen(
        np.searchsorted(first.beads, kept.bead),
        kept.view,
        np.ascontiguousarray(kept.position_px[:, ::-1]),
        len(first.beads),
    )
    cap = reject_beyond * max(first.errors.sigma_px, SMALLEST_SCALE_PX)
    loss = Loss("huber", max(HUBER_SPREADS * first.errors.sigma_px, SMALLEST_SCALE_PX))
    given = nominal(np.asarray(tilt_deg, np.float64), first.axis_deg, x_tilt_deg)

    current = _fitted(given, first.cameras, first.beads_px[:, ::-1], seen, stiff, loss)
    freedom = stiff
    trials = [Trial(stiff, _rms(current[2], cap), 0.0, True, "where the search starts")]
    for names in ORDER:
        while True:
            tried: list[tuple[float, Freedom, tuple[Cameras, np.ndarray, np.ndarray]]] = []
            for looser, name, mode in _looser(freedom, names):
                try:
                    result = _fitted(given, current[0], current[1], seen, looser, loss)
                except UserError as error:
                    trials.append(
                        Trial(looser, float("nan"), 0.0, False, f"not determined: {error}")
                    )
                    continue
                before, after = _rms(current[2], cap) ** 2, _rms(result[2], cap) ** 2
                gain = (before - after) / max(before, SMALLEST_SCALE_PX**2)
                why = (
                    f"{name} {mode}: the squared leave-one-out residual falls by {100 * gain:.1f} %"
                )
                trials.append(Trial(looser, _rms(result[2], cap), gain, False, why))
                if gain > LEAST_GAIN:
                    tried.append((gain, looser, result))
            if not tried:
                break
            _, freedom, current = max(tried, key=lambda entry: entry[0])
            trials = [replace(t, taken=t.taken or t.freedom == freedom) for t in trials]
    return fit(freedom=freedom), tuple(trials)


def _fitted(
    given: Cameras, cameras: Cameras, xyz: np.ndarray, seen: Seen, freedom: Freedom, loss: Loss
) -> tuple[Cameras, np.ndarray, np.ndarray]:
    """(views, beads, (obs,) lengths of the leave-one-out residuals) of ``freedom``, from a solution
    nearby."""
    space, start = allowed(cameras, given, freedom, np.bincount(seen.view, minlength=given.n_views))
    with one_blas_thread():
        try:
            views, beads = minimise(start, xyz, seen, space, loss, steps=20, tolerance=ROUGHLY)
        except LinAlgError as error:
            raise UserError(f"{freedom.said()} is not determined by these tracks") from error
        return views, beads, np.hypot(*quality(views, beads, seen, space, loss).leave_out_xy.T)


def _rms(length: np.ndarray, cap: float) -> float:
    return float(np.sqrt((np.minimum(length, cap) ** 2).mean()))


def _looser(freedom: Freedom, names: tuple[str, ...]) -> list[tuple[Freedom, str, Mode]]:
    """Every single step up the ladders of ``names``."""
    found = []
    for name in names:
        ladder = LADDER[name]
        for mode in ladder[ladder.index(freedom.mode(name)) + 1 :]:
            found.append((replace(freedom, **{name: mode}), name, mode))  # type: ignore[arg-type]
    return found
