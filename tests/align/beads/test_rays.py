"""Rays that meet: beads are found from exact cameras, each candidate serves one bead, clutter makes
none."""

from __future__ import annotations

import numpy as np

from recon.align.beads.rays import Spots, sight
from recon.align.bundle.model import Cameras, nominal, project

TILTS = np.arange(-50.0, 51.0, 5.0)
SHAPE = (300, 320)


def scene(n: int = 15, clutter: int = 6) -> tuple[Cameras, np.ndarray, Spots, list[np.ndarray]]:
    """(cameras, beads, spots, per view the bead of each spot or -1) with shifts, positions good to
    0.2 px, a fifth of them missing."""
    rng = np.random.default_rng(5)
    cameras = nominal(TILTS, 85.0)
    parameters = cameras.parameters.copy()
    parameters[:, :2] = rng.normal(scale=6, size=(len(TILTS), 2))
    cameras = Cameras(parameters)
    beads = np.column_stack([rng.choice([-70.0, 70.0], n), rng.uniform(-130, 130, (n, 2))])
    positions, names = [], []
    for view in project(cameras, beads):
        seen = np.flatnonzero((np.abs(view) < [150, 160]).all(1) & (rng.random(n) > 0.2))
        positions.append(
            np.vstack(
                [
                    view[seen] + rng.normal(scale=0.2, size=(len(seen), 2)),
                    rng.uniform(-150, 150, (clutter, 2)),
                ]
            )
        )
        names.append(np.append(seen, np.full(clutter, -1)))
    return cameras, beads, Spots(tuple(positions), tuple(np.ones(len(p)) for p in positions)), names


def test_beads_are_where_rays_meet() -> None:
    cameras, beads, spots, names = scene()
    found = sight(
        spots, cameras, np.arange(len(TILTS)), within_px=2.0, height_px=(-100, 100), shape=SHAPE
    )
    distance = np.linalg.norm(found.beads_px[:, None] - beads, axis=2)
    nearest = distance.argmin(1)
    long = (found.spot >= 0).sum(0) >= 8
    assert sorted(nearest[long]) == list(
        range(len(beads))
    )  # every bead once: no track is broken in two
    assert distance.min(1)[long].max() < 1.0
    right = wrong = 0
    for view, bead in zip(*np.nonzero(found.spot >= 0), strict=True):
        if long[bead]:
            hit = names[view][found.spot[view, bead]] == nearest[bead]
            right, wrong = right + hit, wrong + (not hit)
    assert wrong < 0.02 * right
    there = sum((n >= 0).sum() for n in names)
    assert right > 0.98 * there


def test_no_candidate_serves_two_beads() -> None:
    cameras, _, spots, _ = scene()
    found = sight(
        spots, cameras, np.arange(len(TILTS)), within_px=3.0, height_px=(-100, 100), shape=SHAPE
    )
    for view in found.spot:
        taken = view[view >= 0]
        assert len(set(taken)) == len(taken)


def test_known_beads_come_first_and_clutter_alone_makes_none() -> None:
    cameras, beads, spots, _ = scene(clutter=0)
    found = sight(
        spots,
        cameras,
        np.arange(len(TILTS)),
        within_px=2.0,
        height_px=(-100, 100),
        shape=SHAPE,
        known_px=beads + 0.5,
    )
    np.testing.assert_allclose(found.beads_px[: len(beads)], beads, atol=1.0)
    rng = np.random.default_rng(8)
    noise = Spots(
        tuple(rng.uniform(-150, 150, (8, 2)) for _ in TILTS), tuple(np.ones(8) for _ in TILTS)
    )
    chance = sight(
        noise,
        cameras,
        np.arange(len(TILTS)),
        within_px=2.0,
        height_px=(-100, 100),
        shape=SHAPE,
        least_views=8,
    )
    assert len(chance.beads_px) == 0
