"""From candidates to tracks: outward from the lowest tilt, guided by the solution so far."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from recon import progress
from recon.align.beads.matching import match_points, voted_shift
from recon.align.beads.rays import Sighted, Spots, projections, sight
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import ROTATION, TILT, Cameras, X, Y
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import solve
from recon.align.bundle.tracks import Tracks
from recon.errors import UserError

FEWEST_BEADS = 6
START_RANGE_DEG = 16.0  # of tilt, that the first solution rests on
START_VIEWS = 5
VIEWS_A_SOLVE = 8  # added between two solutions
WIDE = 0.33  # of the frame's width: heights to look at while hardly any bead is known
REACH = 0.25  # of the frame: the largest jump between neighbouring views
LEAST_VOTES = 0.25  # of the beads that a view should show
ONE_AXIS = Freedom(rotation="global", magnification="fixed", tilt="fixed")


class NotEnoughBeads(UserError):
    """Fewer beads than an alignment needs."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """``cameras`` of all views, ``sighted`` beads and their candidates, and ``blind``: (view,)
    bool, views that matched nothing."""

    cameras: Cameras
    sighted: Sighted
    blind: np.ndarray
    bundle: Bundle


def track(
    spots: Spots, tilt_deg: np.ndarray, shape: tuple[int, int], diameter_px: float
) -> Tracked:
    """Follow the beads of ``spots`` through all views.

    1. Neighbouring views around the lowest tilt are matched (``matching.py``) and their chains
    solved for one axis. 2. View by view outward, the beads are projected as the solution says; the
    view's shift is what most of them vote for. New beads are looked for, and all is solved again,
    every ``VIEWS_A_SOLVE`` views. 3. With all views placed, beads are looked for once more with
    looser, then tighter reach, and each view has its own rotation and magnification.

    Raises ``NotEnoughBeads`` when fewer than ``FEWEST_BEADS`` can be followed.
    """
    with progress.track("following beads", 1.75 * len(tilt_deg)) as phase:
        good = Spots(
            tuple(p[s >= 0.5] for p, s in zip(spots.position_px, spots.score, strict=True)),
            tuple(s[s >= 0.5] for s in spots.score),
        )
        tilts = np.asarray(tilt_deg, np.float64)
        order = np.argsort(tilts, kind="stable")
        within = max(2.0, 0.35 * diameter_px)
        placed = _choose_first_views(good, tilts, order)
        bundle = _solve_tracks(
            _chain_neighbours(good, placed, shape, diameter_px, len(tilts)), tilts, None, ONE_AXIS
        )
        blind = np.zeros(len(tilts), bool)
        cameras, found = _sight_again(good, bundle, tilts, placed, shape, within, ONE_AXIS)

        rank = {int(v): k for k, v in enumerate(order)}
        low, high = min(rank[int(v)] for v in placed), max(rank[int(v)] for v in placed)
        since = 0
        while low > 0 or high < len(order) - 1:
            phase.advance()
            # The side that lags behind in tilt goes first.
            down = low > 0 and (
                high == len(order) - 1 or abs(tilts[order[low - 1]]) <= abs(tilts[order[high + 1]])
            )
            view, neighbour = (
                (int(order[low - 1]), int(order[low]))
                if down
                else (int(order[high + 1]), int(order[high]))
            )
            cameras, seen = _place_view(
                good, cameras, found.beads_px, view, neighbour, shape, within
            )
            blind[view] = not seen
            if seen:
                placed = np.append(placed, view)
                since += 1
            low, high = (low - 1, high) if down else (low, high + 1)
            if since >= VIEWS_A_SOLVE:
                found = sight(
                    good,
                    cameras,
                    placed,
                    within_px=1.5 * within,
                    height_px=_choose_heights(found.beads_px, shape, diameter_px),
                    shape=shape,
                    known_px=found.beads_px,
                    least_views=min(6, len(placed) // 2),
                )
                bundle = _solve_tracks(_make_tracks(good, found), tilts, bundle.axis_deg, ONE_AXIS)
                cameras = _keep_shifts(bundle.cameras, cameras, placed)
                found = _as_sighted(bundle)
                since = 0
        for freedom, reach in (
            (ONE_AXIS, 1.5 * within),
            (Freedom(), within),
            (Freedom(tilt="free"), max(1.5, 0.6 * within)),
        ):
            found = sight(
                spots,
                cameras,
                placed,
                within_px=reach,
                height_px=_choose_heights(
                    found.beads_px, shape, diameter_px, wide=freedom == ONE_AXIS
                ),
                shape=shape,
                known_px=found.beads_px,
            )
            bundle = _solve_tracks(
                _make_tracks(spots, found), tilts, float(cameras.rotation_deg.mean()), freedom
            )
            cameras = _keep_shifts(bundle.cameras, cameras, placed)
            found = Sighted(bundle.beads_px, found.spot[:, bundle.beads])
            phase.advance(len(order) / 4)
    if len(found.beads_px) < FEWEST_BEADS:
        raise too_few(len(found.beads_px))
    return Tracked(cameras, found, blind, bundle)


def too_few(count: int) -> NotEnoughBeads:
    return NotEnoughBeads(
        f"{count} gold beads could be followed through the series, {FEWEST_BEADS} or more wanted; "
        f"use align=xcorr, which needs none, or "
        "help align=fiducial with the beads' diameter, align.bead_nm="
    )


def contradictory(count: int, why: UserError) -> NotEnoughBeads:
    """The sentence for tracks that have no solution."""
    if count < FEWEST_BEADS:
        return too_few(count)
    return NotEnoughBeads(
        f"{count} tracks were found that no geometry explains ({why}); use align=xcorr, or give "
        f"align.bead_nm="
    )


def _choose_first_views(spots: Spots, tilts: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Views around the lowest tilt that shows beads enough, next to each other in tilt."""
    enough = np.array([len(p) >= FEWEST_BEADS for p in spots.position_px])
    if enough.sum() < START_VIEWS:
        raise too_few(int(np.median([len(p) for p in spots.position_px])))
    candidates = order[enough[order]]
    start = int(np.argmin(np.abs(tilts[candidates])))
    low = high = start
    while (
        high - low + 1 < min(START_VIEWS, len(candidates))
        or tilts[candidates[high]] - tilts[candidates[low]] < START_RANGE_DEG
    ):
        if low == 0 and high == len(candidates) - 1:
            break
        middle = tilts[candidates[start]]
        down = low > 0 and (
            high == len(candidates) - 1
            or middle - tilts[candidates[low - 1]] <= tilts[candidates[high + 1]] - middle
        )
        low, high = (low - 1, high) if down else (low, high + 1)
    return np.asarray(candidates[low : high + 1])


