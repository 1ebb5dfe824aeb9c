"""``align=fiducial``: beads found, followed and solved for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from recon import progress
from recon.align.beads.candidates import find_candidates, score_candidates
from recon.align.beads.crops import crops
from recon.align.beads.erase import erase_beads
from recon.align.beads.followed import (
    Followed,
    bead_tracks,
    describe_alignment,
    describe_in_words,
)
from recon.align.beads.profile import Profile, find_profile
from recon.align.beads.rays import Spots
from recon.align.beads.refine import Sightings, measure_sightings
from recon.align.beads.tracking import (
    FEWEST_BEADS,
    ONE_AXIS,
    NotEnoughBeads,
    Tracked,
    contradictory,
    too_few,
    track,
)
from recon.align.branch import axis_of_microscope, branch_sentence, on_branch
from recon.align.bundle import Bundle, Freedom, Tracks, Trial, choose, project, solve, to_aligned
from recon.align.bundle.gauge import opposite, upright
from recon.align.found import ALIGN, FIDUCIALS, alignment_of, round_rows
from recon.align.matching import match_reprojections
from recon.align.shifts import from_surroundings
from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.learned.bead_scores import bead_classifier
from recon.preprocess import fourier_bin
from recon.series import TiltSeries
from recon.stage import Options, Reads, Step

LEAST_SCORE = 0.5  # a bead's views together must be this sure that it is one
PLAIN_CONTRAST = 5.0  # of the LoG over its spread; below it nothing stands out from noise
# Of the squared leave-one-out residual, that a change of the specimen or a skew of the scan has to
# be worth. It trades against tilts, and resampling cannot undo it, so that a percent will not do.
STRAIN_GAIN = 0.05
REFINED_PX, REFINED_ROUNDS = (
    512,
    6,
)  # pixels that the matching works on, and how often all views are matched
# Seconds that the steps took on 61 views of 512^2: a measure of their work.
PROFILE, SEARCH, JUDGE, TRACK, MEASURE, SOLVE, CHOOSE = 6, 4, 2, 20, 10, 3, 19
REFINE = 3 * MEASURE + 2 * SOLVE + JUDGE + CHOOSE
GOLD_NM = (10.0, 15.0, 20.0, 5.0)  # diameters of the colloids in common use
STRAINS = ("x_tilt", "skew", "stretch", "scan_skew", "thinning")
Score = Callable[[np.ndarray], np.ndarray]


def fiducial(
    series: TiltSeries,
    *,
    bead_nm: float | None = None,
    classifier: Literal["network", "none"] = "network",
    weights: str = "fiducials",
    erase: bool = False,
    refine: bool = False,
    threads: int = 1,
) -> TiltSeries:
    """Find gold beads in every view, follow them, and solve for the views' geometry; the pixels
    stay as they are.

    ``bead_nm``: their diameter (pixels where the series has no pixel size); null: found, or else
    one that gold is sold in. ``classifier``: what judges candidates, the network of ``weights`` or
    the classical score alone. ``erase``: paint the beads out afterwards, so that they leave no
    streaks. ``refine``: shift every view once more, to what a reconstruction from all views
    predicts for it.

    Raises ``NotEnoughBeads`` (a ``UserError``) when fewer than 6 beads can be followed.
    """
    if bead_nm is not None and not (np.isfinite(bead_nm) and bead_nm > 0):
        raise UserError(f"align.bead_nm={bead_nm} given, a diameter > 0 wanted; null finds it")
    geometry, stack = series.geometry, series.data.numpy()
    diameters = _diameters_px(bead_nm, geometry.pixel_nm, stack)
    judge = bead_classifier(weights) if classifier == "network" else None
    search = functools.partial(
        follow, stack, geometry.angles_deg, judge=judge, pixel_nm=geometry.pixel_nm, threads=threads
    )
    found = _follow_first_size(search, diameters)
    done = apply_solution(series, found, classifier)
    if refine:
        done = _match_reprojections(done, threads)
    if not erase:
        return done
    painted = erase_beads(
        stack, project(found.bundle.cameras, found.bundle.beads_px), found.profile
    )
    return done.after(
        f"{len(found.bundle.beads)} beads painted out", data=torch.from_numpy(painted)
    )


def apply_solution(series: TiltSeries, found: Followed, classifier: str) -> TiltSeries:
    """The series with the geometry that the beads tell, and what is said of it."""
    noted = axis_of_microscope(series)
    if noted is not None:
        found = _on_its_branch(found, noted)
        series = series.after(branch_sentence(found.bundle.axis_deg, noted))
    geometry, bundle = series.geometry, found.bundle
    placed = to_aligned(bundle.cameras, bundle.beads_px)
    return series.after(
        describe_in_words(found, geometry.pixel_nm),
        geometry=Geometry(
            placed.angles_deg, geometry.pixel_nm, placed.axis_deg, placed.shifts_px, placed.matrices
        ),
        facts={
            ALIGN: describe_alignment(found, geometry.angles_deg, classifier),
            FIDUCIALS: bead_tracks(found, series.data.numpy()),
        },
    )


def _on_its_branch(found: Followed, noted_deg: float) -> Followed:
    """The same solution with the axis, of the two, that is nearer to the microscope's."""
    bundle = found.bundle
    if abs(on_branch(bundle.axis_deg, noted_deg) - bundle.axis_deg) < 90:
        return found
    cameras, beads_px = opposite(bundle.cameras, bundle.beads_px)
    turned = replace(bundle, cameras=cameras, beads_px=np.ascontiguousarray(beads_px))
    return replace(found, bundle=turned)


