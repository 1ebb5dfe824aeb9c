"""A recorded phantom: mass, statistics, and everything that was applied can be undone."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from recon.align.resample import resample
from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.nanoparticle import nanoparticle
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.simulate.acquire import acquire
from recon.simulate.detector import cosmic_rays, electrons

FAMILY = functools.partial(nanoparticle, size=32, shape="sphere", scale=0.6)
CLEAN = {
    "dark_level": 0.0,
    "read_noise": 0.0,
    "cosmic_rays_per_view": 0.0,
    "step_deg": 6.0,
    "dose_e_nm2": 1e7,
    "free_path_nm": 1e5,
}


def test_a_projections_sum_is_the_volumes_whatever_the_tilt() -> None:
    sample = acquire(FAMILY, drift_px=0.0, axis_deg=0.0, **CLEAN)
    mass = float(sample.truth.data.double().sum()) * sample.truth.voxel_nm
    assert sample.series.data.double().sum((1, 2)).numpy() == pytest.approx(mass, rel=0.01)


def test_undoing_what_was_applied_gives_the_projections_of_the_truth() -> None:
    sample = acquire(FAMILY, drift_px=2.0, axis_deg=80.0, seed=3, **CLEAN)
    known = TiltSeries(sample.series.data, sample.geometry)
    aligned = resample(known).data
    A = NativeProjector(Geometry(sample.geometry.angles_deg, None), (32, 32), 32)
    expected = A(sample.truth.data) * sample.truth.voxel_nm
    assert float((aligned - expected).norm() / expected.norm()) < 0.05


def test_thick_matter_saturates() -> None:
    """1 - exp(-t): twice the mass scatters less than twice as much."""
    thin, thick = (acquire(FAMILY, drift_px=0.0, **{**CLEAN, "free_path_nm": path}).series.data.max() for path in (2000.0, 20.0))
    assert float(thick / thin) < 0.8 * 100


def test_bright_field_counts_what_dark_field_does_not() -> None:
    options = {**CLEAN, "free_path_nm": 50.0, "drift_px": 0.0}
    dark, bright = (acquire(FAMILY, contrast=c, **options) for c in ("haadf", "bright_field"))
    incident = CLEAN["dose_e_nm2"] * dark.series.geometry.pixel_nm**2
    assert (dark.series.data + bright.series.data).numpy() == pytest.approx(incident, rel=0.01)


def test_counts_have_the_variance_of_their_mean() -> None:
    rng = np.random.default_rng(0)
    counts = electrons(np.full((100, 100, 20), 7.5), rng)
    assert counts.mean() == pytest.approx(7.5, rel=0.01)
    assert counts.var() == pytest.approx(7.5, rel=0.02)
    assert electrons(np.zeros((2, 2, 2)), rng).sum() == 0


def test_cosmic_rays_are_as_many_as_asked() -> None:
    hit = cosmic_rays(np.zeros((400, 16, 16)), 0.5, 9.0, np.random.default_rng(0))
    assert (hit > 0).sum() == pytest.approx(200, rel=0.25)


def test_a_seed_is_a_series() -> None:
    first, again, other = (acquire(FAMILY, step_deg=12.0, seed=s).series.data for s in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize(
    "options", [{"dose_e_nm2": 0.0}, {"free_path_nm": -1.0}, {"drift_px": -1.0}, {"max_tilt_deg": 120.0}, {"read_noise": -1.0}]
)
def test_what_no_microscope_can_do_is_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError):
        acquire(FAMILY, **options)
