"""The detector: it finds beads of unknown size and polarity, and moves with the picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from recon.align.beads.candidates import find_candidates, score_candidates
from recon.align.beads.crops import crops
from recon.align.beads.profile import find_profile

AT = np.array(
    [
        [30.2, 40.7],
        [31.0, 120.4],
        [60.6, 75.1],
        [90.3, 30.9],
        [88.8, 150.2],
        [120.5, 60.0],
        [130.1, 110.6],
        [62.2, 140.8],
        [110.7, 95.4],
    ]
)


@pytest.mark.parametrize("diameter", [6.0, 10.0, 14.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_size_and_polarity_are_found(drawn, diameter: float, sign: int) -> None:
    stack = sign * np.stack([drawn(AT, diameter)] * 3)
    profile = find_profile(stack, np.array([-2.0, 0.0, 2.0]))
    assert profile.sign == sign
    assert abs(profile.diameter_px / diameter - 1) < 0.12
    assert profile.contrast > 10
    (found, *_) = find_candidates(stack, profile)
    good = found.index_px[found.score > 0.5]
    distance, _ = cKDTree(good).query(AT)
    assert len(good) == len(AT)
    assert distance.max() < 0.3


def test_noise_alone_does_not_stand_out() -> None:
    noise = np.random.default_rng(0).normal(size=(3, 160, 160)).astype(np.float32)
    assert find_profile(noise, np.zeros(3)).contrast < 5


def test_a_given_diameter_is_kept(drawn) -> None:
    assert find_profile(drawn(AT)[None], np.zeros(1), diameter_px=8.0).diameter_px == 8.0


def matches(a: np.ndarray, b: np.ndarray) -> None:
    """The same points, in any order, to a thousandth of a pixel."""
    assert len(a) == len(b)
    distance, _ = cKDTree(b).query(a)
    assert distance.max() < 1e-3


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_view_gives_mirrored_candidates(drawn, axis: int) -> None:
    view = drawn(AT)
    profile = find_profile(view[None], np.zeros(1))
    (found,), (mirrored,) = (
        find_candidates(view[None], profile),
        find_candidates(np.flip(view, axis)[None].copy(), profile),
    )
    back = mirrored.index_px.copy()
    back[:, axis] = view.shape[axis] - 1 - back[:, axis]
    matches(back, found.index_px)


def test_a_shifted_view_gives_shifted_candidates(drawn) -> None:
    view = drawn(AT)
    profile = find_profile(view[None], np.zeros(1))
    part = (slice(5, 155), slice(8, 172))
    (whole,), (cut,) = (
        find_candidates(view[None], profile),
        find_candidates(view[part][None].copy(), profile),
    )
    shifted = cut.index_px + np.array([5, 8])
    # Away from the cut edges nothing may depend on where the frame begins; the strong ones, as weak
    # noise peaks hang on a threshold.
    inner = [
        p[((p > [16, 20]) & (p < [142, 160])).all(1)]
        for p in (whole.index_px[whole.score > 0.4], shifted[cut.score > 0.4])
    ]
    matches(*inner)
    assert len(inner[0]) >= 7


def test_a_bead_on_the_border_is_found(drawn) -> None:
    at = np.vstack([AT, [[1.0, 90.0], [80.0, 178.0]]])
    view = drawn(at)
    (found,) = find_candidates(view[None], find_profile(view[None], np.zeros(1)))
    distance, _ = cKDTree(found.index_px).query(at[-2:])
    assert distance.max() < 1.5


def test_crops_are_in_units_of_a_beads_height_and_the_classifier_decides(drawn) -> None:
    view = drawn(AT)
    bright = crops(view, AT, 10.0, 100.0)
    assert bright.shape == (len(AT), 32, 32)
    np.testing.assert_allclose(bright.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(
        crops(5 - 3 * view, AT, 10.0, -300.0), bright, atol=1e-4
    )  # grey scale and polarity do not matter
    np.testing.assert_allclose(
        crops(view, AT, 10.0, 400.0), bright / 4, atol=1e-5
    )  # but how high a bead is, does
    profile = find_profile(view[None], np.zeros(1))
    (judged,) = score_candidates(
        view[None],
        find_candidates(view[None], profile),
        profile,
        lambda pictures: pictures[:, 15, 15] / 10,
    )
    assert np.corrcoef(judged.score, judged.correlation)[0, 1] > 0.5
