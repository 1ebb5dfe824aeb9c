"""Binned views ask the same question: the same volume on larger voxels answers it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.tv import TV, tv
from recon.algorithms.wbp import WBP
from recon.geometry import Geometry
from recon.projectors.masked import MaskedProjector, masked
from recon.projectors.native import NativeProjector
from recon.simulate.ellipsoids import catalyst, project_ellipsoids
from recon.stage import Method
from recon.trust.coarse import coarse, factor_of, noise_of_coarse
from recon.trust.measures import withheld_error
from recon.trust.standard import standard

ANGLES = np.arange(-60.0, 61.0, 4.0)
N, NOISE = 256, 20.0


@pytest.fixture(scope="module")
def scene() -> tuple[NativeProjector, torch.Tensor]:
    """A catalyst of 256 columns, 16 rows of it, with the axis off the centre."""
    shifts = np.tile([0.0, 2.0], (ANGLES.size, 1))
    geometry = Geometry(ANGLES, 0.5, 0.0, shifts)
    plain = Geometry(ANGLES, 0.5)
    views = project_ellipsoids(catalyst(N, np.random.default_rng(0)), plain, (N, N))[:, 120:136]
    views = np.roll(views, -2, axis=2) + NOISE * np.random.default_rng(1).normal(size=views.shape)
    return NativeProjector(geometry, (N, N), N), torch.from_numpy(views.astype(np.float32))


@pytest.mark.parametrize(
    ("columns", "rows", "factor"),
    [(64, 64, 1), (255, 64, 1), (256, 64, 2), (1024, 1024, 8), (1024, 8, 2), (512, 1, 1)],
)
def test_at_least_128_columns_and_some_rows_are_left(columns: int, rows: int, factor: int) -> None:
    assert factor_of(columns, rows) == factor


def test_the_binned_views_are_those_of_the_same_specimen(scene) -> None:
    A, y = scene
    B, z = coarse(A, y, 2)
    assert z.shape == (ANGLES.size, 8, 128) and B.volume_zx == (128, 128)
    assert B.geometry.pixel_nm == 1.0 and (B.geometry.shifts_px[:, 1] == 1.0).all()
    y = A(sirt(A, y, n_iterations=20))  # without noise, which both would fit as they can
    z = coarse(A, y, 2)[1]
    fine, large = (sirt(*pair, n_iterations=20, minimum=None) for pair in ((A, y), (B, z)))
    means = fine.reshape(128, 2, 8, 2, 128, 2).mean((1, 3, 5))
    # Twice the value a voxel, at the same place.
    assert float((large - 2 * means).norm() / large.norm()) < 0.1
    assert float(large.sum() / means.sum()) == pytest.approx(2, rel=0.01)


def test_tv_of_a_weight_is_the_same_tv_on_binned_views(scene) -> None:
    A, y = scene
    B, z = coarse(A, y, 2)
    weights = 60.0 * np.array([0.1, 0.33, 1, 3.3, 10])
    fine = [withheld_error(A, y, functools.partial(tv, n_iterations=60, weight=w)) for w in weights]
    options = [TV(n_iterations=60, weight=float(w)) for w in weights]
    same = [m.but(m.declared.coarser(m.options, 2)) for m in options]
    large = [withheld_error(B, z, m) for m in same]
    assert int(np.argmin(fine)) == int(np.argmin(large))


def test_options_of_voxels_and_pixels_follow() -> None:
    assert WBP.coarser(WBP(cutoff=0.3, minimum=0.0).options, 2) == {"cutoff": 0.6, "minimum": 0.0}
    assert WBP.coarser(WBP().options, 4) == {"cutoff": 1.0}
    assert SIRT.coarser(SIRT(maximum=3.0).options, 2) == {"minimum": 0.0, "maximum": 6.0}
    found = TV.coarser(TV(weight=8.0, noise=2.0).options, 4)
    assert found == {"weight": 2.0, "noise": 0.5, "minimum": 0.0}


def test_white_noise_is_halved_and_smoothed_noise_is_not() -> None:
    noise = torch.randn(10, 128, 128, generator=torch.Generator().manual_seed(0))
    A = NativeProjector(Geometry(np.arange(10.0) * 10, 1.0), (128, 128), 128)
    assert noise_of_coarse(coarse(A, noise, 2)[1], 1.0, 2) == pytest.approx(0.5, rel=0.02)
    spectrum = torch.fft.rfft2(noise)
    high = torch.maximum(
        torch.fft.fftfreq(128)[:, None].abs(), torch.fft.rfftfreq(128)[None]
    ).expand(128, 65)
    spectrum[:, high > 0.25] *= 0.6
    smooth = torch.fft.irfft2(spectrum)
    measured = float(smooth.std())
    found = noise_of_coarse(coarse(A, smooth, 2)[1], measured, 2)
    assert found == pytest.approx(0.5, rel=0.03)
    assert measured / 2 < 0.37


def test_what_was_not_measured_stays_so(scene) -> None:
    A, y = scene
    seen = torch.ones_like(y)
    seen[:, :, :31] = 0
    B, z = coarse(*masked(A, y, seen), 2)
    assert isinstance(B, MaskedProjector)
    assert (B.root[:, :, :16] == 0).all() and (B.root[:, :, 16:] == 1).all()
    assert (z[:, :, :16] == 0).all()


def test_the_standard_scores_say_how_far_they_binned_and_score_the_volume_given(scene) -> None:
    A, y = scene
    method = SIRT(n_iterations=3)
    made = sirt(A, y, n_iterations=3)
    asked: list[slice] = []

    def volume(rows: slice) -> torch.Tensor:
        asked.append(rows)
        return made[:, rows]

    scores = standard(A, y, method, noise=NOISE, volume=volume, rows=4, tv_weight=50.0)
    assert scores.withheld_bin == 2 and len(asked) == 1 and scores.rows == 4
    assert scores.reference_options["tv"]["weight"] == 25.0
    anew = standard(A, y, method, noise=NOISE, rows=4, tv_weight=50.0)
    assert anew.invented_fraction == pytest.approx(scores.invented_fraction, rel=1e-5)
    assert anew.withheld == scores.withheld


def test_a_method_that_does_not_say_how_is_scored_as_it_is(scene) -> None:
    A, y = scene

    def own(A, y):
        return sirt(A, y, n_iterations=2)

    scores = standard(A, y, Method(own)(), noise=NOISE, rows=2, tv_weight=50.0)
    assert scores.withheld_bin == 1
    assert scores.reference_options["tv"]["weight"] == 50.0
