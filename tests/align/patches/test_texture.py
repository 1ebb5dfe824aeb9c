"""Which patches are worth following."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from recon.align.patches.texture import detail, textured_patches


def test_detail_has_no_level_and_no_slope() -> None:
    y, x = np.mgrid[:64, :64].astype(np.float32)
    found = detail(np.stack([100 + 2 * y - 3 * x]))[0]
    assert np.abs(found[24:40, 24:40]).max() < 1e-3 * 3 * 64


def test_a_lone_edge_and_flat_ground_are_no_texture() -> None:
    """Blobs in the upper left quarter, an edge as strong in the lower right one: only the blobs are
    chosen."""
    rng = np.random.default_rng(0)
    view = np.zeros((96, 96))
    view[:48, :48] = 5 * ndimage.gaussian_filter(rng.normal(size=(48, 48)), 1.5)
    view[60:90, 72:] = 2.0
    index, texture = textured_patches(view, 24, 100)
    assert len(index) >= 4
    corner = (
        np.hypot(*(index - [60, 72]).T) < 20,
        np.hypot(*(index - [90, 72]).T) < 20,
    )  # an edge's ends are texture
    assert ((index < 60).all(1) | corner[0] | corner[1]).all()
    assert (index[:4] < 50).all()
    assert (np.diff(texture) <= 0).all()


def test_no_more_than_asked_for_and_none_in_a_flat_view() -> None:
    view = np.random.default_rng(0).normal(size=(96, 96))
    assert len(textured_patches(view, 16, 10)[0]) == 10
    assert len(textured_patches(np.zeros((96, 96)), 16, 10)[0]) == 0
    assert len(textured_patches(view[:10], 16, 10)[0]) == 0
