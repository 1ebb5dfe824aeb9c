"""``align=fiducial``: beads found, followed and solved for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from recon.align.beads.candidates import Candidates, find_candidates, scored
from recon.align.beads.crops import crops
from recon.align.beads.erase import erased
from recon.align.beads.profile import Profile, find_profile
from recon.align.beads.rays import Spots
from recon.align.beads.refine import Sightings, measured
from recon.align.beads.tracking import FEWEST_BEADS, ONE_AXIS, NotEnoughBeads, Tracked, contradictory, too_few, track
from recon.align.bundle import Bundle, Freedom, Tracks, Trial, choose, project, solve, to_aligned
from recon.align.bundle.gauge import upright
from recon.align.bundle.model import nominal
from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.learned.bead_scores import bead_classifier
from recon.series import TiltSeries

LEAST_SCORE = 0.5  # a bead's views together must be this sure that it is one
PLAIN_CONTRAST = 5.0  # of the LoG over its spread; below it nothing stands out from noise
# Of the squared leave-one-out residual, that a change of the specimen or a skew of the scan has to be worth. It trades against tilts, and
# resampling cannot undo it, so that a percent will not do.
STRAIN_GAIN = 0.05
GOLD_NM = (10.0, 15.0, 20.0, 5.0)  # diameters of the colloids in common use
STRAINS = ("x_tilt", "skew", "stretch", "scan_skew", "thinning")
Score = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Followed:
    """``sightings``: what was measured near where the solution has the beads; ``bundle``: the solution, which uses most of it; ``trials``: the

    freedoms that were tried; ``candidates``: of every view, with their scores.
    """

    sightings: Sightings
    bundle: Bundle
    trials: tuple[Trial, ...]
    candidates: tuple[Candidates, ...]
    profile: Profile


def fiducial(
    series: TiltSeries,
    *,
    bead_nm: float | None = None,
    classifier: Literal["network", "none"] = "network",
    weights: str = "fiducials",
    erase: bool = False,
    threads: int = 1,
) -> TiltSeries:
    """Find gold beads in every view, follow them, and solve for the views' geometry; the pixels stay as they are.

    ``bead_nm``: their diameter (pixels where the series has no pixel size); null: found, or else one that gold is sold in. ``classifier``:
    what judges candidates, the network of ``weights`` or the classical score alone. ``erase``: paint the beads out afterwards, so that
    they leave no streaks.

    Raises ``NotEnoughBeads`` (a ``UserError``) when fewer than 6 beads can be followed.
    """
    if bead_nm is not None and not (np.isfinite(bead_nm) and bead_nm > 0):
        raise UserError(f"align.bead_nm={bead_nm} given, a diameter > 0 wanted; null finds it")
    geometry, stack = series.geometry, series.data.numpy()
    pixel = 1.0 if geometry.pixel_nm is None else geometry.pixel_nm
    diameter = None if bead_nm is None else bead_nm / pixel
    if diameter is not None and not _fits(diameter, stack):
        raise UserError(
            f"align.bead_nm={bead_nm:g} given, which is {diameter:.1f} pixels; 3 to {min(stack.shape[1:]) // 8} pixels wanted: check the "
            "pixel size, or bin less"
        )
    judge = bead_classifier(weights) if classifier == "network" else None
    search = functools.partial(follow, stack, geometry.angles_deg, judge=judge, pixel_nm=geometry.pixel_nm, threads=threads)
    usual = [nm / pixel for nm in GOLD_NM if _fits(nm / pixel, stack)] if bead_nm is None and geometry.pixel_nm else []
    found = _first(search, [diameter, *usual])
    bundle = found.bundle
    placed = to_aligned(bundle.cameras, bundle.beads_px)
    solved = Geometry(placed.angles_deg, geometry.pixel_nm, placed.axis_deg, placed.shifts_px, placed.matrices)
    facts = _facts(found, geometry.angles_deg, classifier)
    done = series.after(
        _sentence(found, geometry.pixel_nm), geometry=solved, facts={"align": facts, "fiducials": _details(found, stack)}
    )
    if not erase:
        return done
    painted = erased(stack, project(bundle.cameras, bundle.beads_px), found.profile)
    return done.after(f"{len(bundle.beads)} beads painted out", data=torch.from_numpy(painted))


def _fits(diameter_px: float, stack: np.ndarray) -> bool:
    return bool(3 <= diameter_px <= min(stack.shape[1:]) / 8)


def _first(search: Callable[..., Followed], diameters_px: list[float | None]) -> Followed:
    """The first diameter that finds beads enough; what the first one failed of, if none does.

    The size that stands out most may be that of the specimen's own particles: then the sizes that gold is sold in are tried.
    """
    failed: NotEnoughBeads | None = None
    for diameter in diameters_px:
        try:
            return search(diameter_px=diameter)
        except NotEnoughBeads as error:
            failed = failed or error
    assert failed is not None
    raise failed


def follow(
    stack: np.ndarray,
    tilt_deg: np.ndarray,
    *,
    diameter_px: float | None = None,
    judge: Score | None = None,
    pixel_nm: float | None = None,
    threads: int = 1,
) -> Followed:
    """The whole search in views (tilt, y, x). ``judge``: (n, 32, 32) crops -> (n,) probabilities; None: the classical score.

    Raises ``NotEnoughBeads``.
    """
    profile = find_profile(stack, tilt_deg, diameter_px=diameter_px)
    if profile.contrast < PLAIN_CONTRAST:
        raise too_few(0)
    candidates = find_candidates(stack, profile, threads=threads)
    if judge is not None:
        candidates = scored(stack, candidates, profile, judge)
    shape = (stack.shape[1], stack.shape[2])
    middle = np.array([centre(n) for n in shape])
    spots = Spots(tuple(c.index_px - middle for c in candidates), tuple(c.score for c in candidates))
    tracked = track(spots, tilt_deg, shape, profile.diameter_px)
    try:
        sightings, bundle, trials = _refined(stack, tilt_deg, tracked, profile, judge, pixel_nm, threads)
    except NotEnoughBeads:
        raise
    except UserError as error:
        raise contradictory(len(tracked.bundle.beads), error) from error
    return Followed(sightings, bundle, trials, candidates, profile)


def _refined(
    stack: np.ndarray,
    tilt_deg: np.ndarray,
    tracked: Tracked,
    profile: Profile,
    judge: Score | None,
    pixel_nm: float | None,
    threads: int,
) -> tuple[Sightings, Bundle, tuple[Trial, ...]]:
    """Measure, drop what is no bead, solve; measure again from there; choose the parameters; measure the outliers a last time."""
    shape = (stack.shape[1], stack.shape[2])
    bundle = tracked.bundle
    wide = max(1.5, 0.2 * profile.diameter_px)
    trials: tuple[Trial, ...] = ()
    sightings = measured(stack, bundle.cameras, bundle.beads_px, profile, within_px=wide, threads=threads)
    sightings = _believed(stack, sightings, profile, judge)
    for last in (False, True):
        if len(np.unique(sightings.bead)) < FEWEST_BEADS:
            raise too_few(len(np.unique(sightings.bead)))
        tracks = sightings.tracks(shape, len(stack))
        if last:
            bundle, trials = choose(tracks, tilt_deg, axis_deg=bundle.axis_deg, pixel_nm=pixel_nm)
        else:
            bundle = _solve(tracks, tilt_deg, bundle.axis_deg, pixel_nm)
        reach = max(0.8, 5 * bundle.errors.sigma_px)
        sightings = measured(stack, bundle.cameras, bundle.beads_px, profile, within_px=reach, threads=threads)
    tracks = sightings.tracks(shape, len(stack))
    bundle = solve(tracks, tilt_deg, freedom=_sober(trials), axis_deg=bundle.axis_deg, pixel_nm=pixel_nm)
    # The first views know the axis to some degrees only, so that it may have wandered beyond a right angle since.
    cameras, beads_px = upright(bundle.cameras, bundle.beads_px)
    bundle = replace(bundle, cameras=cameras, beads_px=np.ascontiguousarray(beads_px))
    return sightings.keep(np.isin(sightings.bead, bundle.beads)), bundle, trials


def _sober(trials: tuple[Trial, ...]) -> Freedom:
    """The chosen freedom without the strains that gained less than ``STRAIN_GAIN``."""
    taken = [trial for trial in trials if trial.taken]
    freedom = taken[-1].freedom
    for before, after in itertools.pairwise(taken):
        for name in STRAINS:
            if before.freedom.mode(name) != after.freedom.mode(name) and after.gain < STRAIN_GAIN:
                freedom = replace(freedom, **{name: before.freedom.mode(name)})  # type: ignore[arg-type]
    return freedom


def _solve(tracks: Tracks, tilt_deg: np.ndarray, axis_deg: float, pixel_nm: float | None) -> Bundle:
    for freedom in (Freedom(tilt="free"), Freedom()):
        try:
            return solve(tracks, tilt_deg, freedom=freedom, axis_deg=axis_deg, pixel_nm=pixel_nm)
        except UserError:
            continue
    return solve(tracks, tilt_deg, freedom=ONE_AXIS, axis_deg=axis_deg, pixel_nm=pixel_nm)


def _believed(stack: np.ndarray, sightings: Sightings, profile: Profile, judge: Score | None) -> Sightings:
    """Without the tracks that are of something else: one view's score is a hint, the mean log odds of a track's views decide."""
    score = np.zeros(len(sightings.bead))
    usual = float(np.median(sightings.height[sightings.correlation >= np.median(sightings.correlation)]))
    for v in range(len(stack)):
        mine = sightings.view == v
        if judge is not None:
            score[mine] = judge(crops(stack[v], sightings.index_px[mine], profile.diameter_px, profile.sign * usual))
        else:
            score[mine] = sightings.correlation[mine] * np.clip(sightings.height[mine] / usual, 0, 1)
    odds = np.log(np.clip(score, 0.01, 0.99) / np.clip(1 - score, 0.01, 0.99))
    number = np.bincount(sightings.bead)
    mean = np.bincount(sightings.bead, odds) / np.maximum(number, 1)
    return sightings.keep(mean[sightings.bead] > np.log(LEAST_SCORE / (1 - LEAST_SCORE)))


def _facts(found: Followed, tilt_deg: np.ndarray, classifier: str) -> dict[str, object]:
    bundle = found.bundle
    used = bundle.tracks.keep(bundle.used)
    start = nominal(tilt_deg, bundle.axis_deg)
    before = np.hypot(
        *(used.position_px - project(start, bundle.beads_px)[used.view, np.searchsorted(bundle.beads, used.bead)]).T
    )
    facts: dict[str, object] = {
        "method": "fiducial",
        "classifier": classifier,
        "bead_px": round(found.profile.diameter_px, 2),
        "beads_are": "bright" if found.profile.sign > 0 else "dark",
        "n_beads": len(bundle.beads),
        "views_per_bead": round(float(bundle.views_per_bead.mean()), 2),
        "observations": int(bundle.used.sum()),
        "residual_px": round(bundle.mean_residual_px, 4),
        "leave_out_px": round(bundle.mean_leave_out_px, 4),
        "before_px": round(float(before.mean()), 2),
        "residual_px_per_view": _rounded(bundle.residual_per_view_px),
        "residual_px_per_bead": _rounded(bundle.residual_per_bead_px),
        "axis_deg": round(bundle.axis_deg, 4),
        "axis_error_deg": round(bundle.errors.axis_deg, 4),
        "freedom": bundle.freedom.said(),
        "rotation_deg": _rounded(bundle.cameras.rotation_deg),
        "magnification": _rounded(bundle.cameras.magnification, 5),
        "tilt_deg": _rounded(bundle.cameras.tilt_deg),
        "tilt_error_deg": _rounded(bundle.errors.tilt_deg),
        "shifts_px": _rounded(to_aligned(bundle.cameras, bundle.beads_px).shifts_px),
        "notes": list(bundle.notes),
    }
    if bundle.pixel_nm is not None:
        facts["residual_nm"] = round(bundle.mean_residual_px * bundle.pixel_nm, 4)
    empty = np.flatnonzero(np.isnan(bundle.residual_per_view_px))
    if empty.size:
        names = ", ".join(map(str, empty[:12])) + (" ..." if empty.size > 12 else "")
        facts["warning"] = (
            f"no bead was measured in view{'s' if empty.size > 1 else ''} {names}: placed where the neighbours suggest; leave out what is "
            "hidden there with exclude=[...]"
        )
    return facts


def _details(found: Followed, stack: np.ndarray) -> dict[str, object]:
    """What the pipeline writes as files: tracks, beads, and the middle view with its residuals (positions from the centre, px)."""
    bundle = found.bundle
    used = bundle.tracks.keep(bundle.used)
    middle = int(np.argmin(np.abs(bundle.cameras.tilt_deg)))
    return {
        "bead": used.bead,
        "view": used.view,
        "position_px": used.position_px,
        "residual_px": bundle.residual_px[bundle.used],
        "beads": bundle.beads,
        "beads_px": bundle.beads_px,
        "picture": stack[middle],
        "picture_view": middle,
        "sign": found.profile.sign,
    }


def _rounded(values: np.ndarray, digits: int = 3) -> list[object]:
    return (
        [None if np.isnan(v).any() else v for v in np.round(values, digits)]
        if values.ndim == 1
        else values.round(digits).tolist()
    )


def _sentence(found: Followed, pixel_nm: float | None) -> str:
    bundle = found.bundle
    size = f"{found.profile.diameter_px:.1f} px" if pixel_nm is None else f"{found.profile.diameter_px * pixel_nm:.1f} nm"
    return (
        f"aligned by {len(bundle.beads)} beads of {size} in {bundle.views_per_bead.mean():.1f} views each: axis {bundle.axis_deg:.3f} +- "
        f"{bundle.errors.axis_deg:.3f} deg, mean residual {bundle.mean_residual_px:.3f} px ({bundle.mean_leave_out_px:.3f} px left out); "
        f"solved for {bundle.freedom.said()}"
    )
