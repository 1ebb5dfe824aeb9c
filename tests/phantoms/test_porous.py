"""Foam, porous silica, catalysts and block copolymers hold the fractions asked for, and their parts
are where they should be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recon.errors import UserError
from recon.phantoms.base import generator, line
from recon.phantoms.block_copolymer import block_copolymer
from recon.phantoms.foam import HALF_HEIGHT, RADIUS, foam
from recon.phantoms.porous_silica import porous_silica
from recon.phantoms.supported_catalyst import supported_catalyst
from recon.phantoms.waves import Waves, random_waves, spread


def test_waves_on_lines_are_waves_at_points() -> None:
    wave = random_waves(generator(1), 9, 0.1, 0.4)
    z, y, x = line(5), line(4), line(6)
    points = np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1)
    np.testing.assert_allclose(
        wave(z, y, x), wave.at(points.reshape(-1, 3)).reshape(5, 4, 6), atol=1e-12
    )
    one = Waves(np.array([[0.0, 0.0, 2.0]]), np.zeros(1), np.ones(1))
    np.testing.assert_allclose(one(z, y, np.array([0, 0.125, 0.25]))[0, 0], [1, 0, -1], atol=1e-12)


def test_random_fields_have_their_moments_and_wavelengths() -> None:
    values, lengths = [], []
    for seed in range(20):
        wave = random_waves(generator(seed), 64, 0.1, 0.2)
        values.append(wave.at(spread(2000)))
        lengths.append(1 / np.sqrt((wave.k**2).sum(1)))
    assert np.mean(values) == pytest.approx(0, abs=0.03)
    assert np.std(values) == pytest.approx(1, abs=0.03)
    assert 0.1 <= np.min(lengths) < 0.105
    assert 0.19 < np.max(lengths) <= 0.2


def test_spread_points_fill_the_box_evenly() -> None:
    points = spread(8000)
    counts = np.histogramdd(points, bins=(4, 4, 4), range=[(-0.5, 0.5)] * 3)[0]
    assert counts.sum() == 8000
    assert counts.std() < 0.1 * counts.mean()  # random points: 0.09 * sqrt(125) / 11 each


@pytest.mark.parametrize("porosity", [0.3, 0.6])
def test_silica_is_as_porous_as_asked(porosity: float) -> None:
    p, full = (
        porous_silica(size=40, seed=2, porosity=v).density.double().sum() for v in (porosity, 0.05)
    )
    assert float(1 - p / (full / 0.95)) == pytest.approx(porosity, abs=0.01)


def test_pores_and_silica_are_both_connected() -> None:
    solid = porous_silica(size=48, seed=1).labels.numpy() > 0
    parts, _ = ndimage.label(solid)
    assert np.bincount(parts.ravel())[1:].max() > 0.95 * solid.sum()
    pores, _ = ndimage.label(~solid)
    assert np.bincount(pores.ravel()).max() > 0.95 * (~solid).sum()


def test_bubbles_are_round_apart_and_inside() -> None:
    p = foam(size=48, seed=1, n_bubbles=40, smallest=0.05, largest=0.1)
    assert p.positions_px is not None
    z, y, x = (p.positions_px / 48).T
    assert (np.hypot(z, x) < RADIUS - 0.05).all()
    assert (np.abs(y) < HALF_HEIGHT - 0.05).all()
    at = tuple(np.round(p.positions_px + 23.5).astype(int).T)
    assert (p.density.numpy()[at] == 0).all()
    # Equal bubbles: their centres keep apart, and what is missing from the pillar is exactly so
    # many balls.
    equal = foam(size=48, seed=1, n_bubbles=30, smallest=0.09, largest=0.09)
    assert equal.positions_px is not None
    gaps = np.sqrt(((equal.positions_px[:, None] - equal.positions_px) ** 2).sum(2)) + 1e9 * np.eye(
        len(equal.positions_px)
    )
    assert gaps.min() > 2 * 0.09 * 48
    balls = len(equal.positions_px) * 4 / 3 * np.pi * 0.09**3
    assert float(equal.density.double().mean()) == pytest.approx(
        np.pi * RADIUS**2 * 2 * HALF_HEIGHT - balls, rel=0.01
    )


@pytest.mark.parametrize("morphology", ["gyroid", "lamellae", "cylinders"])
@pytest.mark.parametrize("fraction", [0.2, 0.35])
def test_the_block_has_the_fraction_asked_for(morphology: str, fraction: float) -> None:
    p = block_copolymer(
        size=40, seed=1, morphology=morphology, fraction=fraction, thickness=0.8, period=0.2
    )
    density = p.density.double().numpy()[8:32]  # well inside the section
    assert ((density - 0.4) / 0.6).mean() == pytest.approx(fraction, abs=0.02)
    assert set(np.unique(p.labels.numpy())) == {0, 1, 2}
    section = (p.labels.numpy() > 0).mean((1, 2))
    assert section.mean() == pytest.approx(0.8, abs=0.03)


def test_the_gyroids_networks_are_two_and_never_meet() -> None:
    p = block_copolymer(size=48, seed=3, fraction=0.3, period=0.5, thickness=0.95)
    assert p.instances is not None
    instances = p.instances.numpy()
    one, two = instances == 1, instances == 2
    assert one.sum() == pytest.approx(two.sum(), rel=0.1)
    assert not (ndimage.binary_dilation(one) & two).any()
    assert np.bincount(ndimage.label(one)[0].ravel())[1:].max() > 0.9 * one.sum()


def test_the_lamellae_repeat_over_their_period() -> None:
    p = block_copolymer(size=48, seed=0, morphology="lamellae", period=0.2, thickness=0.95)
    middle = p.density.double().numpy()[8:40, 8:40, 8:40]
    spectrum = np.abs(np.fft.fftn(middle - middle.mean(), (96,) * 3, axes=(0, 1, 2)))
    peak = np.array(np.unravel_index(spectrum.argmax(), spectrum.shape))
    frequency = np.linalg.norm(np.minimum(peak, 96 - peak)) / 96
    assert 1 / (frequency * 48) == pytest.approx(0.2, rel=0.05)


def test_particles_sit_on_the_support_and_do_not_touch() -> None:
    p = supported_catalyst(size=48, seed=1, n_particles=20, diameter_nm=8.0)
    assert p.positions_px is not None
    assert p.instances is not None
    instances, labels = p.instances.numpy(), p.labels.numpy()
    assert len(p.positions_px) == 20
    for number, position in enumerate(p.positions_px, 1):
        mine = instances == number
        assert mine.any()
        np.testing.assert_allclose(np.argwhere(mine).mean(0) - 23.5, position, atol=1.0)
        ring = ndimage.binary_dilation(mine, iterations=2) & ~mine
        assert (labels[ring] == 1).any()  # support beside it
        assert (labels[ring] == 0).any()  # and air
    assert (labels[instances > 0] == 2).all()
    widths = np.cbrt(6 / np.pi * np.bincount(instances.ravel())[1:]) * p.voxel_nm
    assert 4 < widths.mean() < 8


def test_a_crowd_of_particles_keeps_apart() -> None:
    """The smallest have 0.55 of the mean radius, and centres are 1.1 times two radii apart."""
    p = supported_catalyst(size=16, seed=1, n_particles=200, diameter_nm=8.0)
    assert p.positions_px is not None
    gaps_nm = np.sqrt(
        ((p.positions_px[:, None] - p.positions_px) ** 2).sum(2)
    ) * p.voxel_nm + 1e9 * np.eye(len(p.positions_px))
    assert len(p.positions_px) > 100
    assert gaps_nm.min() > 1.1 * 0.548 * 8.0


def test_the_support_is_as_porous_as_asked() -> None:
    solid, full = (
        float(supported_catalyst(size=40, seed=2, n_particles=0, porosity=v).density.double().sum())
        for v in (0.5, 0.0)
    )
    assert 1 - solid / full == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("family", [foam, porous_silica, supported_catalyst, block_copolymer])
def test_a_finer_grid_shows_the_same_specimen(family, refines) -> None:
    assert (
        refines(family, seed=1) < 0.13
    )  # catalysts and foams hold things smaller than a coarse voxel


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: foam(size=16, smallest=0.3, largest=0.1), "smallest=0.3"),
        (lambda: porous_silica(size=16, porosity=1.0), "porosity=1.0"),
        (lambda: supported_catalyst(size=16, diameter_nm=90.0), "diameter_nm=90"),
        (lambda: block_copolymer(size=16, fraction=0.0), "fraction=0"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, says: str) -> None:
    with pytest.raises(UserError, match=says):
        call()
