"""The object refuses what cannot be, the renderer averages, rotations are uniform."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.phantoms import base
from recon.phantoms.base import VACUUM, Region, generator, line, random_rotation, render
from recon.phantoms.nanoparticle import nanoparticle
from recon.phantoms.shapes import body, stamp


def test_rotations_are_uniform() -> None:
    """On SO(3) every body axis points everywhere alike: mean 0, second moments 1/3, fourth moment
    1/5, angles 1 - cos."""
    rng = generator(5)
    turns = np.array([random_rotation(rng) for _ in range(2000)])
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    for axis in range(3):
        direction = turns[:, :, axis]
        assert np.abs(direction.mean(0)).max() < 4 * np.sqrt(1 / 3 / 2000)
        np.testing.assert_allclose(direction.T @ direction / 2000, np.eye(3) / 3, atol=0.03)
        np.testing.assert_allclose((direction**4).mean(0), 1 / 5, atol=0.03)
    # The mean trace is 0 for the uniform measure; quaternions from [0, 1]^4 give 0.9.
    assert abs(np.trace(turns, axis1=1, axis2=2).mean()) < 0.1


def test_a_voxel_is_the_average_over_its_points() -> None:
    """A half space at x < 0.1 of a box of 8: voxel 4 (0 to 0.125) holds 2 of 3 points (at 0.021,
    0.0625, not 0.104)."""

    def regions_at(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.broadcast_to(x < 0.1, (z.size, y.size, x.size)).astype(np.uint8)

    done = render(regions_at, [VACUUM, Region(1, 0.6, 7, (0.5,))], (8, 8, 8), (3, 3, 3))
    np.testing.assert_allclose(done.density[2, 3], [0.6] * 4 + [0.4] + [0] * 3, atol=1e-6)
    np.testing.assert_array_equal(done.labels[2, 3], [1] * 5 + [0] * 3)
    assert done.instances is not None
    assert done.elements is not None
    np.testing.assert_array_equal(done.instances[2, 3], [7] * 5 + [0] * 3)
    np.testing.assert_allclose(done.elements[0, 2, 3], [0.5] * 4 + [1 / 3] + [0] * 3, atol=1e-6)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nanoparticle(size=20, seed=1)
    monkeypatch.setattr(base, "BLOCK_POINTS", 1)
    assert torch.equal(nanoparticle(size=20, seed=1).density, whole.density)


def test_a_body_lands_where_it_is_put() -> None:
    centre = np.array([0.1, -0.2, 0.25])
    ids = np.zeros((48, 48, 48), np.uint8)
    axis = line(48)
    stamp(ids, axis, axis, axis, body("sphere", 0, radius=0.1, centre=centre, turn=np.eye(3)), 1)
    found = np.array([axis[i].mean() for i in np.nonzero(ids)])
    np.testing.assert_allclose(found, centre, atol=0.005)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"density": torch.zeros(8, 8)}, "float32"),
        ({"density": torch.full((8, 8, 8), -1.0)}, ">= 0"),
        ({"density": torch.full((8, 8, 8), torch.nan)}, "finite"),
        ({"labels": torch.zeros(8, 8, 8)}, "labels"),
        ({"instances": torch.zeros(4, 8, 8, dtype=torch.int32)}, "instances"),
        ({"elements": torch.zeros(2, 8, 8, 8)}, "elements"),
        ({"positions_px": np.zeros((2, 2))}, "positions"),
        ({"voxel_nm": 0.0}, "voxel size"),
    ],
)
def test_an_invalid_phantom_cannot_exist(change: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        replace(nanoparticle(size=8), **change)


@pytest.mark.parametrize("size", [0, 4, -3])
def test_a_phantom_of_nothing_is_a_sentence(size: int) -> None:
    with pytest.raises(UserError, match="at least 8 wanted"):
        nanoparticle(size=size)


def test_a_phantom_larger_than_memory_names_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "free_gb", lambda: 3.0)
    with pytest.raises(
        UserError, match=r"1000 x 1000 x 1000 voxels needs 1\d\.\d GB and 3\.0 GB are free"
    ):
        nanoparticle(size=1000)


def test_a_negative_seed_is_a_sentence() -> None:
    with pytest.raises(UserError, match="seed=-1"):
        nanoparticle(size=8, seed=-1)


def test_the_volume_keeps_voxel_and_history() -> None:
    volume = nanoparticle(size=16, box_nm=32.0).volume
    assert volume.voxel_nm == 2.0
    assert "seed 0" in volume.history[0]
