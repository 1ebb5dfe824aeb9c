"""A patch is found where it was put, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from recon.align.patches.correlate import cut, find
from recon.align.patches.texture import window

SIZE = 24


def textured(seed: int = 0) -> np.ndarray:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(120, 140)), 1.6).astype(
        np.float32
    )


def test_a_known_shift_is_found_to_a_fiftieth_of_a_pixel() -> None:
    view, shift = textured(), np.array([2.3, -3.65])
    moved = ndimage.shift(view, shift, order=5)
    at = np.array([[40.0, 50.0], [60.0, 70.0], [80.5, 90.5]])
    found, correlation = find(cut(view, at, SIZE), moved, at, window(SIZE), 6)
    assert np.abs(found - at - shift).max() < 0.05
    assert np.sqrt(((found - at - shift) ** 2).mean()) < 0.02
    assert (correlation > 0.95).all()


def test_a_stretched_patch_is_what_a_view_at_higher_tilt_shows() -> None:
    """A flat specimen narrows by cos outer / cos inner: cut so much wider, the inner patch is the
    outer one."""
    view = textured()
    narrow = ndimage.affine_transform(view, [1.0, 1.25], offset=[0, 69.5 * (1 - 1.25)], order=5)
    at = np.array([[60.0, 69.5 + 20]])
    inside = 69.5 + (at[:, 1] - 69.5) / 1.25
    found, correlation = find(
        cut(view, at, SIZE, 1.25), narrow, np.stack([at[:, 0], inside], 1) + 1.5, window(SIZE), 6
    )
    assert correlation[0] > 0.95
    assert np.abs(found[0] - [60.0, inside[0]]).max() < 0.05
    assert (
        find(cut(view, at, SIZE), narrow, np.stack([at[:, 0], inside], 1), window(SIZE), 6)[1][0]
        < 0.9
    )


def test_what_lies_beyond_the_search_is_not_found() -> None:
    view = textured()
    at = np.array([[60.0, 70.0]])
    moved = ndimage.shift(view, (0, 5.0), order=3)
    _, correlation = find(cut(view, at, SIZE), moved, at, window(SIZE), 3)
    assert correlation[0] < 0.5


def test_brightness_does_not_draw_the_peak() -> None:
    """Normalised: something ten times as bright beside it is not the patch."""
    view = textured()
    view[:, 84:] *= 10
    at = np.array([[60.0, 70.0]])
    found, correlation = find(cut(view, at, SIZE), view, at + 1.0, window(SIZE), 8)
    assert np.abs(found - at).max() < 0.05
    assert correlation[0] > 0.95


def test_a_flat_view_and_the_border_correlate_with_nothing() -> None:
    at = np.array([[60.0, 70.0], [0.0, 0.0], [-90.0, 400.0]])
    _, correlation = find(
        cut(textured(), at, SIZE), np.zeros((120, 140), np.float32), at, window(SIZE), 4
    )
    assert (correlation < 0.01).all()