def _chain_neighbours(
    spots: Spots, views: np.ndarray, shape: tuple[int, int], diameter_px: float, n_views: int
) -> Tracks:
    """Tracks through ``views``, sorted by tilt, from the matches of neighbours."""
    reach = REACH * min(shape)
    name: dict[tuple[int, int], int] = {}
    count = 0
    for a, b in itertools.pairwise(views):
        pairs, _, _ = match_points(
            spots.position_px[a], spots.position_px[b], within_px=0.7 * diameter_px, reach_px=reach
        )
        for i, j in pairs:
            if (int(a), int(i)) not in name:
                name[int(a), int(i)] = count
                count += 1
            name[int(b), int(j)] = name[int(a), int(i)]
    length = np.bincount(list(name.values()), minlength=max(count, 1))
    lasting = {key: bead for key, bead in name.items() if length[bead] >= max(3, len(views) // 2)}
    if len(set(lasting.values())) < 4:
        raise too_few(len(set(lasting.values())))
    keys = list(lasting)
    position = np.array([spots.position_px[v][k] for v, k in keys])
    number = np.unique([lasting[key] for key in keys], return_inverse=True)[1]
    return Tracks(number, np.array([v for v, _ in keys]), position, n_views)


def _solve_tracks(
    tracks: Tracks, tilts: np.ndarray, axis_deg: float | None, freedom: Freedom
) -> Bundle:
    """``solve``, with stiffer parameters where few beads do not determine those asked for."""
    for tried in (freedom, Freedom(), ONE_AXIS):
        try:
            return solve(tracks, tilts, freedom=tried, axis_deg=axis_deg)
        except UserError as error:
            last = error
    raise contradictory(len(np.unique(tracks.bead)), last) from last


def _sight_again(
    spots: Spots,
    bundle: Bundle,
    tilts: np.ndarray,
    placed: np.ndarray,
    shape: tuple[int, int],
    within: float,
    freedom: Freedom,
) -> tuple[Cameras, Sighted]:
    """The first beads looked for anew in all the first views, and solved again."""
    found = sight(
        spots,
        bundle.cameras,
        placed,
        within_px=1.5 * within,
        height_px=_choose_heights(bundle.beads_px, shape, within, wide=True),
        shape=shape,
        known_px=bundle.beads_px,
        least_views=max(3, len(placed) // 2),
    )
    if len(found.beads_px) < 4:
        raise too_few(len(found.beads_px))
    again = _solve_tracks(_make_tracks(spots, found), tilts, bundle.axis_deg, freedom)
    return again.cameras, _as_sighted(again)


def _as_sighted(bundle: Bundle) -> Sighted:
    return Sighted(bundle.beads_px, np.full((bundle.tracks.n_views, len(bundle.beads)), -1))


def _choose_heights(
    beads_px: np.ndarray, shape: tuple[int, int], diameter_px: float, *, wide: bool = False
) -> tuple[float, float]:
    """Where along z to look: half as far again as beads are known to be, and never less than five
    diameters to either side.

    ``wide``: while hardly any are known, a third of the frame's width: they may all be of one face
    of the film.
    """
    low, high = np.quantile(beads_px[:, 0], [0.03, 0.97])
    room = max(5 * diameter_px, 0.5 * float(high - low), WIDE * max(shape) if wide else 0.0)
    most = 0.7 * max(shape)
    return max(float(low) - room, -most), min(float(high) + room, most)


def _place_view(
    spots: Spots,
    cameras: Cameras,
    beads_px: np.ndarray,
    view: int,
    neighbour: int,
    shape: tuple[int, int],
    within: float,
) -> tuple[Cameras, bool]:
    """(cameras with ``view`` where most beads vote it to be, whether enough did)."""
    parameters = cameras.parameters.copy()
    parameters[view, [X, Y, ROTATION]] = parameters[neighbour, [X, Y, ROTATION]]
    guess = Cameras(parameters)
    p, s = projections(guess)
    predicted = beads_px @ p[view].T + s[view]
    half = (np.array(shape) - 1) / 2
    predicted = predicted[(np.abs(predicted) <= half + REACH * min(shape)).all(1)]
    shift, votes = voted_shift(
        predicted, spots.position_px[view], within_px=within, reach_px=REACH * min(shape)
    )
    visible = int((np.abs(predicted + shift) <= half).all(1).sum())
    parameters[view, [Y, X]] += shift
    seen = votes >= max(3, LEAST_VOTES * visible)
    return (Cameras(parameters), True) if seen else (guess, False)


def _keep_shifts(solved: Cameras, before: Cameras, placed: np.ndarray) -> Cameras:
    """The solution, with what ``before`` said for views that it knows nothing of, moved along with
    its neighbours."""
    parameters = solved.parameters.copy()
    others = np.setdiff1d(np.arange(solved.n_views), placed)
    if others.size:
        # The solution may have moved the specimen: blind views go with the placed one nearest in
        # tilt.
        tilt = before.parameters[:, TILT]
        near = placed[np.abs(tilt[others, None] - tilt[placed]).argmin(1)]
        parameters[others] = solved.parameters[near]
        parameters[others, TILT] = tilt[others]
    return Cameras(parameters)


def _make_tracks(spots: Spots, found: Sighted) -> Tracks:
    view, bead = np.nonzero(found.spot >= 0)
    if len(view) == 0:
        raise too_few(0)
    position = np.array(
        [spots.position_px[v][found.spot[v, b]] for v, b in zip(view, bead, strict=True)]
    )
    return Tracks(bead, view, position, len(found.spot))
