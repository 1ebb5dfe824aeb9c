"""Element maps: what detectors see, what they count, what the specimen swallows."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from recon.errors import UserError
from recon.phantoms.core_shell import core_shell
from recon.phantoms.nanoparticle import nanoparticle
from recon.simulate.edx import acquire_edx, self_absorbed, shadowing
from recon.simulate.goniometer import Goniometer
from recon.simulate.views import Views

FAMILY = functools.partial(core_shell, size=24, shape="sphere", core_shape="sphere")
VIEWS = Views(step_deg=22.0)
STILL = {
    "views": VIEWS,
    "stage": Goniometer(drift_px=0.0, axis_deg=0.0),
    "continuum": 0.0,
}


def test_shadowing_is_a_share_and_the_two_sides_mirror_each_other() -> None:
    seen = shadowing(np.linspace(-75, 75, 31))
    assert seen.min() == 0
    assert seen.max() == 1
    np.testing.assert_allclose(
        seen, seen[::-1][:, [1, 0, 3, 2]], atol=1e-12
    )  # azimuths phi and 180 - phi change places
    np.testing.assert_allclose(seen[:, 0], seen[:, 3], atol=1e-12)  # phi and -phi see alike


def test_a_detector_on_the_side_that_rises_sees_more() -> None:
    """Tilting by t > 0 takes the specimen's normal towards +x: the detector at azimuth 45 comes
    into sight, that at 135 leaves it."""
    seen = shadowing(np.arange(0.0, 76.0, 5.0))
    assert (np.diff(seen[:, 0]) >= -1e-12).all()
    assert (np.diff(seen[:, 1]) <= 1e-12).all()
    assert seen[0].min() > 0.9
    assert seen[-1, 0] == 1
    assert seen[-1, 1] == 0


def test_thick_matter_keeps_its_own_x_rays() -> None:
    mass = np.array([0.0, 1e-3, 10.0, 1e6])
    left = self_absorbed(mass, 0.01)
    assert left[0] == 1
    assert left[1] == pytest.approx(
        1 - 0.01 * 1e-3 / np.sin(np.deg2rad(18)) / 2, rel=1e-6
    )  # half of it on the way, on average
    assert (np.diff(left) < 0).all()
    assert left[3] * 0.01 * 1e6 / np.sin(np.deg2rad(18)) == pytest.approx(1)
    np.testing.assert_array_equal(self_absorbed(mass, 0.0), 1)


def test_counts_are_the_elements_mass_times_the_detectors_share() -> None:
    sample = acquire_edx(FAMILY, element="Ag", counts_per_nm=50.0, **STILL)
    mass = float(sample.truth.data.double().sum()) * sample.truth.voxel_nm
    expected = mass * shadowing(sample.geometry.angles_deg).mean(1)
    np.testing.assert_allclose(sample.series.data.double().sum((1, 2)), expected, rtol=0.01)
    np.testing.assert_array_equal(sample.applied.collected, shadowing(sample.geometry.angles_deg))


def test_counts_are_whole_and_poisson() -> None:
    first, second = (
        acquire_edx(FAMILY, element="Au", seed=s, counts_per_nm=1.0, **STILL).series.data.double()
        for s in (1, 2)
    )
    assert bool((first == first.round()).all())
    assert float(((first - second) ** 2).sum() / (first + second).sum()) == pytest.approx(
        1, abs=0.08
    )


def test_the_continuum_comes_from_all_matter_and_absorption_takes() -> None:
    plain, more, less = (
        acquire_edx(FAMILY, element="Au", **{**STILL, "counts_per_nm": 50.0, **o})
        .series.data.double()
        .sum()
        for o in ({}, {"continuum": 0.5}, {"absorption_per_nm": 0.02})
    )
    density = FAMILY().density.double().sum()
    gold = FAMILY().elements[0].double().sum()
    assert float(more / plain) == pytest.approx(float(1 + 0.5 * density / gold), rel=0.02)
    assert float(less) < 0.7 * float(plain)


def test_all_channels_share_the_stage_and_have_noise_of_their_own() -> None:
    options = {"views": VIEWS, "stage": Goniometer(tilt_error_deg=0.3), "seed": 5}
    gold, silver, dark = (acquire_edx(FAMILY, element=e, **options) for e in ("Au", "Ag", "HAADF"))
    for other in (silver, dark):
        np.testing.assert_array_equal(gold.geometry.shifts_px, other.geometry.shifts_px)
        np.testing.assert_array_equal(gold.geometry.angles_deg, other.geometry.angles_deg)
    assert gold.series.data.shape == dark.series.data.shape
    assert not gold.series.data.equal(silver.series.data)
    assert acquire_edx(FAMILY, **options).series.data.equal(gold.series.data)  # the first


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"element": "Pt"}, "Au, Ag or HAADF"),
        ({"counts_per_nm": 0.0}, "positive"),
        ({"continuum": -1.0}, "0 to 10"),
        ({"views": 3}, "simulate.views.scheme"),
    ],
)
def test_what_cannot_be_counted_is_a_sentence(options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        acquire_edx(FAMILY, **options)


def test_a_phantom_without_elements_is_a_sentence() -> None:
    with pytest.raises(UserError, match="no elements"):
        acquire_edx(functools.partial(nanoparticle, size=16))
