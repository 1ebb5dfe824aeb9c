"""What no track can tell, and that it is fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recon.align.bundle import gauge
from recon.align.bundle.freedom import COLUMNS, Freedom, curve
from recon.align.bundle.minimise import residuals
from recon.align.bundle.model import (
    COUNT,
    MAGNIFICATION,
    ROTATION,
    SCAN_SKEW,
    TILT,
    X_TILT,
    Cameras,
    X,
    Y,
    jacobian,
    matrices,
    nominal,
    project,
)
from recon.align.bundle.solve import solve
from recon.errors import UserError
from tests.align.bundle.conftest import rms

Move = Callable[[Cameras, np.ndarray], tuple[Cameras, np.ndarray]]
MOVES: dict[str, Move] = {
    "moved": lambda c, b: gauge.moved(c, b, np.array([3.0, -7.0, 11.0])),
    "turned": lambda c, b: gauge.turned(c, b, 8.0),
    "leaned": lambda c, b: gauge.leaned(c, b, -6.0),
    "scaled": lambda c, b: gauge.scaled(c, b, 1.07),
    "opposite": gauge.opposite,
    "centred": gauge.centred,
    "at_centroid": gauge.at_centroid,
}


@pytest.mark.parametrize("name", MOVES)
def test_gauge_changes_do_not_change_reprojections(truth, name: str) -> None:
    true = truth()
    cameras = true.cameras.with_column(SCAN_SKEW, 0.01)
    if name == "leaned":
        cameras = cameras.with_column(X_TILT, 0.1)
    moved, beads = MOVES[name](cameras, true.beads_px)
    np.testing.assert_allclose(project(moved, beads), project(cameras, true.beads_px), atol=1e-9)
    assert rms(beads - true.beads_px) > 0.1 or name == "centred"


@pytest.mark.parametrize("axis_deg", [86.5, -93.5, 266.0, -89.0])
def test_of_two_opposite_axes_the_same_one_is_taken(truth, axis_deg: float) -> None:
    true = truth()
    turn = np.deg2rad(axis_deg) - true.cameras.parameters[:, ROTATION].mean()
    cameras = true.cameras.with_column(ROTATION, true.cameras.parameters[:, ROTATION] + turn)
    upright, beads = gauge.upright(cameras, true.beads_px)
    assert -90 <= upright.rotation_deg.mean() < 90
    np.testing.assert_allclose(project(upright, beads), project(cameras, true.beads_px), atol=1e-9)


def test_the_centre_is_where_the_lowest_view_has_its_centre(truth) -> None:
    true = truth()
    cameras, beads = gauge.centred(true.cameras, true.beads_px + np.array([50.0, 0, 0]))
    low = int(np.argmin(np.abs(cameras.tilt_deg)))
    np.testing.assert_allclose(cameras.shift_px[low], 0, atol=1e-9)
    assert beads[:, 0].mean() == pytest.approx(0, abs=1e-9)


def test_levelling_turns_a_sloping_film_flat(truth) -> None:
    beads = truth(thickness_px=0.0).beads_px
    _, sloping = gauge.turned(nominal(np.zeros(1), 0.0), beads, 5.0)
    by = gauge.levelling_deg(nominal(np.zeros(1), 0.0), sloping)
    _, level = gauge.turned(nominal(np.zeros(1), 0.0), sloping, by)
    assert np.abs(level[:, 0]).max() < 1e-9
    assert abs(by) == pytest.approx(5.0)


FREEDOMS = [
    Freedom(),
    Freedom(tilt="free"),
    Freedom(tilt="free", x_tilt="free"),
    Freedom(x_tilt="grouped", thinning="grouped"),
    Freedom(stretch="stepped", skew="grouped", scan_skew="global"),
    Freedom(rotation="global", magnification="fixed", tilt="fixed"),
]


@pytest.mark.parametrize("freedom", FREEDOMS, ids=lambda f: f.said())
def test_with_the_gauge_fixed_the_equations_have_full_rank(truth, freedom: Freedom) -> None:
    """And the constraints take away the motions of the specimen, no more: their number is exactly
    what the rank lacks without them."""
    true = truth(n_beads=9, n_views=15)
    freedom = replace(freedom, group_views=4, strain_group_views=5)
    n = true.cameras.n_views
    given = nominal(true.tilts, 85.3)
    count = np.full(n, 9)
    space, start = gauge.allowed(given, given, freedom, count)
    bead, view = np.tile(np.arange(9), n), np.repeat(np.arange(n), 9)
    _, to_view, to_bead = jacobian(start, true.beads_px[:, ::-1], bead, view)

    def rank(basis: np.ndarray, columns: np.ndarray) -> tuple[int, int]:
        of_views = np.einsum(
            "oia,oau->oiu", to_view[:, :, columns], basis.reshape(n, len(columns), -1)[view]
        )
        of_beads = np.zeros((len(bead), 2, 9, 3))
        of_beads[np.arange(len(bead)), :, bead] = to_bead
        whole = np.concatenate([of_views, of_beads.reshape(len(bead), 2, -1)], axis=2).reshape(
            2 * len(bead), -1
        )
        whole = whole / np.linalg.norm(whole, axis=0)
        return int(np.linalg.matrix_rank(whole, tol=1e-6)), whole.shape[1]

    full, unknowns = rank(space.basis, space.columns)
    assert full == unknowns

    blocks, columns = [np.kron(np.eye(n), np.eye(2))], [X, Y]
    for name, column in COLUMNS.items():
        shape = curve(freedom.mode(name), freedom.spacing(name), np.deg2rad(true.tilts), count > 0)
        if shape.shape[1]:
            blocks.append(shape)
            columns.append(column)
    loose = np.zeros((n, len(columns), sum(b.shape[1] for b in blocks)))
    at = 0
    for k, block in enumerate(blocks):
        if k == 0:
            loose[:, :2, : 2 * n] = block.reshape(n, 2, -1)
        else:
            loose[:, k + 1, at : at + block.shape[1]] = block
        at += block.shape[1]
    rank_without, unknowns_without = rank(loose.reshape(n * len(columns), -1), np.array(columns))
    assert (
        rank_without <= full + 1
        # thinning and one turn are no exact freedom of the rest: then a constraint costs one
        # direction
    )
    assert unknowns_without > rank_without


def test_the_solution_keeps_to_the_gauge(truth) -> None:
    true = truth(n_beads=12)
    found = solve(
        true.tracks(noise_px=0.2),
        true.tilts,
        freedom=Freedom(tilt="free", x_tilt="grouped", stretch="stepped", skew="grouped"),
    )
    p = found.cameras.parameters
    assert (p[:, TILT] - np.deg2rad(true.tilts)).mean() == pytest.approx(0, abs=1e-9)
    assert p[:, MAGNIFICATION].mean() == pytest.approx(0, abs=1e-9)
    assert p[:, X_TILT].mean() == pytest.approx(0, abs=1e-9)
    assert (p[:, X_TILT] * np.sin(np.deg2rad(true.tilts))).sum() == pytest.approx(0, abs=1e-9)
    assert found.cameras.stretch.mean() == pytest.approx(0, abs=1e-9)


def test_the_translation_gauge_is_kept_by_every_step(truth) -> None:
    true = truth()
    space, _ = gauge.allowed(true.cameras, true.cameras, Freedom(), np.full(31, 15))
    views = matrices(true.cameras)
    changed = space.change(true.cameras, np.random.default_rng(0).normal(size=space.n_unknowns))
    step = changed.parameters - true.cameras.parameters
    np.testing.assert_allclose(np.einsum("vij,vi->j", views, step[:, [X, Y]]), 0, atol=1e-8)
    assert rms(step[:, ROTATION]) > 0.1


def test_same_frame_takes_over_the_means_only(truth) -> None:
    true = truth()
    turned, _ = gauge.turned(true.cameras, true.beads_px, 3.0)
    np.testing.assert_allclose(
        gauge.same_frame(turned, true.cameras).parameters, true.cameras.parameters, atol=1e-12
    )


@pytest.mark.parametrize("mode", ["grouped", "stepped", "free", "global", "fixed"])
def test_curves_partition_the_views(mode: str) -> None:
    """Every view's value is an average of the unknowns: their weights are >= 0 and sum to one."""
    tilts = np.deg2rad(np.random.default_rng(0).permutation(np.arange(-60, 61, 3.0)))
    carrying = np.ones(41, bool)
    carrying[[0, 5, 40]] = False
    shape = curve(mode, 6, tilts, carrying)  # type: ignore[arg-type]
    if mode == "fixed":
        assert shape.shape == (41, 0)
        return
    np.testing.assert_allclose(shape.sum(1), 1)
    assert shape.min() >= 0
    assert shape[carrying].sum(0).min() > 0.5
    wanted = {"grouped": 7, "stepped": 6, "free": 38, "global": 1}[mode]
    assert shape.shape[1] == wanted


def test_groups_are_shorter_at_high_tilt() -> None:
    shape = curve("stepped", 6, np.deg2rad(np.arange(-70, 71, 2.0)), np.ones(71, bool))
    size = shape.sum(0)
    assert size[0] < size[len(size) // 2]
    assert size[-1] < size[len(size) // 2]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tilt": "global"}, "tilt=global"),
        ({"rotation": "some"}, "rotation=some"),
        ({"group_views": 1}, "2 or more"),
    ],
)
def test_impossible_freedoms_are_refused(options: dict, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Freedom(**options)


def test_residuals_are_seen_minus_predicted(truth) -> None:
    from recon.align.bundle.minimise import Seen

    true = truth(n_beads=3)
    tracks = true.tracks()
    seen = Seen(tracks.bead, tracks.view, tracks.position_px[:, ::-1] + [0.5, 0.25], 3)
    np.testing.assert_allclose(
        residuals(true.cameras, true.beads_px[:, ::-1], seen),
        np.tile([0.5, 0.25], (len(tracks.bead), 1)),
    )
    assert true.cameras.parameters.shape[1] == COUNT
