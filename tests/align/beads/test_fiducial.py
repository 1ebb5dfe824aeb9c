"""The stage on a small series whose truth is known: positions, geometry, files, and honest
refusals."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from recon.align.auto import auto
from recon.align.beads import fiducial as stage
from recon.align.beads.erase import erase_beads
from recon.align.beads.fiducial import fiducial, follow
from recon.align.beads.followed import Followed, bead_tracks
from recon.align.beads.profile import find_profile
from recon.align.beads.tracking import NotEnoughBeads
from recon.align.found import alignment_of
from recon.align.resample import resample
from recon.errors import UserError
from recon.geometry import Geometry, centre, view_freedom
from recon.io.alignment.tracks import read_points, read_xyz
from recon.run.fiducials import write_fiducials
from recon.series import TiltSeries
from recon.simulate.sample import Sample

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def followed(series: TiltSeries) -> Followed:
    return follow(series.data.numpy(), series.geometry.angles_deg)


def test_tracks_are_the_true_ones(followed: Followed, sample: Sample) -> None:
    gold, seen = sample.fiducials, followed.sightings
    assert gold is not None
    errors, hits, there = [], 0, 0
    owner: dict[int, set[int]] = {}
    for view in range(len(gold.tracks_px)):
        mine = seen.view == view
        distance, bead = cKDTree(gold.tracks_px[view]).query(seen.index_px[mine])
        assert distance.max() < 2  # nothing that is no bead
        errors.append(distance[~gold.overlapped[view][bead]])
        hits, there = hits + len(set(bead)), there + gold.visible[view].sum()
        for number, true in zip(seen.bead[mine], bead, strict=True):
            owner.setdefault(int(number), set()).add(int(true))
    assert np.sqrt((np.concatenate(errors) ** 2).mean()) < 0.3
    assert hits > 0.9 * there
    assert all(
        len(true) == 1 for true in owner.values()
    )  # a track follows one bead from end to end


def test_geometry_is_the_true_one(followed: Followed, sample: Sample) -> None:
    truth, bundle = sample.geometry, followed.bundle
    assert truth.shifts_px is not None
    assert sample.applied is not None
    assert bundle.mean_residual_px < 0.3
    assert abs(bundle.axis_deg - truth.axis_deg - sample.applied.rotations_deg.mean()) < 0.1
    tilt = bundle.cameras.tilt_deg - truth.angles_deg
    assert np.std(tilt) < 0.1
    assert (
        np.std(truth.angles_deg - np.round(truth.angles_deg / 5) * 5) > 0.15
    )  # which the nominal tilts are not


def test_the_stage_gives_one_affine_map_a_view(series: TiltSeries, sample: Sample) -> None:
    """Beads of the resampled series lie on ``x cos t + z sin t`` at one y; the alignment says how
    well; the files are IMOD's."""
    done = fiducial(series, classifier="none")
    assert done.geometry.matrices is not None
    assert np.array_equal(done.data, series.data)
    found = alignment_of(done)
    assert found.n_beads >= 12
    assert found.residual_px < 0.3 < 1 < found.before_px
    assert "beads" in done.history[-1]
    gold = sample.fiducials
    assert gold is not None
    always = np.flatnonzero((gold.visible & ~gold.overlapped).all(0))
    raw = gold.tracks_px[:, always] - [centre(n) for n in series.data.shape[1:]]
    aligned = (
        np.einsum("vij,vbj->vbi", done.geometry.matrices, raw) + done.geometry.shifts_px[:, None]
    )
    t = np.deg2rad(done.geometry.angles_deg)
    design = np.stack([np.cos(t), np.sin(t)], axis=1)
    off_x = aligned[..., 1] - design @ np.linalg.lstsq(design, aligned[..., 1], rcond=None)[0]
    assert np.sqrt((off_x**2).mean()) < 0.3
    assert aligned[..., 0].std(0).max() < 0.4
    assert resample(done).geometry.axis_deg == 0


