"""Scores that need no truth, tested where the truth is known."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from recon.algorithms.sirt import sirt
from recon.algorithms.tv import TV, tv
from recon.algorithms.wbp import WBP, wbp
from recon.algorithms.withheld import withheld_views
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.simulate.ellipsoids import catalyst, project_ellipsoids, rasterise
from recon.trust.comparison import compare_predictions
from recon.trust.measures import (
    changed_fraction,
    even_odd_fsc,
    invented_fraction,
    whitened_residual,
    withheld_error,
)
from recon.trust.scores import TrustScores
from recon.trust.standard import nothing, standard

N, ROWS, NOISE = 64, slice(26, 34), 3.0
ANGLES = np.arange(-60.0, 61.0, 3.0)


@pytest.fixture(scope="module")
def scene() -> tuple[NativeProjector, torch.Tensor, torch.Tensor]:
    """(projector, noisy views of a few rows, the true volume of these rows)"""
    geometry = Geometry(ANGLES, 1.0)
    bodies = catalyst(N, np.random.default_rng(0))
    views = project_ellipsoids(bodies, geometry, (N, N))[:, ROWS]
    views = views + NOISE * np.random.default_rng(1).normal(size=views.shape)
    truth = torch.from_numpy(rasterise(bodies, N)[:, ROWS].copy())
    return NativeProjector(geometry, (N, N), N), torch.from_numpy(views.astype(np.float32)), truth


def test_the_true_volume_leaves_the_noise_on_withheld_views(scene) -> None:
    A, y, truth = scene
    error = withheld_error(A, y, functools.partial(lambda A, y: truth))
    _, held = withheld_views(ANGLES)
    share = NOISE / float((y[held.tolist()].double() ** 2).mean().sqrt())
    assert error == pytest.approx(share, rel=0.12)  # the grid of the truth adds a little
    assert whitened_residual(A, y, truth, NOISE).mean() == pytest.approx(1, abs=0.12)


def test_the_method_never_sees_what_is_withheld(scene) -> None:
    A, y, _ = scene
    seen: list[int] = []

    def spy(A, y):
        seen.append(y.shape[0])
        return torch.zeros(N, y.shape[1], N)

    assert withheld_error(A, y, functools.partial(spy)) == pytest.approx(1)
    assert seen == [ANGLES.size - 8]


def test_back_projection_invents_next_to_nothing_and_the_truth_has_much_in_the_wedge(scene) -> None:
    A, y, truth = scene
    of_wbp = invented_fraction(wbp(A, y), ANGLES)
    of_tv = invented_fraction(tv(A, y, n_iterations=200), ANGLES)
    of_truth = invented_fraction(truth, ANGLES)
    assert of_wbp < 0.05
    assert of_wbp < of_tv < 1.2 * of_truth


def test_what_lies_in_the_wedge_is_counted_and_what_was_measured_is_not() -> None:
    """A plane wave is at one direction only: along z (k_z) for +-60 degrees it is in the wedge,
    along x it is not."""
    at = torch.arange(N, dtype=torch.float32)
    wave = torch.cos(2 * np.pi * at * 10 / N)
    along_z, along_x = wave[:, None, None].expand(N, 2, N), wave[None, None].expand(N, 2, N)
    assert invented_fraction(along_z, ANGLES) > 0.95
    assert invented_fraction(along_x, ANGLES) < 0.01
    assert invented_fraction(along_z, ANGLES + 90) < 0.01  # tilts of 30 to 150 degrees measured it
    assert invented_fraction(torch.zeros(N, 2, N), ANGLES) == 0


def test_nothing_is_changed_by_the_volume_the_views_were_made_from() -> None:
    A = NativeProjector(Geometry(ANGLES, 1.0), (32, 32), 32)
    x = torch.rand(32, 3, 32)
    assert changed_fraction(A, A(x), x) == pytest.approx(0, abs=1e-5)
    assert changed_fraction(A, A(x), 0 * x) == pytest.approx(1)
    assert changed_fraction(A, A(x), 1.1 * x) == pytest.approx(0.1, abs=1e-4)


def test_even_and_odd_views_agree_farther_with_less_noise(scene) -> None:
    A, y, _ = scene
    noisier = y + 5 * NOISE * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    method = functools.partial(sirt, n_iterations=20)
    assert even_odd_fsc(A, y, method)["0.143"] > even_odd_fsc(A, noisier, method)["0.143"]


def test_tv_predicts_withheld_views_better_than_sirt_and_the_verdict_says_so(scene) -> None:
    A, y, _ = scene
    scores = standard(A, y, TV(n_iterations=200), noise=NOISE, rows=6)
    assert scores.rows == 6
    errors = scores.withheld
    assert errors["tv"] < errors["sirt"] < errors["wbp"]
    assert compare_predictions(scores, "tv").startswith("tv is ahead of sirt on withheld views by")


@pytest.mark.parametrize(
    ("errors", "says"),
    [
        ({"a": 0.1, "b": 0.2}, "a is ahead of b on withheld views by 50 %"),
        ({"a": 0.2, "b": 0.1, "c": 0.3}, "b is ahead of a on withheld views by 50 %"),
        ({"a": 0.1, "b": 0.1001}, "a and b predict withheld views equally well"),
        ({"a": 0.1}, "withheld views are missed by 0.1000 of the data"),
    ],
)
def test_the_verdict_names_who_is_ahead(errors: dict[str, float], says: str) -> None:
    assert says in compare_predictions(TrustScores(withheld=errors, invented_fraction=0.1), "a")


def test_trust_none_is_nothing(scene) -> None:
    A, y, _ = scene
    assert nothing(A, y, WBP(), noise=1.0) == TrustScores()
