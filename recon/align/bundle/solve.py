"""Bundle adjustment from nominal tilts: find the axis, fit robustly, judge every observation again,
fit the good ones."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError

from recon.align.bundle.covariance import quality
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.gauge import allowed, centred, upright
from recon.align.bundle.loss import Loss, spread_px
from recon.align.bundle.minimise import Seen, minimise, residuals
from recon.align.bundle.model import ROTATION, Cameras, nominal
from recon.align.bundle.plausible import Prior
from recon.align.bundle.result import Bundle
from recon.align.bundle.threads import one_blas_thread
from recon.align.bundle.tracks import FEWEST_VIEWS, Tracks, fixing_a_bead
from recon.errors import UserError

SHIFTS_ONLY = Freedom(rotation="fixed", magnification="fixed", tilt="fixed")
ONE_AXIS = Freedom(rotation="global", magnification="fixed", tilt="fixed")
AXIS_STEP_DEG = 15.0
ROUGHLY = 1e-4  # of the loss, where a closer fit follows
HUBER_SPREADS = 2.5  # a 2-D normal error is longer in 4 % of cases


def solve(
    tracks: Tracks,
    tilt_deg: np.ndarray,
    *,
    freedom: Freedom | None = None,
    axis_deg: float | None = None,
    x_tilt_deg: float = 0.0,
    robust: bool = True,
    reject_beyond: float = 4.0,
    pixel_nm: float | None = None,
    prior_noise_px: float = 0.0,
) -> Bundle:
    """Views and beads that reproduce ``tracks``. ``tilt_deg``: (view,) as the stage said.

    1. The axis, unless ``axis_deg`` is given: the best of a coarse search with shifts only, refined
    as one angle (in [-90, 90): the tracks do not tell an axis from the opposite one). 2. All of
    ``freedom`` with a Cauchy loss whose scale follows the residuals' median. 3. Every observation,
    used or not, is judged by its distance from the prediction; those beyond ``reject_beyond``
    standard deviations are left out and the rest fitted with a Huber loss, until the choice stands.
    ``robust=False``: plain least squares of all observations.
    ``prior_noise_px``: the error of an observation against which plausible sizes of the parameters
    (``plausible.py``) weigh; 0: the tracks alone decide.

    Raises ``UserError`` for tracks of another series, for too few beads, and for parameters that
    the tracks do not determine.
    """
    freedom = Freedom() if freedom is None else freedom
    tilts = np.asarray(tilt_deg, np.float64)
    if tilts.shape != (tracks.n_views,) or not np.isfinite(tilts).all():
        raise UserError(
            f"{tilts.size} tilt angles given for tracks through {tracks.n_views} views, one finite "
            f"angle a view wanted"
        )
    if reject_beyond < 2.5:
        raise UserError(
            f"reject_beyond={reject_beyond} standard deviations given, 2.5 or more wanted; below, "
            f"good observations are lost"
        )
    usable = fixing_a_bead(tracks, np.ones(len(tracks.bead), bool), tilts)
    if not usable.any():
        raise UserError(
            f"no bead is seen in {FEWEST_VIEWS} or more different tilts; track beads through more "
            f"views, or align without them"
        )
    kept = tracks.keep(usable)
    beads, row = np.unique(kept.bead, return_inverse=True)
    seen = Seen(row, kept.view, np.ascontiguousarray(kept.position_px[:, ::-1]), len(beads))

    try:
        with one_blas_thread():
            given = nominal(
                tilts,
                _coarse_axis(seen, tilts, x_tilt_deg) if axis_deg is None else axis_deg,
                x_tilt_deg,
            )
            solved, inside, loss = _fit(
                given, seen, freedom, axis_deg is None, robust, reject_beyond, tilts, prior_noise_px
            )
    except LinAlgError as error:
        raise UserError(
            f"{len(beads)} beads do not determine {freedom.said()}; solve for less, or track more "
            f"beads"
        ) from error
    given, cameras, xyz = solved
    used_tracks = np.bincount(seen.bead[inside], minlength=len(beads)) > 0
    if not used_tracks.all():  # a bead whose every observation is an outlier is no bead
        keep = used_tracks[seen.bead]
        number = np.cumsum(used_tracks) - 1
        seen = Seen(number[seen.bead[keep]], seen.view[keep], seen.xy[keep], int(used_tracks.sum()))
        kept, inside, beads, xyz = (
            kept.keep(keep),
            inside[keep],
            beads[used_tracks],
            xyz[used_tracks],
        )

    used = seen.keep(inside)
    with one_blas_thread():
        space, _ = allowed(cameras, given, freedom, np.bincount(used.view, minlength=len(tilts)))
        found = quality(cameras, xyz, used, space, loss, Prior(given, prior_noise_px))
    residual = residuals(cameras, xyz, seen)
    leave_out = residual.copy()
    leave_out[inside] = found.leave_out_xy
    positions = xyz[:, ::-1]
    if axis_deg is None:
        cameras, positions = upright(cameras, positions)
    cameras, positions = centred(cameras, positions)
    return Bundle(
        cameras,
        freedom,
        beads,
        np.ascontiguousarray(positions),
        kept,
        inside,
        np.ascontiguousarray(residual[:, ::-1]),
        np.ascontiguousarray(leave_out[:, ::-1]),
        found.errors,
        pixel_nm,
        _notes(tracks, beads, inside, used, freedom),
        prior_noise_px=prior_noise_px,
    )


def _fit(
    given: Cameras,
    seen: Seen,
    freedom: Freedom,
    free_axis: bool,
    robust: bool,
    reject_beyond: float,
    tilts: np.ndarray,
    prior_noise_px: float,
) -> tuple[tuple[Cameras, Cameras, np.ndarray], np.ndarray, Loss]:
    """((given views with the axis found, views, (bead, 3) as (X, Y, Z)), (obs,) used, final
    loss)."""
    everything = np.ones(len(seen.bead), bool)
    cameras, xyz = _robust(given, Prior(given), np.zeros((seen.n_beads, 3)), seen, SHIFTS_ONLY)
    if free_axis:
        cameras, xyz = _robust(cameras, Prior(given), xyz, seen, ONE_AXIS)
        given = given.with_column(ROTATION, cameras.parameters[:, ROTATION])
    prior = Prior(given, prior_noise_px)
    if not robust:
        loss = Loss()
        space, start = allowed(
            cameras, given, freedom, np.bincount(seen.view, minlength=len(tilts))
        )
        return (given, *minimise(start, xyz, seen, space, loss, prior)), everything, loss
    cameras, xyz = _robust(cameras, prior, xyz, seen, freedom)
    inside = everything
    tracks = Tracks(seen.bead, seen.view, seen.xy, len(tilts))
    unknowns = (
        allowed(cameras, given, freedom, np.bincount(seen.view, minlength=len(tilts)))[0].n_unknowns
        + 3 * seen.n_beads
    )
    for _ in range(10):
        length = np.hypot(*residuals(cameras, xyz, seen).T)
        spread = spread_px(length[inside], unknowns)
        judged = fixing_a_bead(tracks, length <= reject_beyond * spread, tilts)
        if judged.sum() < 0.5 * len(judged):
            raise LinAlgError("more than half of the observations are outliers")
        used = seen.keep(judged)
        # Beads without observations have no equations; they keep their place until the next
        # judgement.
        present, row = np.unique(used.bead, return_inverse=True)
        used = Seen(row, used.view, used.xy, len(present))
        space, start = allowed(
            cameras, given, freedom, np.bincount(used.view, minlength=len(tilts))
        )
        unknowns = space.n_unknowns + 3 * len(present)
        loss = Loss("huber", HUBER_SPREADS * spread)
        cameras, solved = minimise(start, xyz[present], used, space, loss, prior)
        xyz = xyz.copy()
        xyz[present] = solved
        stands = bool((judged == inside).all())
        inside = judged
        if stands:
            break
    return (given, cameras, xyz), inside, loss


def _robust(
    cameras: Cameras, prior: Prior, xyz: np.ndarray, seen: Seen, freedom: Freedom, rounds: int = 6
) -> tuple[Cameras, np.ndarray]:
    """Cauchy loss, its scale from the median residual of the round before."""
    space, cameras = allowed(
        cameras, prior.given, freedom, np.bincount(seen.view, minlength=cameras.n_views)
    )
    scale = np.inf
    for _ in range(rounds):
        length = np.hypot(*residuals(cameras, xyz, seen).T)
        new = 3 * spread_px(length, 0)
        if new > 0.9 * scale:
            break
        scale = new
        cameras, xyz = minimise(
            cameras, xyz, seen, space, Loss("cauchy", scale), prior, steps=15, tolerance=ROUGHLY
        )
    return cameras, xyz


def _coarse_axis(seen: Seen, tilts: np.ndarray, x_tilt_deg: float) -> float:
    """The axis angle, of steps of ``AXIS_STEP_DEG``, at which shifts alone explain the tracks best
    (least sum of residual lengths)."""
    costs = {}
    for axis in np.arange(-90.0, 90.0, AXIS_STEP_DEG):
        given = nominal(tilts, float(axis), x_tilt_deg)
        space, start = allowed(
            given, given, SHIFTS_ONLY, np.bincount(seen.view, minlength=len(tilts))
        )
        cameras, xyz = minimise(
            start,
            np.zeros((seen.n_beads, 3)),
            seen,
            space,
            Loss("huber", 1.0),
            Prior(given),
            steps=6,
            tolerance=ROUGHLY,
        )
        costs[float(axis)] = float(np.hypot(*residuals(cameras, xyz, seen).T).sum())
    return min(costs, key=lambda axis: costs[axis])


def _notes(
    tracks: Tracks, beads: np.ndarray, inside: np.ndarray, used: Seen, freedom: Freedom
) -> tuple[str, ...]:
    notes = []
    dropped = np.setdiff1d(np.unique(tracks.bead), beads)
    if dropped.size:
        notes.append(
            f"beads {_list(dropped)} are in fewer than {FEWEST_VIEWS} views that agree and were "
            f"left out"
        )
    count = np.bincount(used.view, minlength=tracks.n_views)
    if (count == 0).any():
        notes.append(
            f"views {_list(np.flatnonzero(count == 0))} show no bead: their geometry is "
            f"interpolated from their neighbours"
        )
    own = 2 + sum(freedom.mode(name) == "free" for name in freedom.solved())
    few = (count > 0) & (2 * count <= own)
    if few.any() and own > 2:
        notes.append(
            f"views {_list(np.flatnonzero(few))} show too few beads for parameters of their own, "
            f"which follow their neighbours"
        )
    if not inside.all():
        notes.append(
            f"{int((~inside).sum())} of {inside.size} observations are outliers and were not used"
        )
    return tuple(notes)


def _list(numbers: np.ndarray) -> str:
    shown = ", ".join(str(int(n)) for n in numbers[:12])
    return shown + (f" and {numbers.size - 12} more" if numbers.size > 12 else "")
