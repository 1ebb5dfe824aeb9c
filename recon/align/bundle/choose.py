"""Which parameters the tracks can pay for, and tell: forward selection by leave-out residuals and
error bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.linalg import LinAlgError

from recon.align.bundle.covariance import quality
from recon.align.bundle.determined import (
    AXIS,
    AXIS_RAD,
    error_bars,
    need_prior,
    sized,
    undetermined,
)
from recon.align.bundle.freedom import Freedom, Mode
from recon.align.bundle.gauge import allowed
from recon.align.bundle.jackknife import jackknife, places
from recon.align.bundle.loss import SMALLEST_SCALE_PX, Loss
from recon.align.bundle.minimise import Seen, minimise
from recon.align.bundle.model import Cameras, nominal
from recon.align.bundle.plausible import Prior
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
# Of the mean squared leave-out residual, of single observations and of parts of the field.
# Parameters that mean nothing raise it: p of them on n
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


@dataclass(frozen=True, eq=False)
class Fit:
    """A solution on trial. ``squared_px``: mean squared lengths of the residuals with each
    observation left out, and with each part of the field (``jackknife.places``). ``bars``: of its
    parameters, by the tracks alone (``determined.error_bars``).
    """

    cameras: Cameras
    beads_xyz: np.ndarray
    squared_px: np.ndarray
    bars: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Setting:
    """What all trials have in common. ``cap_px``: longer residuals count as this long."""

    given: Cameras
    seen: Seen
    loss: Loss
    prior: Prior
    sigma_px: float
    cap_px: float


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
    it by ``LEAST_GAIN``. It must also lower that of parts of the field left out, since errors of
    one track are alike from view to view; and no error bar, of the axis neither, may be so long
    that little is known (``determined.py``). What is freed has a prior (``plausible.py``), unless
    the tracks know all of it far better.

    ``groups``: group sizes to use; its modes are not looked at. Outliers are those of the usual
    solution (``Freedom()``), the same in all trials, and are judged anew at the end. The solution
    says what the tracks do not determine. Raises ``UserError`` as ``solve``.
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
    setting = _setting(first, np.asarray(tilt_deg, np.float64), x_tilt_deg, reject_beyond)

    current = _fitted(first.cameras, first.beads_px[:, ::-1], stiff, setting)
    freedom = stiff
    trials = [Trial(stiff, _root(current), 0.0, True, "where the search starts")]
    untold: dict[str, bool] = {}
    for names in ORDER:
        while True:
            tried: list[tuple[float, Freedom, Fit]] = []
            for looser, name, mode in _looser(freedom, names):
                trial, result = _tried(current, looser, f"{name} {mode}", setting)
                trials.append(trial)
                if mode == LADDER[name][1]:
                    untold[name] = result is None
                if result is not None and trial.gain > LEAST_GAIN and _spread_out(current, result):
                    tried.append((trial.gain, looser, result))
            if not tried:
                break
            _, freedom, current = max(tried, key=lambda entry: entry[0])
            trials = [replace(t, taken=t.taken or t.freedom == freedom) for t in trials]
    best = fit(
        freedom=freedom,
        prior_noise_px=setting.prior.noise_px if need_prior(current.bars) else 0.0,
    )
    held = tuple(n for n in LADDER if untold.get(n) and freedom.mode(n) == LADDER[n][0])
    notes = best.notes
    if current.bars[AXIS] > AXIS_RAD:
        bar = sized(AXIS, current.bars[AXIS])
        notes = (
            *notes,
            f"the tracks do not determine the tilt axis: it is known within {bar} only",
        )
    return replace(best, undetermined=held, notes=notes), tuple(trials)


def _setting(first: Bundle, tilts: np.ndarray, x_tilt_deg: float, reject_beyond: float) -> Setting:
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
        reject_beyond * max(sigma, SMALLEST_SCALE_PX),
    )


def _tried(current: Fit, looser: Freedom, what: str, setting: Setting) -> tuple[Trial, Fit | None]:
    """(what is said of ``looser``, its solution unless the tracks do not determine it)."""
    try:
        result = _fitted(current.cameras, current.beads_xyz, looser, setting)
        doubtful = undetermined(result.bars, current.bars)
    except UserError as error:
        doubtful = str(error)
    if doubtful:
        return Trial(looser, float("nan"), 0.0, False, f"not determined: {doubtful}"), None
    gain, apart = _gains(current, result)
    why = (
        f"{what}: the squared leave-one-out residual falls by {100 * gain:.1f} %, with parts of "
        f"the field left out by {100 * apart:.1f} %"
    )
    return Trial(looser, _root(result), float(gain), False, why), result


def _gains(current: Fit, result: Fit) -> np.ndarray:
    """By which part each mean square fell."""
    before = np.maximum(current.squared_px, SMALLEST_SCALE_PX**2)
    return np.asarray((current.squared_px - result.squared_px) / before)


def _spread_out(current: Fit, result: Fit) -> bool:
    """Whether places that were left out gain too."""
    return bool(_gains(current, result)[1] > LEAST_GAIN)


def _fitted(cameras: Cameras, xyz: np.ndarray, freedom: Freedom, setting: Setting) -> Fit:
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
        apart = jackknife(views, beads, seen, space, loss, prior, group)
        alone = jackknife(views, beads, seen, space, loss, Prior(given), group)
    lengths = np.stack([np.hypot(*single.T), apart.leave_out_px])
    # Twelve parts tell a spread within a fifth: where that comes out short, independent errors'.
    bars = error_bars(space, alone.covariance, given.n_views)
    least = error_bars(space, setting.sigma_px**2 * alone.inverse, given.n_views)
    return Fit(
        views,
        beads,
        (np.minimum(lengths, setting.cap_px) ** 2).mean(1),
        {name: max(bars[name], least[name]) for name in bars},
    )


def _root(fit: Fit) -> float:
    return float(np.sqrt(fit.squared_px[0]))


def _looser(freedom: Freedom, names: tuple[str, ...]) -> list[tuple[Freedom, str, Mode]]:
    """Every single step up the ladders of ``names``."""
    found = []
    for name in names:
        ladder = LADDER[name]
        for mode in ladder[ladder.index(freedom.mode(name)) + 1 :]:
            found.append((replace(freedom, **{name: mode}), name, mode))  # type: ignore[arg-type]
    return found
