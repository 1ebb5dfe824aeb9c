"""Distances between atoms are those of the crystal, the twin is a mirror image, and an atom's
density is where the atom is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from recon.phantoms import atoms as atoms_module
from recon.phantoms.atoms import CLOSEST_NM, GOLD_NM, atoms

SMALL = {"size": 48, "box_nm": 3.2}


def nearest_nm(positions_px: np.ndarray, voxel_nm: float, k: int = 1) -> np.ndarray:
    return cKDTree(positions_px * voxel_nm).query(positions_px * voxel_nm, k + 1)[0][:, 1:]


@pytest.mark.parametrize("twin", [True, False])
def test_golds_nearest_neighbours_are_288_pm_apart(twin: bool) -> None:
    p = atoms(**SMALL, twin=twin, seed=2)
    assert p.positions_px is not None
    found = nearest_nm(p.positions_px, p.voxel_nm, 12)
    np.testing.assert_allclose(found[:, 0], GOLD_NM / np.sqrt(2), atol=1e-6)
    twelve = np.isclose(found[:, 11], GOLD_NM / np.sqrt(2), atol=1e-6)
    assert twelve.mean() > 0.3  # all but the surface, across the twin plane too
    volume = 2.54 * 1.315**3  # of the truncated octahedron, to within its surface layer
    assert len(found) == pytest.approx(4 / GOLD_NM**3 * volume, rel=0.45)


def test_a_twin_is_its_own_mirror_image_and_a_crystal_is_not() -> None:
    """Turned back by the plane through most atoms: the positions' covariance cannot tell, so try
    all 111 planes of the lattice."""

    def mirrors(positions: np.ndarray) -> int:
        centred = positions - positions.mean(0)
        tree, count = cKDTree(centred), 0
        # A mirror plane's normal joins an atom to its image.
        pairs = centred[:, None] - centred[None, :40]
        normals = pairs.reshape(-1, 3)
        normals = normals[np.linalg.norm(normals, axis=1) > 1e-6]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals = np.unique(
            np.round(normals * np.sign(normals @ [1, 0.3, 0.1])[:, None], 4), axis=0
        )
        probe = centred[:: max(1, len(centred) // 25)]
        for n in normals:
            image = probe - 2 * (probe @ n)[:, None] * n
            if (
                tree.query(image)[0].max() < 0.02
                and tree.query(centred - 2 * (centred @ n)[:, None] * n)[0].max() < 0.02
            ):
                count += 1
        return count

    small = {"size": 16, "box_nm": 2.2, "seed": 1}
    crystal, twin = (atoms(**small, twin=t).positions_px for t in (False, True))
    # The cubic group has nine mirror planes; a spinel twin keeps three of them and gains the twin
    # plane.
    assert mirrors(crystal) == 9
    assert mirrors(twin) == 4


def test_amorphous_atoms_keep_their_distance_and_have_no_lattice() -> None:
    p = atoms(**SMALL, structure="amorphous", seed=1)
    assert p.positions_px is not None
    found = nearest_nm(p.positions_px, p.voxel_nm, 12)
    assert found.min() >= CLOSEST_NM - 1e-9
    assert found[:, 11].std() > 0.01
    radius_nm = 0.8 * 3.2 / 2 - 0.15
    assert np.linalg.norm(p.positions_px * p.voxel_nm, axis=1).max() <= radius_nm + 1e-6
    assert len(found) / (4 / 3 * np.pi * radius_nm**3) > 40  # atoms / nm^3: dense


def test_atoms_without_room_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atoms_module, "PER_NM3", 200.0)
    p = atoms(size=16, box_nm=2.0, structure="amorphous")
    assert p.positions_px is not None
    assert nearest_nm(p.positions_px, p.voxel_nm).min() >= CLOSEST_NM - 1e-6


@pytest.mark.parametrize("structure", ["fcc", "amorphous"])
def test_the_density_is_atoms_at_their_positions(structure: str, stays_inside) -> None:
    p = atoms(**SMALL, structure=structure, seed=4)
    assert p.positions_px is not None
    assert p.instances is not None
    density, instances, labels = p.density.double().numpy(), p.instances.numpy(), p.labels.numpy()
    one = (2 * np.pi) ** 1.5 * (0.05 / p.voxel_nm) ** 3
    assert density.sum() == pytest.approx(one * len(p.positions_px), rel=1e-3)
    assert density.max() <= 1
    voxels = np.argwhere(instances > 0)
    np.testing.assert_array_equal(instances > 0, labels > 0)
    owner = instances[tuple(voxels.T)]
    distance, nearest = cKDTree(p.positions_px).query(voxels - 23.5)
    assert (owner == nearest + 1).mean() > 0.999
    assert distance.max() < 2.5 * 0.05 / p.voxel_nm
    assert set(owner) == set(range(1, len(p.positions_px) + 1))
    for number in range(1, len(p.positions_px), 40):
        mine = np.argwhere(instances == number)
        centre = np.average(mine - 23.5, axis=0, weights=density[tuple(mine.T)])
        np.testing.assert_allclose(centre, p.positions_px[number - 1], atol=0.25)
    assert (labels[[0, -1]] == 0).all()


def test_a_finer_grid_shows_the_same_atoms(refines) -> None:
    assert refines(atoms, seed=1, box_nm=2.0) < 1e-4  # the voxel averages are exact
