"""Laws of the one interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from recon.align.resample import noise_gain, quarter_turns, resample, warp
from recon.geometry import Geometry, axis_rotation, centre
from recon.io import read_xf, write_xf
from recon.series import TiltSeries


def blob(shape: tuple[int, int], y: float, x: float) -> np.ndarray:
    """A Gaussian at (y, x) from the centre."""
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return np.exp(
        -((yy - centre(shape[0]) - y) ** 2 + (xx - centre(shape[1]) - x) ** 2) / 18
    ).astype(np.float32)


def position(image: np.ndarray) -> tuple[float, float]:
    y, x = ndimage.center_of_mass(image)
    return y - centre(image.shape[0]), x - centre(image.shape[1])


@pytest.mark.parametrize("axis_deg", [0.0, 3.7, -40.0, 86.5, 90.0, -88.0, 179.0, 135.0])
@pytest.mark.parametrize("shape", [(64, 64), (60, 71)])
def test_a_point_lands_where_equation_2_says(axis_deg: float, shape: tuple[int, int]) -> None:
    p, shift = np.array([6.0, -9.0]), np.array([2.25, -1.5])
    out = warp(blob(shape, *p)[None], axis_deg, shift[None], order=3)
    assert position(out[0]) == pytest.approx(axis_rotation(axis_deg) @ p + shift, abs=0.02)


def test_the_tilt_axis_comes_to_lie_along_y() -> None:
    axis_deg, n = 84.0, 96
    a = np.deg2rad(axis_deg)
    line = sum(blob((n, n), s * np.cos(a), -s * np.sin(a)) for s in np.arange(-25, 26, 5.0))
    out = warp(line[None], axis_deg, np.zeros((1, 2)), order=3)[0]
    across = out.sum(0)
    spread = np.sqrt(((np.arange(n) - centre(n)) ** 2 * across).sum() / across.sum())
    assert spread == pytest.approx(
        3.0, abs=0.05
    )  # the blobs' own width: nothing is left of the line's length


def test_quarter_turns_move_no_value() -> None:
    stack = np.random.default_rng(0).normal(size=(2, 10, 14)).astype(np.float32)
    out = warp(stack, 90.0, np.zeros((2, 2)), order=3)
    assert out.shape == (2, 14, 10)
    assert np.array_equal(np.sort(out.ravel()), np.sort(stack.ravel()))
    back = warp(out, -90.0, np.zeros((2, 2)), order=3)
    assert np.array_equal(back, stack)


def test_nothing_to_do_changes_nothing() -> None:
    data = torch.rand(3, 8, 9)
    out = resample(TiltSeries(data, Geometry([-1.0, 0.0, 1.0], 1.0)))
    assert torch.equal(out.data, data)
    assert out.geometry.axis_deg == 0
    assert out.geometry.shifts_px is None


def test_an_xf_applied_by_scipy_equals_our_resampling(tmp_path) -> None:
    axis_deg, shift, n = 5.0, np.array([[1.75, -2.5]]), 48
    image = blob((n, n), 5, 7) + blob((n, n), -9, 3)
    ours = warp(image[None], axis_deg, shift, order=3)[0]
    write_xf(tmp_path / "a.xf", axis_rotation(axis_deg)[::-1, ::-1][None], shift[:, ::-1])
    matrices, shifts = read_xf(tmp_path / "a.xf")
    # IMOD: (x, y)' = A (x, y) + (dx, dy), about the centre; scipy wants the inverse, in (y, x).
    inverse = np.linalg.inv(matrices[0])[::-1, ::-1]
    middle = np.full(2, centre(n))
    theirs = ndimage.affine_transform(
        image, inverse, offset=middle - inverse @ (middle + shifts[0, ::-1]), order=3
    )
    assert np.abs(ours - theirs).max() < 1e-4


def test_imods_own_transforms_turn_by_the_angle_that_imod_reports(reference) -> None:
    """BBa's axis is near -12.6 degrees: our matrix for an axis at that angle is IMOD's."""
    matrices, _ = read_xf(reference("bead_tracks/BBa_fid_simple-align.xf"))
    axis_deg = np.rad2deg(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    ours = np.stack([axis_rotation(a)[::-1, ::-1] for a in axis_deg])
    scale = np.sqrt(np.abs(np.linalg.det(matrices)))[:, None, None]
    assert np.abs(matrices / scale - ours).max() < 2e-3
    assert -14 < axis_deg.mean() < -11


def test_interpolation_keeps_less_than_all_and_more_than_half_of_the_noise() -> None:
    angles = np.linspace(-60, 60, 21)
    drift = np.random.default_rng(1).normal(0, 3, (21, 2))
    assert noise_gain(Geometry(angles, 1.0)) == pytest.approx(1.0, abs=0.02)
    assert 0.5 < noise_gain(Geometry(angles, 1.0, 3.0, drift)) < 0.95


@pytest.mark.parametrize(
    ("axis_deg", "turns"), [(0, 0), (44, 0), (46, 1), (-88, -1), (90, 1), (179, 2)]
)
def test_the_nearest_quarter(axis_deg: float, turns: int) -> None:
    assert quarter_turns(axis_deg) == turns


def test_what_was_not_measured_moves_with_the_pixels() -> None:
    precision = torch.ones(2, 20, 24)
    precision[:, :4] = 0
    stack = torch.rand(2, 20, 24)
    geometry = Geometry(np.array([0.0, 10.0]), 1.0, 0.0, np.array([[3.0, 0.0], [0.5, 0.0]]))
    moved = resample(TiltSeries(stack, geometry, precision=precision))
    assert moved.precision is not None
    np.testing.assert_array_equal(moved.precision[0, :, 5].numpy(), [0] * 7 + [1] * 13)
    np.testing.assert_array_equal(moved.precision[1, :, 5].numpy(), [0] * 5 + [1] * 15)
    assert resample(TiltSeries(stack, geometry)).precision is None
