"""Volumes by formula, shapes that fit, shells inside out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recon.errors import UserError
from recon.phantoms.core_shell import SILVER, core_shell
from recon.phantoms.nanoparticle import nanoparticle
from recon.phantoms.shapes import FORM, SHAPES, Shape, faces

PHI = (1 + math.sqrt(5)) / 2
PENTAGON = 5 / 2 * math.sin(2 * math.pi / 5)  # area over circumradius squared
CUT = 1 - 2 / 3 / 2  # where the tips of the regular truncated octahedron are cut


def prism(area: float, height: float) -> float:
    """Of a prism over a base of circumradius 1 and this area, height given as a share of the
    diameter, scaled to circumradius 1."""
    return area * 2 * height / (1 + height**2) ** 1.5


# Volume over the circumradius cubed.
VOLUMES = {
    "sphere": (0.0, 4 / 3 * math.pi),
    "cube": (0.0, 8 / 3**1.5),
    "rod": (0.5, math.pi * 0.25 + 4 / 3 * math.pi / 8),
    "octahedron": (0.0, 4 / 3),
    "truncated_octahedron": (
        2 / 3,
        (4 / 3 - 4 * (1 - CUT) ** 3) / (CUT**2 + (1 - CUT) ** 2) ** 1.5,
    ),
    "icosahedron": (0.0, 5 * (3 + math.sqrt(5)) / 12 * (4 / (PHI * math.sqrt(5))) ** 1.5),
    "decahedron": (0.0, (5 + math.sqrt(5)) / 12 * (2 * math.sin(math.pi / 5)) ** 3),
    "bipyramid": (0.0, 2 / 3 * PENTAGON / (2 + math.sqrt(3)) ** 2),
    "triangle_plate": (0.2, prism(3 * math.sqrt(3) / 4, 0.2)),
    "square_plate": (0.2, prism(2, 0.2)),
    "hexagon_plate": (0.2, prism(3 * math.sqrt(3) / 2, 0.2)),
}


@pytest.mark.parametrize("shape", VOLUMES)
def test_the_volume_is_the_formulas(shape: Shape) -> None:
    form, wanted = VOLUMES[shape]
    p = nanoparticle(
        size=48, shape=shape, form=form if shape in FORM else None, smoothing=0.0, scale=0.9
    )
    got = float(p.density.double().sum()) / (0.45 * 48) ** 3
    assert got == pytest.approx(wanted, rel=0.005 if shape == "sphere" else 0.02)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s not in ("sphere", "rod")])
def test_faces_point_outwards_and_the_centre_is_inside(shape: Shape) -> None:
    normals, offsets = faces(shape, FORM.get(shape, (0, 0))[1])
    np.testing.assert_allclose((normals**2).sum(1), 1)
    assert (offsets > 0).all()
    assert (offsets <= 1).all()
    np.testing.assert_allclose(normals.T @ normals, (normals.T @ normals).T)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_particle_leaves_the_box_and_edges_only_shrink(
    shape: Shape, stays_inside, labelled
) -> None:
    sharp, round_ = (
        nanoparticle(size=32, seed=2, shape=shape, smoothing=s, scale=0.95) for s in (0.0, 0.1)
    )
    stays_inside(sharp)
    labelled(sharp)
    assert (round_.density <= sharp.density).all()
    kept = float(round_.density.sum() / sharp.density.sum())
    assert kept == 1 if shape in ("sphere", "rod") else 0.75 < kept < 0.995


def test_the_position_is_the_centre_of_mass() -> None:
    p = nanoparticle(size=40, seed=4, shape="icosahedron", scale=0.75)
    d = p.density.numpy().astype(np.float64)
    line = np.arange(40) - 19.5
    mean = [np.average(line, weights=d.sum(tuple(b for b in range(3) if b != a))) for a in range(3)]
    assert p.positions_px is not None
    np.testing.assert_allclose(mean, p.positions_px[0], atol=0.05)
    assert np.abs(p.positions_px).max() > 0.5


def test_families_repeat_and_refine(repeats, refines) -> None:
    for family in (nanoparticle, core_shell):
        repeats(family, size=24)
        assert refines(family, seed=1) < 0.03


def test_drawn_shapes_cover_the_list() -> None:
    told = " ".join(nanoparticle(size=8, seed=s).history[0] for s in range(80))
    assert all(f" {shape}," in told for shape in SHAPES)


@pytest.mark.parametrize("seed", range(4))
def test_the_core_is_gold_inside_silver(seed: int, stays_inside, labelled) -> None:
    p = core_shell(size=32, seed=seed)
    stays_inside(p)
    labelled(p)
    assert p.elements is not None
    gold, silver = p.elements.numpy()
    np.testing.assert_allclose(p.density.numpy(), gold + SILVER * silver, atol=3e-6)
    assert ((p.labels.numpy() == 2) == (gold > silver))[gold + silver > 0.99].mean() > 0.99


def test_a_core_of_the_shells_shape_never_comes_to_the_surface() -> None:
    p = core_shell(size=32, shape="cube", core_shape="cube", core_scale=0.7, smoothing=0.0)
    assert p.elements is not None
    core, vacuum = p.elements[0].numpy() > 0, p.labels.numpy() == 0
    for axis in range(3):
        for step in (-1, 1):
            assert not (np.roll(core, step, axis) & vacuum).any()


def test_a_sphere_in_a_sphere_has_the_core_asked_for() -> None:
    p = core_shell(size=48, shape="sphere", core_shape="sphere", core_scale=0.6, scale=0.9)
    assert p.elements is not None
    gold, silver = p.elements.double().sum((1, 2, 3)).tolist()
    assert gold / (gold + silver) == pytest.approx(0.6**3, rel=0.01)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scale": 1.2}, "scale=1.2"),
        ({"smoothing": 0.5}, "smoothing"),
        ({"shape": "rod", "form": 0.01}, "form=0.01"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        nanoparticle(size=16, **options)


def test_the_core_never_changes_the_outline() -> None:
    """A ball of 0.9 of the enclosing sphere pokes out of a slim bipyramid, and is cut there."""
    solid = []
    for core in ("sphere", "octahedron"):
        p = core_shell(size=32, shape="bipyramid", core_shape=core, core_scale=0.9)
        assert p.elements is not None
        solid.append(p.elements.sum(0).numpy())
    np.testing.assert_allclose(solid[0], solid[1], atol=3e-6)