def _match_reprojections(series: TiltSeries, threads: int) -> TiltSeries:
    """Reprojection matching from the beads' solution, whose other parameters stay: rounds are kept
    while they explain the views better."""
    raw, geometry = series.data.numpy(), series.geometry
    assert geometry.shifts_px is not None
    bin_by = -(-max(raw.shape[1:]) // REFINED_PX)
    stack = from_surroundings(fourier_bin(raw, bin_by) if bin_by > 1 else raw)
    match = match_reprojections(
        stack, geometry.angles_deg, geometry.axis_deg, geometry.shifts_px / bin_by,
        matrices=geometry.matrices, rounds=REFINED_ROUNDS, threads=threads,
    )  # fmt: skip
    shifts = match.shifts_px * bin_by
    moved = float(np.sqrt(((shifts - geometry.shifts_px) ** 2).sum(1).mean()))
    found = replace(
        alignment_of(series), shifts_px=round_rows(shifts, 3), refined_by_px=round(moved, 4)
    )
    return series.after(
        f"views moved by {moved:.3f} px rms to their reprojections, which leave "
        f"{match.residual:.4f} of the data unexplained",
        geometry=replace(geometry, shifts_px=shifts),
        facts={ALIGN: found},
    )


def _diameters_px(
    bead_nm: float | None, pixel_nm: float | None, stack: np.ndarray
) -> list[float | None]:
    """What to try in turn; None is the size that stands out most. Raises ``UserError`` for beads
    that the views cannot show."""
    least, most = 3, min(stack.shape[1:]) / 8
    if bead_nm is None:
        gold = [] if pixel_nm is None else [nm / pixel_nm for nm in GOLD_NM]
        return [None, *(d for d in gold if least <= d <= most)]
    diameter = bead_nm / (pixel_nm or 1.0)
    if not least <= diameter <= most:
        raise UserError(
            f"align.bead_nm={bead_nm:g} given, which is {diameter:.1f} pixels; {least} to "
            f"{int(most)} pixels wanted: check the pixel size, or "
            "bin less"
        )
    return [diameter]


def _follow_first_size(
    search: Callable[..., Followed], diameters_px: Sequence[float | None]
) -> Followed:
    """The first diameter that finds beads enough; what the first one failed of, if none does.

    The size that stands out most may be that of the specimen's own particles: then the sizes that
    gold is sold in are tried.
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
    """The whole search in views (tilt, y, x). ``judge``: (n, 32, 32) crops -> (n,) probabilities;
    None: the classical score.

    Raises ``NotEnoughBeads``.
    """
    work = PROFILE + SEARCH + JUDGE + TRACK + REFINE
    with progress.track("aligning by gold beads", work) as phase:
        profile = find_profile(stack, tilt_deg, diameter_px=diameter_px)
        if profile.contrast < PLAIN_CONTRAST:
            raise too_few(0)
        phase.advance(PROFILE)
        with phase.part(SEARCH):
            candidates = find_candidates(stack, profile, threads=threads)
        if judge is not None:
            candidates = score_candidates(stack, candidates, profile, judge)
        phase.advance(JUDGE)
        shape = (stack.shape[1], stack.shape[2])
        middle = np.array([centre(n) for n in shape])
        spots = Spots(
            tuple(c.index_px - middle for c in candidates), tuple(c.score for c in candidates)
        )
        with phase.part(TRACK):
            tracked = track(spots, tilt_deg, shape, profile.diameter_px)
        try:
            with phase.part(REFINE):
                sightings, bundle, trials = _refine_tracks(
                    stack, tilt_deg, tracked, profile, judge, pixel_nm, threads
                )
        except NotEnoughBeads:
            raise
        except UserError as error:
            raise contradictory(len(tracked.bundle.beads), error) from error
    return Followed(sightings, bundle, trials, candidates, profile)


def _refine_tracks(
    stack: np.ndarray,
    tilt_deg: np.ndarray,
    tracked: Tracked,
    profile: Profile,
    judge: Score | None,
    pixel_nm: float | None,
    threads: int,
) -> tuple[Sightings, Bundle, tuple[Trial, ...]]:
    """Measure, drop what is no bead, solve; measure again from there; choose the parameters;
    measure the outliers a last time."""
    shape = (stack.shape[1], stack.shape[2])
    bundle = tracked.bundle
    wide = max(1.5, 0.2 * profile.diameter_px)
    trials: tuple[Trial, ...] = ()
    with progress.track("measuring beads", REFINE) as phase:
        with phase.part(MEASURE):
            sightings = measure_sightings(
                stack, bundle.cameras, bundle.beads_px, profile, within_px=wide, threads=threads
            )
        sightings = _drop_other_tracks(stack, sightings, profile, judge)
        phase.advance(JUDGE)
        for last in (False, True):
            if len(np.unique(sightings.bead)) < FEWEST_BEADS:
                raise too_few(len(np.unique(sightings.bead)))
            tracks = sightings.tracks(shape, len(stack))
            if last:
                chosen, trials = choose(
                    tracks, tilt_deg, axis_deg=bundle.axis_deg, pixel_nm=pixel_nm
                )
                bundle = chosen
            else:
                bundle = _solve_tracks(tracks, tilt_deg, bundle.axis_deg, pixel_nm)
            phase.advance(CHOOSE if last else SOLVE)
            reach = max(0.8, 5 * bundle.errors.sigma_px)
            with phase.part(MEASURE):
                sightings = measure_sightings(
                    stack,
                    bundle.cameras,
                    bundle.beads_px,
                    profile,
                    within_px=reach,
                    threads=threads,
                )
        tracks = sightings.tracks(shape, len(stack))
        bundle = solve(
            tracks,
            tilt_deg,
            freedom=_drop_weak_strains(trials),
            axis_deg=bundle.axis_deg,
            pixel_nm=pixel_nm,
            prior_noise_px=bundle.prior_noise_px,
        )
        bundle = replace(
            bundle, undetermined=chosen.undetermined, axis_spread_deg=chosen.axis_spread_deg
        )
    # The first views know the axis to some degrees only, so that it may have wandered beyond a
    # right angle since.
    cameras, beads_px = upright(bundle.cameras, bundle.beads_px)
    bundle = replace(bundle, cameras=cameras, beads_px=np.ascontiguousarray(beads_px))
    return sightings.keep(np.isin(sightings.bead, bundle.beads)), bundle, trials


def _drop_weak_strains(trials: tuple[Trial, ...]) -> Freedom:
    """The chosen freedom without the strains that gained less than ``STRAIN_GAIN``."""
    taken = [trial for trial in trials if trial.taken]
    freedom = taken[-1].freedom
    for before, after in itertools.pairwise(taken):
        for name in STRAINS:
            if before.freedom.mode(name) != after.freedom.mode(name) and after.gain < STRAIN_GAIN:
                freedom = replace(freedom, **{name: before.freedom.mode(name)})  # type: ignore[arg-type]
    return freedom


def _solve_tracks(
    tracks: Tracks, tilt_deg: np.ndarray, axis_deg: float, pixel_nm: float | None
) -> Bundle:
    for freedom in (Freedom(tilt="free"), Freedom()):
        try:
            return solve(tracks, tilt_deg, freedom=freedom, axis_deg=axis_deg, pixel_nm=pixel_nm)
        except UserError:
            continue
    return solve(tracks, tilt_deg, freedom=ONE_AXIS, axis_deg=axis_deg, pixel_nm=pixel_nm)


def _drop_other_tracks(
    stack: np.ndarray, sightings: Sightings, profile: Profile, judge: Score | None
) -> Sightings:
    """Without the tracks that are of something else: one view's score is a hint, the mean log odds
    of a track's views decide."""
    score = np.zeros(len(sightings.bead))
    usual = float(
        np.median(sightings.height[sightings.correlation >= np.median(sightings.correlation)])
    )
    for v in range(len(stack)):
        mine = sightings.view == v
        if judge is not None:
            score[mine] = judge(
                crops(stack[v], sightings.index_px[mine], profile.diameter_px, profile.sign * usual)
            )
        else:
            score[mine] = sightings.correlation[mine] * np.clip(
                sightings.height[mine] / usual, 0, 1
            )
    odds = np.log(np.clip(score, 0.01, 0.99) / np.clip(1 - score, 0.01, 0.99))
    number = np.bincount(sightings.bead)
    mean = np.bincount(sightings.bead, odds) / np.maximum(number, 1)
    return sightings.keep(mean[sightings.bead] > np.log(LEAST_SCORE / (1 - LEAST_SCORE)))


def _check_weights(options: Options) -> None:
    if options["classifier"] == "network":
        bead_classifier(options["weights"])


FIDUCIAL = Step(fiducial, reads=(Reads("weights", "weights"),), check=_check_weights)