def test_matching_reprojections_puts_views_back(
    series: TiltSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From shifts that are wrong by a pixel, on views binned by two."""
    monkeypatch.setattr(stage, "REFINED_PX", 128)
    right = fiducial(series, classifier="none")
    true = right.geometry.shifts_px
    assert true is not None
    wrong = true + np.random.default_rng(0).normal(scale=0.8, size=true.shape)
    refined = stage._match_reprojections(
        right.after("kicked", geometry=replace(right.geometry, shifts_px=wrong)), 1
    )
    assert refined.geometry.shifts_px is not None
    assert np.array_equal(refined.geometry.matrices, right.geometry.matrices)
    angles = right.geometry.angles_deg
    before, after = (
        np.sqrt(((s - true - view_freedom(s - true, angles)) ** 2).sum(1).mean())
        for s in (wrong, refined.geometry.shifts_px)
    )
    assert before > 0.8
    assert after < 0.5
    found = alignment_of(refined)
    np.testing.assert_allclose(found.shifts_px, refined.geometry.shifts_px, atol=1e-3)
    assert "reprojections" in refined.history[-1]


def test_files_come_back_as_they_were(series: TiltSeries, followed: Followed, tmp_path) -> None:
    found = bead_tracks(followed, series.data.numpy())
    write_fiducials(tmp_path, found, 1.0, 2)
    beads, numbers = read_xyz(tmp_path / "fiducials.xyz")
    np.testing.assert_allclose(beads, 2 * followed.bundle.beads_px, atol=1e-3)
    assert np.array_equal(numbers, followed.bundle.beads)
    bead, view, position = read_points(tmp_path / "fiducials.txt", (512, 512))
    order = np.lexsort((found.view, found.bead))
    assert np.array_equal(bead, found.bead[order])
    assert np.array_equal(view, found.view[order])
    np.testing.assert_allclose(position, 2 * found.position_px[order], atol=1e-3)
    assert (tmp_path / "fiducials.png").stat().st_size > 20_000


def empty(kind: str) -> TiltSeries:
    """Noise without beads; or the same with half of every view dark."""
    stack = np.random.default_rng(4).normal(1, 0.3, (9, 128, 128)).astype(np.float32)
    if kind == "half empty":
        stack[:, :, 64:] = 0
    return TiltSeries(torch.from_numpy(stack), Geometry(np.arange(-20.0, 21, 5), 1.0), "noise")


@pytest.mark.parametrize("kind", ["dim", "half empty"])
def test_without_beads_there_is_a_sentence(kind: str) -> None:
    with pytest.raises(
        NotEnoughBeads, match=r"beads could be followed .* 6 or more wanted; use align=xcorr"
    ):
        fiducial(empty(kind), classifier="none")


def test_auto_falls_back_and_says_why() -> None:
    done = auto(empty("dim"))
    found = alignment_of(done)
    assert found.method == "xcorr"
    assert "no beads" in done.history[0]


@pytest.mark.parametrize(
    ("option", "value"), [("bead_nm", -3.0), ("bead_nm", 1.0), ("bead_nm", 90.0)]
)
def test_impossible_beads_are_refused(series: TiltSeries, option: str, value: float) -> None:
    with pytest.raises(UserError, match=f"align.{option}={value:g}"):
        fiducial(series, classifier="none", **{option: value})


PERFECT = (
    "align=none",
    "simulate.stage.drift_px=0",
    "simulate.stage.axis_deg=0",
    "simulate.stage.tilt_error_deg=0",
    "simulate.stage.rotation_error_deg=0",
)
CATALYST = (
    "phantom=supported_catalyst",
    "phantom.size=128",
    "simulate=fiducials",
    "simulate.beads.count=10",
)


def test_beads_on_a_catalyst_align_it_within_a_decibel_of_perfect(
    command: Command, tmp_path: Path
) -> None:
    """Its own particles stand out more than the gold does, so that the sizes gold is sold in are
    tried."""
    scores = {}
    for name, options in (
        ("fiducial", ("align=fiducial",)),
        ("perfect", (*PERFECT, "simulate.stage.magnification_error=0")),
    ):
        done = command(
            *CATALYST,
            *options,
            "algorithm=tv",
            "algorithm.weight=30",
            "trust=none",
            "report=false",
            f"output={tmp_path / name}",
        )
        assert done.returncode == 0, done.stderr
        scores[name] = json.loads((tmp_path / name / "run.json").read_text("utf-8"))["scores"][
            "psnr_db"
        ]
    assert scores["fiducial"] > scores["perfect"] - 1


def test_painted_out_beads_are_gone_and_nothing_else(sample: Sample, series: TiltSeries) -> None:
    gold = sample.fiducials
    assert gold is not None
    stack = series.data.numpy()[10:12]
    profile = find_profile(stack, np.zeros(2))
    at = gold.tracks_px[10:12] - [centre(n) for n in stack.shape[1:]]
    painted = erase_beads(stack, at, profile)
    near = np.zeros(stack.shape, bool)
    y, x = np.indices(stack.shape[1:])
    inside = 0
    for view in range(2):
        for row, column in gold.tracks_px[10 + view]:
            radius = np.hypot(y - row, x - column)
            near[view] |= radius < 0.8 * profile.diameter_px
            core = radius < 0.4 * profile.diameter_px
            if core.sum() > 30:
                inside += 1
                usual = np.median(stack[view])
                spread = stack[view].std()
                assert abs(painted[view][core].mean() - usual) < 1.0 * spread
                assert (
                    painted[view][core].std() > 0.3 * stack[view][~near[view]].std()
                )  # noise, not a flat disc
    assert inside > 15
    assert np.array_equal(painted[~near], stack[~near])
