"""A film's matter grows as 1 / cos, its grains project to Gaussians, and bars hide what they
should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.simulate.applied import Applied, recorded_positions
from recon.simulate.film import (
    Film,
    Grains,
    bar_transmission,
    field_in_view,
    grain_mass,
    grain_voxels,
    random_grains,
    slab_length,
)

ANGLES = np.array([-60.0, 0.0, 45.0])


def test_a_slab_is_longer_by_one_over_the_cosine() -> None:
    assert [slab_length(50.0, a) for a in (0, 60, -60)] == pytest.approx([50, 100, 100])
    with pytest.raises(UserError, match="89"):
        slab_length(50.0, 90.0)


def test_grains_project_as_their_voxels_do() -> None:
    grains = Grains(
        np.array([[3.0, -2.0, 6.0], [-4.0, 5.0, -3.0]]), np.array([3.0, 4.0]), np.array([1.0, -0.5])
    )
    voxels = torch.from_numpy(grain_voxels((48, 48, 48), grains, 1.0))
    geometry = Geometry(ANGLES, 1.0)
    expected = NativeProjector(geometry, (48, 48), 48)(voxels).numpy()
    where = recorded_positions(grains.centre_nm, geometry, Applied.nothing(3), (48, 48))
    amount = grains.density * grains.sigma_nm * np.sqrt(2 * np.pi)
    for view in range(3):
        drawn = grain_mass((48, 48), where[view], grains.sigma_nm, amount)
        assert np.abs(drawn - expected[view]).max() < 0.03 * amount[0]


def test_grains_stay_in_the_film_and_have_the_contrast_asked_for() -> None:
    grains = random_grains(np.random.default_rng(0), 8000.0, 150.0, (1000.0, 1000.0), 0.4)
    assert grains.sigma_nm.size == 8000
    assert (np.abs(grains.centre_nm[:, 0]) <= 75).all()
    ordinary = grains.density < 1.6
    assert grains.density[ordinary].std() == pytest.approx(0.4, rel=0.05)
    assert (
        random_grains(np.random.default_rng(0), 8000.0, 150.0, (1000.0, 1000.0), 0.0).density.any()
        == np.False_
    )


@pytest.mark.parametrize("axis_deg", [0.0, 85.3])
def test_a_bar_comes_in_at_its_tilt_from_either_side(axis_deg: float) -> None:
    angles = np.arange(-70.0, 71.0, 1.0)
    geometry, film = Geometry(angles, 1.0, axis_deg), Film(bar_from_deg=60.0, bar_nm=300.0)
    applied = Applied.nothing(angles.size)
    hidden = np.array(
        [
            1 - bar_transmission(film, (65, 65), geometry, applied, v, 0.1).mean()
            for v in range(angles.size)
        ]
    )
    assert hidden[np.abs(angles) <= 58].max() < 1e-3
    # Beyond it the shadow only grows; its width follows from equation (1).
    assert (np.diff(hidden[(angles >= 60) & (angles <= 65)]) > 0).all()
    assert hidden[angles >= 66] == pytest.approx(1)
    assert hidden == pytest.approx(hidden[::-1])
    if axis_deg == 0:
        edge = (32.5 + 300 * np.sin(np.pi / 3)) / 0.5 * np.cos(np.deg2rad(64)) - 300 * np.sin(
            np.deg2rad(64)
        )
        assert hidden[angles == 64] == pytest.approx((32.5 - edge) / 65, abs=0.01)
        passed = bar_transmission(
            film, (65, 65), geometry, applied, int(np.flatnonzero(angles == 64)[0])
        )
        assert passed[:, 0].min() > 0.99
        assert passed[:, -1].max() < 0.01


def test_no_bar_hides_nothing() -> None:
    assert (
        bar_transmission(Film(), (8, 8), Geometry(ANGLES, 1.0), Applied.nothing(3), 0) == 1
    ).all()


def test_the_field_holds_whatever_a_tilted_view_shows() -> None:
    """Points of the film that project into the view at 60 degrees: |x cos + z sin| < w / 2 with |z|
    < t / 2."""
    assert field_in_view(100.0, 60.0, 20.0) / 2 == pytest.approx(
        (50 + 10 * np.sin(np.pi / 3)) / 0.5
    )


@pytest.mark.parametrize(
    "options", [{"thickness_nm": -1.0}, {"density": np.nan}, {"bar_from_deg": 0.0}, {"bar_nm": 0.0}]
)
def test_impossible_films_are_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="wanted"):
        Film(**options)
