"""Pictures in the (z, x) plane: the benchmark's face, the head, ellipses and polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recon.errors import UserError
from recon.phantoms.base import generator
from recon.phantoms.ellipses import ellipses
from recon.phantoms.phantom_face import phantom_face
from recon.phantoms.planar import Ellipse, add_ellipses, lift
from recon.phantoms.polygons import RECIPES, draw, polygons
from recon.phantoms.shepp_logan import shepp_logan

# The specification's own line.
FACE = """(.60,.62,.82,0,0,0) (-.10,.56,.76,0,0,0) (.40,.13,.075,-.22,.24,0) (.40,.13,.075,.22,.24,0) (-.80,.045,.05,-.22,.24,0)
(-.80,.045,.05,.22,.24,0) (.25,.05,.17,0,-.02,0) (-.40,.26,.05,0,-.40,0) (.20,.10,.02,0,-.40,0) (.35,.15,.022,-.23,.41,10)
(.35,.15,.022,.23,.41,-10) (-.25,.03,.03,-.38,-.12,0) (-.25,.02,.02,-.33,-.2,0) (-.25,.03,.03,.38,-.12,0) (-.25,.02,.02,.33,-.2,0)"""


def face_by_hand(n: int, fine: int) -> np.ndarray:
    at = (np.arange(n * fine) + 0.5) / (n * fine) * 2 - 1
    x, y = np.meshgrid(at, -at)  # the first line is at the top
    total = np.zeros_like(x)
    for text in FACE.split():
        amount, a, b, x0, y0, phi = (float(v) for v in text.strip("()").split(","))
        turned = (x - x0 + 1j * (y - y0)) * np.exp(-1j * np.deg2rad(phi))
        total += amount * ((turned.real / a) ** 2 + (turned.imag / b) ** 2 <= 1)
    return np.clip(total, 0, 1).reshape(n, fine, n, fine).mean((1, 3))


def test_the_face_is_the_benchmarks() -> None:
    p = phantom_face(size=64, rows=2)
    d = p.density.numpy()
    np.testing.assert_allclose(d[:, 1, :], face_by_hand(64, 4), atol=1e-6)
    assert d.min() == 0
    assert d.max() <= 1
    assert d.shape == (64, 2, 64)
    # Upright: the eyes (bright) lie above the mouth (dark).
    assert d[:32, 0].max() > 0.8
    assert d[44, 0, 32] < 0.35
    np.testing.assert_allclose(d[:, 0, :32].sum(), d[:, 0, 32:].sum(), rtol=1e-3)


def test_one_ellipse_has_its_area_place_and_direction() -> None:
    p = lift(
        add_ellipses([Ellipse(0.7, 0.5, 0.2, 0.3, 0.2, 30)]),
        size=64,
        rows=1,
        name="one",
        step="",
        box_nm=64.0,
    )
    d = p.density[:, 0].double().numpy()
    assert d.sum() == pytest.approx(0.7 * math.pi * 0.5 * 0.2 * 32**2, rel=0.005)
    z, x = np.nonzero(d > 0.35)
    at_x, at_y = (x - 31.5) / 32, -(z - 31.5) / 32
    assert at_x.mean() == pytest.approx(0.3, abs=0.01)
    assert at_y.mean() == pytest.approx(0.2, abs=0.01)
    c = np.cov(at_x, at_y)
    assert math.degrees(0.5 * math.atan2(2 * c[0, 1], c[0, 0] - c[1, 1])) == pytest.approx(
        30, abs=1
    )


def test_the_head_is_everybodys() -> None:
    data = pytest.importorskip("skimage.data")
    theirs = data.shepp_logan_phantom()[::1, ::1].reshape(100, 4, 100, 4).mean((1, 3))
    ours = shepp_logan(size=100, rows=1).density[:, 0].numpy()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    assert ours[50, 50] == pytest.approx(0.2)


@pytest.mark.parametrize("family", [shepp_logan, phantom_face, ellipses, polygons])
def test_rows_are_alike_and_labels_mean_matter(family, labelled) -> None:
    p = family(size=32, rows=5, seed=1)
    labelled(p)
    assert (p.density == p.density[:, :1]).all()
    assert p.density.is_contiguous()
    assert family(size=16).density.shape == (16, 16, 16)


@pytest.mark.parametrize("family", [ellipses, polygons])
def test_seeds_and_grids(family, repeats, refines) -> None:
    repeats(family, size=32, rows=1)
    for seed in range(3):
        assert (
            refines(family, rows=1, seed=seed) < 0.12
        )  # spikes are thinner than a pixel of the coarse grid


def test_ellipses_number_and_place(stays_inside) -> None:
    for seed in range(12):
        p = ellipses(size=32, rows=32, seed=seed)
        inside = np.hypot(*(p.positions_px[:, [0, 2]].T)) <= 0.95 * 16
        assert 5 <= len(inside) <= 30
        assert inside.all()
        filled = np.argwhere(p.density[:, 0].numpy() > 0)
        assert (np.abs(filled - 15.5).max() - 0.5) <= 0.95 * 16
    with pytest.raises(UserError, match="n_min=9 and n_max=3"):
        ellipses(size=16, n_min=9, n_max=3)


def test_polygons_keep_the_published_ranges() -> None:
    """METHODS A: 3-60 / 3-100 / 3-20 corners, radius 20-50 / 20-30 / 15-25 (x 0.9-1.1), centre 128
    +- 10 %, the third a hole."""
    rng = generator(0)
    numbers = np.zeros(4)
    means: list[float] = []
    for _ in range(600):
        drawn = draw(rng)
        numbers[len(drawn)] += 1
        assert drawn[0].value == 1
        corners_px = drawn[0].corners * 256
        assert 3 <= len(corners_px) <= 60
        assert np.abs(corners_px).max() <= 2 * 55 + 12.8
        means.append(float(np.hypot(*corners_px.T).mean()))
        for polygon in drawn[1:]:
            last = polygon.value == 0
            assert len(polygon.corners) <= (20 if last else 100)
            assert np.abs(polygon.corners * 256).max() <= 2 * (27.5 if last else 33) + 12.8
        assert sum(p.value == 0 for p in drawn) <= 1
        assert all(p.value == 1 for p in drawn[:-1])
    np.testing.assert_allclose(numbers[1:] / 600, [0.25, 0.5, 0.25], atol=0.06)
    assert 33 < np.mean(means) < 38  # the mean radius is 35, seen from 128
    assert [r.radius_px for r in RECIPES] == [(20, 50), (20, 30), (15, 25)]
    assert [(r.irregularity, r.spikiness) for r in RECIPES] == [(0.5, 0.4), (0.5, 0.1), (0.5, 0.9)]


def test_a_polygons_area_is_the_shoelace_formulas() -> None:
    seed = next(s for s in range(50) if len(draw(generator(s))) == 1)
    z, x = draw(generator(seed))[0].corners.T
    area = abs(np.sum(z * np.roll(x, -1) - x * np.roll(z, -1))) / 2
    assert float(polygons(size=128, rows=1, seed=seed).density.sum()) == pytest.approx(
        area * 128**2, rel=0.01
    )
