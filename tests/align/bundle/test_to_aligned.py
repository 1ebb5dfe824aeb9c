"""The transforms that resampling gets put every bead where the projector expects it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from recon.align.bundle.gauge import leaned
from recon.align.bundle.model import SCAN_SKEW, SKEW, STRETCH, X_TILT, project
from recon.align.bundle.solve import solve
from recon.align.bundle.to_aligned import to_aligned
from recon.align.resample import resample, warp
from recon.geometry import Geometry, axis_rotation, centre, column_of
from recon.series import TiltSeries
from tests.align.bundle.conftest import rms


def expected(beads_px: np.ndarray, tilts_deg: np.ndarray) -> np.ndarray:
    """(view, bead, 2) as (y, x): geometry.py's equation (1)."""
    z, y, x = beads_px.T
    columns = column_of(z[None], x[None], tilts_deg[:, None])
    return np.stack([np.broadcast_to(y, columns.shape), columns], axis=-1)


def test_beads_come_to_lie_at_row_y_and_column_x_cos_t_plus_z_sin_t(truth) -> None:
    true = truth(n_beads=10)
    affine = to_aligned(true.cameras, true.beads_px)
    raw = project(true.cameras, true.beads_px)
    aligned = np.einsum("vij,vbj->vbi", affine.matrices, raw) + affine.shifts_px[:, None]
    np.testing.assert_allclose(aligned, expected(true.beads_px, affine.angles_deg), atol=1e-9)
    assert affine.misfit_px.max() < 1e-9
    assert affine.axis_deg == pytest.approx(85.3, abs=0.1)
    scale = true.cameras.magnification[:, None, None]
    np.testing.assert_allclose(
        affine.matrices * scale,
        np.stack([axis_rotation(a) for a in true.cameras.rotation_deg]),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("column", "size"), [(STRETCH, 0.01), (SKEW, 0.01), (SCAN_SKEW, 0.01), (X_TILT, 0.01)]
)
def test_a_change_of_the_specimen_is_undone_as_well_as_an_affine_transform_can(
    truth, column: int, size: float
) -> None:
    """The misfit is what is said, and no other transform does better (a least-squares fit over the
    beads themselves)."""
    true = truth(n_beads=2000, n_views=9, thickness_px=60)
    cameras = true.cameras.with_column(column, size * np.linspace(-1, 1, 9))
    affine = to_aligned(cameras, true.beads_px)
    raw, wanted = project(cameras, true.beads_px), expected(true.beads_px, cameras.tilt_deg)
    for view in range(9):
        got = raw[view] @ affine.matrices[view].T + affine.shifts_px[view]
        design = np.concatenate([raw[view], np.ones((2000, 1))], axis=1)
        best = design @ np.linalg.lstsq(design, wanted[view], rcond=None)[0]
        least = np.sqrt(((best - wanted[view]) ** 2).sum(1).mean())
        here = np.sqrt(((got - wanted[view]) ** 2).sum(1).mean())
        assert here == pytest.approx(affine.misfit_px[view], rel=0.1, abs=1e-3)
        assert here <= 1.02 * least + 0.02
    assert (affine.misfit_px.max() < 1e-9) == (
        column == SCAN_SKEW
    )  # a skew of the image is undone exactly


def test_the_mean_x_tilt_is_left_in_the_specimen(truth) -> None:
    true = truth(n_beads=10)
    cameras, beads = leaned(true.cameras, true.beads_px, 6.0)
    affine = to_aligned(cameras, beads)
    assert affine.misfit_px.max() < 1e-9
    aligned = (
        np.einsum("vij,vbj->vbi", affine.matrices, project(cameras, beads))
        + affine.shifts_px[:, None]
    )
    np.testing.assert_allclose(aligned, expected(true.beads_px, affine.angles_deg), atol=1e-9)


def blobs(positions: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    yy, xx = yy - centre(shape[0]), xx - centre(shape[1])
    return np.stack(
        [sum(np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 8) for y, x in view) for view in positions]
    ).astype(np.float32)


def pictures(truth) -> tuple:
    """A solved series of images with four beads, and their positions."""
    true = truth(
        n_beads=4,
        n_views=7,
        half_width_px=30,
        thickness_px=15,
        magnification=0.03,
        rotation_deg=1.0,
    )
    affine = to_aligned(true.cameras, true.beads_px)
    return true, affine, blobs(project(true.cameras, true.beads_px), (120, 130))


def test_resampled_pictures_show_the_beads_where_the_geometry_says(truth) -> None:
    """One interpolation, with a turn and a scale for every view, and the exact quarter turn before
    it."""
    true, affine, stack = pictures(truth)
    series = TiltSeries(
        torch.from_numpy(stack), Geometry(affine.angles_deg, 1.0, affine.axis_deg, affine.shifts_px)
    )
    out = resample(series, matrices=affine.matrices).data.numpy()
    assert out.shape == (7, 130, 120)
    ideal = blobs(expected(true.beads_px, affine.angles_deg), (130, 120))
    for got, want in zip(out, ideal, strict=True):
        assert np.corrcoef(got.ravel(), want.ravel())[0, 1] > 0.997
    one_rotation = resample(
        series
    ).data.numpy()  # without the views' own matrices it is visibly wrong
    assert (
        min(
            np.corrcoef(a.ravel(), b.ravel())[0, 1]
            for a, b in zip(one_rotation, ideal, strict=True)
        )
        < 0.99
    )


def test_one_rotation_for_all_is_a_special_case(truth) -> None:
    _, affine, stack = pictures(truth)
    same = np.repeat(axis_rotation(affine.axis_deg)[None], 7, 0)
    a = warp(stack, affine.axis_deg, affine.shifts_px, order=3)
    b = warp(stack, affine.axis_deg, affine.shifts_px, matrices=same, order=3)
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_an_xf_of_the_solution_applied_by_scipy_equals_our_resampling(truth, tmp_path) -> None:
    from recon.io.alignment.imod import read_xf, write_xf

    _, affine, stack = pictures(truth)
    write_xf(tmp_path / "a.xf", affine.matrices[:, ::-1, ::-1], affine.shifts_px[:, ::-1])
    matrices, shifts = read_xf(tmp_path / "a.xf")
    ours = warp(stack, affine.axis_deg, affine.shifts_px, matrices=affine.matrices, order=3)
    n_y, n_x = stack.shape[1:]
    for view in range(7):
        inverse = np.linalg.inv(matrices[view])[::-1, ::-1]
        # newstack's frame keeps its shape; ours lies on its side, so both are compared about their
        # centres.
        offset = np.array([centre(n_y), centre(n_x)]) - inverse @ (
            np.array([centre(n_x), centre(n_y)]) + shifts[view, ::-1]
        )
        theirs = ndimage.affine_transform(
            stack[view], inverse, offset=offset, output_shape=(n_x, n_y), order=3
        )
        assert rms(ours[view][4:-4, 4:-4] - theirs[4:-4, 4:-4]) < 1e-4


def test_solved_tracks_align_the_beads(truth) -> None:
    """From tracks with noise to aligned positions: the way the pipeline will go."""
    true = truth(n_beads=20)
    found = solve(true.tracks(noise_px=0.3), true.tilts)
    affine = to_aligned(found.cameras, found.beads_px)
    raw = project(true.cameras, true.beads_px)
    aligned = np.einsum("vij,vbj->vbi", affine.matrices, raw) + affine.shifts_px[:, None]
    assert rms(aligned - expected(found.beads_px, affine.angles_deg)) < 0.25
