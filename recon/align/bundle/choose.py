"""Which parameters the tracks can pay for, and tell: forward selection by leave-out residuals and
error bars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from recon.align.bundle.determined import (
    AXIS,
    AXIS_RAD,
    LOOSE_AXIS_RAD,
    need_prior,
    spelled,
    undetermined,
    unnoticed,
)
from recon.align.bundle.freedom import Freedom, Mode
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import ONE_AXIS, solve
from recon.align.bundle.tracks import Tracks
from recon.align.bundle.trial import Fit, Setting, cap_px, fitted, gains, root_px, setting_of
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
# What a strain takes the place of, where the tracks tell that badly.
TAKES_FOR = {
    "x_tilt": "rotation",
    "skew": "rotation",
    "stretch": "tilt",
    "scan_skew": "rotation",
    "thinning": "tilt",
}
ORDER = (
    ("rotation", "magnification", "tilt"),
    tuple(TAKES_FOR),
    ("rotation", "magnification", "tilt"),
)
# Of the mean squared leave-out residual, of single observations and of parts of the field.
# Parameters that mean nothing raise it: p of them on n numbers by about 2 p / n, give or take
# 2 sqrt(2 p) / n, so that a fall by this much is no chance from 100 observations on.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class Trial:
    """``leave_out_px``: root mean square length of the leave-one-out residuals, NaN when the tracks
    do not determine ``freedom``.

    ``gain``: the part by which its square fell from the solution before; ``taken``: whether it
    became the next. ``why``: a sentence. ``gain_apart``: as ``gain``, with parts of the
    field left out.
    """

    freedom: Freedom
    leave_out_px: float
    gain: float
    taken: bool
    why: str
    gain_apart: float = 0.0

    def worth(self, least_gain: float) -> bool:
        return min(self.gain, self.gain_apart) > least_gain


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
    setting = setting_of(first, np.asarray(tilt_deg, np.float64), x_tilt_deg, reject_beyond)

    current = fitted(first.cameras, first.beads_px[:, ::-1], stiff, setting)
    freedom = stiff
    trials = [
        Trial(
            stiff, root_px(current, cap_px(current, setting)), 0.0, True, "where the search starts"
        )
    ]
    untold: dict[str, bool] = {}
    unsure: dict[str, bool] = {}
    for names in ORDER:
        while True:
            tried: list[tuple[float, Freedom, Fit]] = []
            for looser, name, mode in _looser(freedom, names):
                other = TAKES_FOR.get(name, "")
                trial, result = (
                    _mistaken(looser, other)
                    if untold.get(other)
                    else _tried(current, looser, name, setting)
                )
                trials.append(trial)
                if mode == LADDER[name][1]:
                    untold[name] = result is None
                    unsure[name] = result is None or unnoticed(name, result.bars)
                if result is not None and trial.worth(LEAST_GAIN):
                    tried.append((trial.gain, looser, result))
            if not tried:
                break
            _, freedom, current = max(tried, key=lambda entry: entry[0])
            trials = [replace(t, taken=t.taken or t.freedom == freedom) for t in trials]
    best = fit(
        freedom=freedom,
        prior_noise_px=setting.prior.noise_px if need_prior(current.bars) else 0.0,
    )
    held = tuple(n for n in LADDER if unsure.get(n) and freedom.mode(n) == LADDER[n][0])
    axis = float(np.rad2deg(current.bars[AXIS]))
    return replace(best, undetermined=held, axis_spread_deg=axis), tuple(trials)


def _mistaken(freedom: Freedom, other: str) -> tuple[Trial, None]:
    """What is said of a strain that may be another parameter, which the tracks do not tell."""
    why = f"not determined: the tracks do not tell it from {spelled(other)}"
    return Trial(freedom, float("nan"), 0.0, False, why), None


def _tried(current: Fit, looser: Freedom, name: str, setting: Setting) -> tuple[Trial, Fit | None]:
    """(what is said of ``looser``, its solution unless the tracks do not determine it)."""
    try:
        result = fitted(current.cameras, current.beads_xyz, looser, setting)
        enough = AXIS_RAD if name in TAKES_FOR else LOOSE_AXIS_RAD
        doubtful = undetermined(result.bars, current.bars, enough)
    except UserError as error:
        doubtful = str(error)
    if doubtful:
        return Trial(looser, float("nan"), 0.0, False, f"not determined: {doubtful}"), None
    cap = cap_px(current, setting)
    gain, apart = (float(fall) for fall in gains(current, result, cap))
    why = (
        f"{name} {looser.mode(name)}: the squared leave-one-out residual falls by "
        f"{100 * gain:.1f} %, with parts of "
        f"the field left out by {100 * apart:.1f} %"
    )
    return Trial(looser, root_px(result, cap), gain, False, why, apart), result


def _looser(freedom: Freedom, names: tuple[str, ...]) -> list[tuple[Freedom, str, Mode]]:
    """Every single step up the ladders of ``names``."""
    found = []
    for name in names:
        rungs = LADDER[name]
        for mode in rungs[rungs.index(freedom.mode(name)) + 1 :]:
            found.append((replace(freedom, **{name: mode}), name, mode))  # type: ignore[arg-type]
    return found
