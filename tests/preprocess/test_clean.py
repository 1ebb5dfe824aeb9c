"""Each step of preprocess does what it says and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.preprocess import fourier_bin, preprocess, vacuum_levels
from recon.series import TiltSeries

OFF = {"hot_pixel_sigma": None, "background": "none"}


def series(stack, pixel_nm=1.0, shifts=None):
    stack = np.asarray(stack, np.float32)
    return TiltSeries(
        torch.from_numpy(stack), Geometry(np.linspace(-60, 60, len(stack)), pixel_nm, 3.0, shifts)
    )


def run(stack, **options):
    return preprocess(series(stack), **{**OFF, **options}).data.numpy()


def scene(n_views=3, n_y=48, n_x=56, seed=0):
    """Noisy views of a smooth object in vacuum, level 0."""
    y, x = np.mgrid[:n_y, :n_x]
    signal = 100 * np.exp(-(((y - n_y / 2) / 9) ** 2) - ((x - n_x / 2) / 10) ** 2)
    return np.random.default_rng(seed).normal(0, 1, (n_views, n_y, n_x)) + signal


def test_all_off_changes_nothing():
    stack = scene().astype(np.float32)
    result = preprocess(series(stack), **OFF)
    assert np.array_equal(result.data.numpy(), stack)
    assert result.history == ()


@pytest.mark.parametrize("value", [500.0, -500.0], ids=["hot", "dead"])
@pytest.mark.parametrize(
    "places",
    [
        [(20, 30)],
        [(20, 30), (20, 31)],
        [(20, 30), (21, 31)],
        [(0, 0)],
        [(47, 55)],
        [(0, 20)],
        [(30, 0)],
        [(47, 13)],
        [(0, 20), (0, 21)],  # pairs along and across a border
        [(0, 20), (1, 20)],
        [(30, 55), (30, 54)],
        [(0, 0), (0, 1)],
        [(0, 0), (1, 0)],
        [(47, 55), (46, 55)],
    ],
    ids=str,
)
def test_outliers_are_replaced_singly_and_in_pairs_borders_included(places, value):
    clean = scene()
    stack = clean.copy()
    for y, x in places:
        stack[1, y, x] += value
    result = preprocess(series(stack), background="none")
    at = tuple(np.array(places).T)
    assert np.abs(result.data.numpy()[1][at] - clean[1][at]).max() < 10
    changed = result.data.numpy() != stack.astype(np.float32)
    assert changed[1][at].all()
    assert changed.sum() <= len(places) + 1  # and (almost) nothing else
    assert result.facts["hot_pixels"]["total"] == changed.sum()
    assert "hot or dead pixels" in result.history[0]


def test_the_input_is_left_alone():
    stack = scene().astype(np.float32)
    stack[0, 5, 5] = 1e4
    given = series(stack.copy())
    preprocess(given)
    assert np.array_equal(given.data.numpy(), stack)


@pytest.mark.parametrize("size", [(3, 3), (2, 2), (2, 5)], ids=str)
def test_a_small_particle_is_kept(size):
    stack = scene()
    stack[1, 30 : 30 + size[0], 10 : 10 + size[1]] += 300
    np.testing.assert_array_equal(run(stack, hot_pixel_sigma=8.0), stack.astype(np.float32))


def test_counting_noise_and_edges_are_no_outliers():
    box = np.full((4, 48, 48), 5.0)
    box[:, 12:36, 12:36] = 400
    counts = np.random.default_rng(0).poisson(box)
    assert (run(counts, hot_pixel_sigma=8.0) != counts).sum() <= 2


def test_a_constant_view_is_left_alone():
    np.testing.assert_array_equal(run(np.full((2, 16, 16), 7.0), hot_pixel_sigma=8.0), 7.0)


def test_the_vacuum_of_every_view_goes_to_zero():
    offset = np.array([30.0, -12.0, 400.0])
    stack = scene() + offset[:, None, None]
    result = preprocess(series(stack), hot_pixel_sigma=None)
    data = result.data.numpy()
    for view in data:
        assert np.abs(view[:8, :8].mean()) < 1.0
    taken = stack - data
    assert np.ptp(taken, axis=(1, 2)).max() < 1e-3  # one number per view
    np.testing.assert_allclose(result.facts["background"]["per_view"], offset, atol=1.0)


def test_without_vacuum_nothing_positive_is_subtracted():
    full = np.full((3, 48, 48), 90.0)
    full[:, 20:30, 20:30] = 50  # a thin place, too small to be vacuum
    full += np.random.default_rng(0).normal(0, 0.1, full.shape)
    assert vacuum_levels(full.astype(np.float32))[1] is False
    np.testing.assert_array_equal(run(full, background="auto"), full.astype(np.float32))
    below = run(full - 70, background="auto")
    assert np.quantile(below, 1e-3) == pytest.approx(0, abs=0.5)
    assert np.ptp(below - (full - 70)) < 1e-4  # one level for all


def test_a_number_subtracts_itself():
    np.testing.assert_allclose(run(scene(), background=12.5), scene() - 12.5, atol=1e-5)


def test_minus_log_inverts_the_exponential_law():
    absorbed = np.maximum(scene(), 0) / 50
    absorbed[:, :, :12] = 0  # vacuum
    incident = np.array([100.0, 2000.0, 7.0])[:, None, None]
    np.testing.assert_allclose(run(incident * np.exp(-absorbed), log=True), absorbed, atol=1e-4)


def test_minus_log_of_dark_pixels_is_finite_and_of_dark_views_an_error():
    bright = np.full((2, 32, 32), 50.0)
    bright[:, 10:14, 10:14] = -3
    assert np.isfinite(run(bright, log=True)).all()
    with pytest.raises(UserError, match="view 1 has no positive intensity"):
        run(np.stack([np.full((32, 32), 50.0), np.full((32, 32), -1.0)]), log=True)


def test_normalise_gives_all_views_the_median_of_their_means():
    stack = scene() + 5
    stack *= np.array([1.0, 2.0, 4.0])[:, None, None]
    data = run(stack, normalise="mean").astype(np.float64)
    np.testing.assert_allclose(data.mean((1, 2)), stack[1].mean(), rtol=1e-5)
    with pytest.raises(UserError, match=r"view [0-9] has mean -"):
        run(scene() - 100, normalise="mean")


@settings(max_examples=40, deadline=None)
@given(
    n_y=st.integers(56, 75),
    n_x=st.integers(56, 75),
    factor=st.sampled_from([2, 3, 4]),
    at=st.tuples(*[st.floats(-4, 4)] * 2),
)
def test_binning_keeps_mean_and_centre(n_y, n_x, factor, at):
    """A Gaussian at (dy, dx) from the centre (n - 1) / 2 comes out at (dy, dx) / factor from the
    new centre."""
    y, x = np.ogrid[:n_y, :n_x]
    sigma = 1.2 * factor
    view = np.exp(
        -((y - centre(n_y) - at[0]) ** 2 + (x - centre(n_x) - at[1]) ** 2) / (2 * sigma**2)
    )
    out = fourier_bin(view[None].astype(np.float32), factor)[0].astype(np.float64)
    assert out.shape == (n_y // factor, n_x // factor)
    found = [
        (out * (np.arange(n) - centre(n)).reshape(shape)).sum() / out.sum()
        for n, shape in zip(out.shape, ((-1, 1), (1, -1)), strict=True)
    ]
    np.testing.assert_allclose(found, np.array(at) / factor, atol=0.01)
    assert out.sum() * factor**2 == pytest.approx(view.sum(), rel=1e-3)
    assert out.max() == pytest.approx(0.85, abs=0.2)  # values are means, not sums


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("n", [48, 60, 63])
def test_binning_keeps_a_constant_and_kills_the_checkerboard(n, factor):
    np.testing.assert_allclose(
        fourier_bin(np.full((1, n, n), 3.5, np.float32), factor), 3.5, atol=1e-5
    )
    if n % (2 * factor) == 0:
        checkers = np.indices((n, n)).sum(0) % 2 * 2.0 - 1
        np.testing.assert_allclose(
            fourier_bin(checkers[None].astype(np.float32), factor), 0, atol=1e-5
        )


def test_binning_carries_the_geometry_along():
    shifts = np.array([[2.0, -4.0], [0.0, 6.0], [1.0, 1.0]])
    stack = np.ones((3, 48, 56), np.float32)
    binned = preprocess(series(stack, 0.5, shifts), **OFF, bin=2)
    assert tuple(binned.data.shape) == (3, 24, 28)
    assert binned.geometry.pixel_nm == 1.0
    assert binned.geometry.axis_deg == 3.0
    np.testing.assert_array_equal(binned.geometry.shifts_px, shifts / 2)
    assert preprocess(series(stack, None), **OFF, bin=2).geometry.pixel_nm is None


def test_taper_fades_the_borders_in_x_only():
    data = run(np.ones((2, 16, 40)), taper_px=6)
    np.testing.assert_array_equal(data[:, :, 6:-6], 1)
    edge = data[0, 0, :6]
    assert (np.diff(edge) > 0).all()
    assert 0 < edge[0] < 0.05
    np.testing.assert_array_equal(data[0, 0, -6:], edge[::-1])
    assert (data == data[:1, :1]).all()


def test_steps_run_in_their_order_and_leave_a_history():
    result = preprocess(series(scene() + 20), normalise="mean", bin=2, taper_px=4)
    words = ("hot or dead", "vacuum level", "one mean", "binned by 2", "tapered over 4")
    assert len(result.history) == len(words)
    assert all(word in step for word, step in zip(words, result.history, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hot_pixel_sigma": 0.0}, r"hot_pixel_sigma=0.0 given, a positive number or null wanted"),
        ({"hot_pixel_sigma": float("nan")}, r"hot_pixel_sigma=nan given"),
        ({"background": "automatic"}, r"background=automatic given, auto, plane, none or a number"),
        ({"background": float("nan")}, r"background=nan given"),
        ({"normalise": "max"}, r"normalise=max given, none or mean wanted"),
        ({"bin": 0}, r"bin=0 given"),
        ({"bin": -2}, r"bin=-2 given"),
        ({"bin": 7}, r"bin=7 given for views of 48 x 56, 1 to 6 wanted"),
        ({"taper_px": -1}, r"taper_px=-1 given, 0 to 28 wanted"),
        ({"taper_px": 29}, r"taper_px=29 given"),
    ],
    ids=str,
)
def test_bad_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        run(scene(), **options)


def test_crop_comes_before_anything_else():
    stack = scene() + 50
    result = preprocess(series(stack), crop=[4, 40, 6, 50], hot_pixel_sigma=None, background="none")
    np.testing.assert_array_equal(result.data.numpy(), stack.astype(np.float32)[:, 4:40, 6:50])
    for wrong in ([0, 49, 0, 10], [4, 4, 0, 10], [0, 10, -1, 10], [1, 2, 3], [0, 1.5, 2, 3]):
        with pytest.raises(UserError, match=r"\[y0,y1,x0,x1\]"):
            preprocess(series(stack), crop=wrong)
