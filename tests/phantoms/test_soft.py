"""Vesicles, quantum dots and the crumpled film."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from recon.errors import UserError
from recon.phantoms.polyamide_film import polyamide_film
from recon.phantoms.quantum_dot import ELEMENTS, quantum_dot
from recon.phantoms.vesicles import vesicles

VOLUME = {"size": 48, "box_nm": 100.0}


def test_vesicles_are_closed_and_things_do_not_overlap() -> None:
    p = vesicles(**VOLUME, seed=2, n_vesicles=3, n_proteins=10)
    assert p.instances is not None
    assert p.positions_px is not None
    labels, instances = p.labels.numpy(), p.instances.numpy()
    n_vesicles = instances[labels == 1].max() - 1  # and the sheet
    assert n_vesicles >= 1
    outside = ndimage.label(labels != 1)[0]
    for number in range(1, n_vesicles + 1):
        where = np.argwhere(instances == number)
        middle = tuple(np.round(where.mean(0)).astype(int))
        assert labels[middle] == 0  # the lumen
        assert (
            len({outside[middle], outside[0, 0, 0], outside[-1, 0, 0]}) == 3
        )  # the sheet parts the ice above and below it
    assert (instances[labels == 2] > n_vesicles + 1).all()
    assert len(set(instances[labels == 2])) == len(p.positions_px)
    for number, position in enumerate(p.positions_px, n_vesicles + 2):
        np.testing.assert_allclose(
            np.argwhere(instances == number).mean(0) - 23.5, position, atol=1.0
        )


def test_a_membrane_is_five_nanometres_thick() -> None:
    """The sheet's volume over its area; it slopes by less than a fifth, so its area is its shadow
    to 2 %."""
    p = vesicles(size=48, box_nm=60.0, seed=1, n_vesicles=0, n_proteins=0)
    thickness = (p.density.numpy() > 0).sum(0).mean() * p.voxel_nm  # with partly filled voxels
    assert 5.0 < thickness < 5.0 + 2.5 * p.voxel_nm
    mass = p.density.double().sum(0).mean().item() * p.voxel_nm
    assert mass == pytest.approx(2 * 1.5 * 1.0 + 2.0 * 0.35, rel=0.06)


def test_every_second_protein_stands_on_a_vesicle() -> None:
    p = vesicles(size=48, seed=0, n_vesicles=4, n_proteins=30)
    assert p.instances is not None
    assert p.positions_px is not None
    distance = ndimage.distance_transform_edt(p.labels.numpy() != 1)
    near = [
        distance[tuple(np.round(q + 23.5).astype(int))] * p.voxel_nm < 10 for q in p.positions_px
    ]
    assert 0.3 < np.mean(near) < 0.8


def test_soft_families_repeat_on_finer_grids(refines) -> None:
    assert refines(quantum_dot, seed=1) < 0.02
    assert refines(polyamide_film, seed=1) < 0.13  # a skin of one coarse voxel
    assert (
        refines(vesicles, seed=1, box_nm=60.0) < 0.12
    )  # membranes thinner than a coarse voxel's layers


@pytest.mark.parametrize("seed", range(3))
def test_the_dot_is_wrapped_twice(seed: int) -> None:
    p = quantum_dot(size=40, seed=seed)
    labels = p.labels.numpy()
    assert not (ndimage.binary_dilation(labels == 3) & (labels <= 1)).any()  # InP meets ZnSe only
    assert not (
        ndimage.binary_dilation(labels == 2) & (labels == 0)
    ).any()  # ZnSe never the surface
    assert (labels == 3).any()


def test_the_dots_channels_are_stoichiometric() -> None:
    p = quantum_dot(size=40, seed=1)
    assert p.element_names == ("In", "P", "Zn", "Se", "S")
    assert p.elements is not None
    indium, phosphorus, zinc, selenium, sulphur = p.elements.numpy()
    np.testing.assert_array_equal(indium, phosphorus)
    np.testing.assert_allclose(zinc, selenium + sulphur, atol=3e-6)
    assert sulphur.max() == pytest.approx(1)
    assert selenium.max() == pytest.approx((0.5410 / 0.5668) ** 3, abs=1e-5)
    # The density is the HAADF contrast of the channels.
    weight = np.array([z**1.7 for z in ELEMENTS.values()])
    contrast = np.tensordot(weight, p.elements.double().numpy(), 1)
    np.testing.assert_allclose(p.density.numpy(), contrast / contrast.max(), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_film_is_one_piece_with_voids_beneath(seed: int) -> None:
    labels = polyamide_film(size=48, seed=seed, n_pores=0).labels.numpy()
    solid = labels > 0
    parts = ndimage.label(solid)[0]
    assert np.bincount(parts.ravel())[1:].max() > 0.98 * solid.sum()
    empty = ndimage.label(~solid)[0]
    below, above = empty[0, 24, 24], empty[-1, 24, 24]
    assert below != above
    voids = ~solid & (empty != below) & (empty != above)
    assert 0.4 < voids.sum() / solid.sum() < 1.5
    # Crumpled: seen along z, the skin reaches from the base to the crests.
    top = 47 - (labels[::-1] == 2).argmax(0)
    assert np.ptp(top) > 0.25 * 48
    # Films cross the box in y and x.
    assert solid[:, 0].any()
    assert solid[:, :, -1].any()


def test_the_skin_is_as_thick_as_asked() -> None:
    """Volume over half of the surface: twice the thickness, twice the volume on the same
    surface."""
    thin, thick = (polyamide_film(size=40, seed=1, n_pores=0, thickness_nm=t) for t in (8.0, 16.0))
    assert float(thick.density.sum() / thin.density.sum()) == pytest.approx(2, rel=0.1)
    base = (thick.labels.numpy() == 1)[:, 20, 20].sum() * thick.voxel_nm
    assert base == pytest.approx(16, abs=thick.voxel_nm)


def test_overhang_zero_is_a_height_field_and_more_hangs_over() -> None:
    def hanging(overhang: float) -> float:
        """Share of columns that the skin is met more than once in."""
        skin = polyamide_film(size=40, seed=1, overhang=overhang, n_pores=0).labels.numpy() == 2
        return float(((np.diff(skin.astype(np.int8), axis=0) == 1).sum(0) > 1).mean())

    assert hanging(0.0) < 0.02
    assert hanging(1.0) > 0.1


def test_pores_take_matter_away() -> None:
    solid, porous = (polyamide_film(size=40, seed=1, n_pores=n) for n in (0, 2000))
    assert 0.7 < float(porous.density.sum() / solid.density.sum()) < 0.999


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: polyamide_film(size=16, thickness_nm=100.0), "thickness_nm=100"),
        (lambda: vesicles(size=16, n_vesicles=-1), "n_vesicles=-1"),
        (lambda: quantum_dot(size=16, core_share=2.0), "core_share=2"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, says: str) -> None:
    with pytest.raises(UserError, match=says):
        call()
