"""Real beads against IMOD's own answer: the tutorial series BBa, 23 beads in 61 views, tracks and
nominal tilts given, nothing else.

IMOD's files say what it solved for. ``simple-align``: a rotation and a magnification a view, tilts
on a line between nodes (their second differences vanish elsewhere). The full solution: besides, a
stretch in ten steps, a skew on a line between seven nodes, and one skew of the projection: the
bead's y and z run at 89.76 degrees to each other in all views alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.align.bundle.choose import choose
from recon.align.bundle.freedom import Freedom
from recon.align.bundle.model import Cameras, nominal, project
from recon.align.bundle.result import Bundle
from recon.align.bundle.solve import solve
from recon.align.bundle.to_aligned import to_aligned
from recon.align.bundle.tracks import Tracks
from recon.io.alignment.imod import read_tlt, read_xf
from recon.io.alignment.tracks import read_xyz
from tests.align.bundle.conftest import rms

NOMINAL = 65.0 - 2.0 * np.arange(61)
SIMPLE = Freedom()  # 61 rotations, 61 magnifications, 13 tilts
FULL = Freedom(
    stretch="stepped", skew="grouped", scan_skew="global", strain_group_views=8
)  # and 8 + 9 strains (IMOD: 10 + 7)


def load(reference: Callable[[str], Path], variant: str) -> tuple[Tracks, np.ndarray]:
    """(tracks, (obs, 2) IMOD's residuals (x, y) in px)."""
    table = np.loadtxt(reference(f"bead_tracks/BBa{variant}_tracks.csv"), delimiter=",", skiprows=1)
    # IMOD's coordinates are pixel index + 1/2, and 256 is the centre of 512.
    return Tracks(
        table[:, 0].astype(int), table[:, 1].astype(int), table[:, [3, 2]] - 256, 61
    ), table[:, 4:6]


@pytest.fixture(
    scope="module", params=[("_simple-align", SIMPLE), ("", FULL)], ids=["simple", "full"]
)
def solved(
    request: pytest.FixtureRequest, reference: Callable[[str], Path]
) -> tuple[str, Bundle, np.ndarray]:
    variant, freedom = request.param
    tracks, theirs = load(reference, variant)
    return variant, solve(tracks, NOMINAL, freedom=freedom, robust=False), theirs


def test_mean_residual_is_no_larger_than_imods(solved: tuple[str, Bundle, np.ndarray]) -> None:
    """The same observations, all of them, in the same model with as many parameters, by plain least
    squares."""
    _, ours, theirs = solved
    assert ours.used.all()
    assert len(ours.length_px) == len(theirs) == 1403
    assert ours.mean_residual_px <= np.hypot(*theirs.T).mean()


def test_tilts_and_rotations_are_imods(
    solved: tuple[str, Bundle, np.ndarray], reference: Callable[[str], Path]
) -> None:
    variant, ours, _ = solved
    tilts = read_tlt(reference(f"bead_tracks/BBa{variant}.tlt"))
    matrices, _ = read_xf(reference(f"bead_tracks/BBa{variant}.tltxf"))
    back = np.linalg.inv(matrices)
    rotations = np.rad2deg(
        np.arctan2(-back[:, 0, 1], back[:, 1, 1])
    )  # of the axis: the image of +y
    # IMOD's gauge leaves the tilt of one view as it was, ours their mean; rotations have no gauge.
    apart = ours.cameras.tilt_deg - tilts
    assert rms(apart - apart.mean()) < 0.1
    assert rms(apart) < 0.2
    assert rms(ours.cameras.rotation_deg - rotations) < 0.02


def test_simple_magnifications_and_beads_are_imods(reference: Callable[[str], Path]) -> None:
    tracks, _ = load(reference, "_simple-align")
    ours = solve(tracks, NOMINAL, freedom=SIMPLE, robust=False)
    matrices, _ = read_xf(reference("bead_tracks/BBa_simple-align.tltxf"))
    magnification = 1 / np.sqrt(np.linalg.det(matrices))
    ratio = ours.cameras.magnification / magnification
    assert ratio.std() < 2e-4
    theirs, _ = read_xyz(reference("bead_tracks/BBafid_simple-align.xyz"), (512, 512))
    # Scale, turn about the axis and origin are IMOD's own choice.
    a, b = ours.beads_px - ours.beads_px.mean(0), theirs - theirs.mean(0)
    z, y, x = (b / ratio.mean()).T
    turn = np.deg2rad(
        (ours.cameras.tilt_deg - read_tlt(reference("bead_tracks/BBa_simple-align.tlt"))).mean()
    )
    turned = np.stack(
        [z * np.cos(-turn) - x * np.sin(-turn), y, x * np.cos(-turn) + z * np.sin(-turn)], axis=1
    )
    assert rms(a - turned) < 0.1


def test_imods_own_solution_in_our_model_gives_imods_residuals(
    reference: Callable[[str], Path],
) -> None:
    """So that axes, signs and centre are the same: .tlt, .tltxf and .xyz through our equation
    (1)."""
    tracks, theirs = load(reference, "_simple-align")
    tilts = read_tlt(reference("bead_tracks/BBa_simple-align.tlt"))
    matrices, shifts = read_xf(reference("bead_tracks/BBa_simple-align.tltxf"))
    beads, _ = read_xyz(reference("bead_tracks/BBafid_simple-align.xyz"), (512, 512))
    p = nominal(tilts, 0.0).parameters.copy()
    back = np.linalg.inv(matrices)
    p[:, 2] = np.arctan2(-back[:, 0, 1], back[:, 1, 1])
    p[:, 3] = np.log(np.sqrt(np.linalg.det(back)))
    p[:, :2] = -np.einsum("vij,vj->vi", back, shifts)
    predicted = project(Cameras(p), beads)[tracks.view, tracks.bead]
    error = (predicted - tracks.position_px)[:, ::-1] - theirs  # IMOD counts predicted minus seen
    assert rms(error - error.mean(0)) < 0.015
    assert np.abs(error).max() < 0.06


def test_our_affine_transforms_are_imods_xf(reference: Callable[[str], Path]) -> None:
    """What resampling gets, against what IMOD gave its own: the same turn of every view, the scale
    but for the gauge."""
    tracks, _ = load(reference, "_simple-align")
    ours = solve(tracks, NOMINAL, freedom=SIMPLE, robust=False)
    affine = to_aligned(ours.cameras, ours.beads_px)
    matrices, _ = read_xf(reference("bead_tracks/BBa_simple-align.tltxf"))
    scale = np.sqrt(np.linalg.det(matrices))
    own = np.sqrt(np.linalg.det(affine.matrices))
    assert (
        np.abs(
            affine.matrices[:, ::-1, ::-1] / own[:, None, None] - matrices / scale[:, None, None]
        ).max()
        < 2e-4
    )
    assert (own / scale).std() < 2e-4


def test_the_automatic_choice_predicts_unseen_beads_better_than_imods_models(
    reference: Callable[[str], Path],
) -> None:
    tracks, theirs = load(reference, "")
    best, trials = choose(tracks, NOMINAL)
    for freedom in (SIMPLE, FULL):
        assert best.mean_leave_out_px < solve(tracks, NOMINAL, freedom=freedom).mean_leave_out_px
    # What the data pay for: rotations, magnifications, tilts and a leaning specimen, each on a few
    # nodes, not one a view.
    assert (best.freedom.rotation, best.freedom.magnification, best.freedom.tilt) == (
        "grouped",
        "grouped",
        "grouped",
    )
    assert best.freedom.skew == "grouped"
    assert sum(t.taken for t in trials) >= 5
    assert best.mean_residual_px < 1.03 * np.hypot(*theirs.T).mean()


def test_a_quarter_of_the_beads_gives_the_axis_within_its_error_bar(
    reference: Callable[[str], Path],
) -> None:
    """Real residuals are alike in neighbouring views, and bars are widened by what ``correlation``
    says."""
    tracks, _ = load(reference, "_simple-align")
    all_, few = solve(tracks, NOMINAL), solve(tracks.keep(tracks.bead % 4 == 1), NOMINAL)
    assert 0.3 < all_.correlation < 0.95
    wider = np.sqrt((1 + few.correlation) / (1 - few.correlation))
    assert abs(few.axis_deg - all_.axis_deg) < 2 * wider * few.errors.axis_deg
    assert few.errors.axis_deg > all_.errors.axis_deg
