"""TV as a reference: near the best it can be, at a bounded cost, and never run twice."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from recon.algorithms.pdhg import Pdhg, enough_iterations
from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.tv import TV, tv
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.simulate.ellipsoids import catalyst, project_ellipsoids
from recon.stage import Method, volume_only
from recon.trust import reference as trust_reference
from recon.trust import standard as trust
from recon.trust.comparison import compare_predictions
from recon.trust.measures import predict_withheld, withheld_error
from recon.trust.reference import reference_tv
from recon.trust.standard import standard

N, NOISE = 48, 3.0
ANGLES = np.arange(-60.0, 61.0, 3.0)


@pytest.fixture(scope="module")
def scene() -> tuple[NativeProjector, torch.Tensor]:
    geometry = Geometry(ANGLES, 1.0)
    views = project_ellipsoids(catalyst(N, np.random.default_rng(0)), geometry, (N, N))[:, 20:26]
    views = views + NOISE * np.random.default_rng(1).normal(size=views.shape)
    return NativeProjector(geometry, (N, N), N), torch.from_numpy(views.astype(np.float32))


def test_it_predicts_nearly_as_well_as_tv_with_any_weight(scene) -> None:
    """Also with as many iterations as ``algorithm=tv`` takes: a reference that lags behind would
    flatter what is measured beside it."""
    A, y = scene
    reference = reference_tv(A, y, noise=NOISE)
    weight = reference.options["weight"]
    tried = [
        withheld_error(A, y, functools.partial(tv, weight=f * weight))
        for f in (0.01, 0.1, 0.3, 1, 3, 30)
    ]
    assert withheld_error(A, y, volume_only(reference)) < 1.05 * min(tried)
    assert min(tried) < 0.95 * tried[0]  # the weight matters


def test_every_other_method_is_shown_beside_tv(scene) -> None:
    A, y = scene

    def learned(A, y):
        return sirt(A, y, n_iterations=10)

    scores = standard(A, y, Method(learned)(), noise=NOISE)
    assert list(scores.withheld) == ["learned", "wbp", "sirt", "tv"]
    assert scores.withheld["tv"] == min(scores.withheld.values())
    assert compare_predictions(scores, "learned").startswith(
        "tv is ahead of learned on withheld views by "
    )
    assert scores.withheld["tv"] == pytest.approx(
        withheld_error(A, y, volume_only(reference_tv(A, y, noise=NOISE))), rel=1e-4
    )
    iterations = enough_iterations(y.shape[2] // scores.withheld_bin)
    assert scores.reference_options["tv"]["n_iterations"] == iterations


def test_tv_itself_is_not_run_twice(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    A, y = scene
    monkeypatch.setattr(trust, "reference_tv", lambda *_, **__: pytest.fail("TV is the run itself"))
    scores = standard(A, y, TV(weight=20.0, n_iterations=20), noise=NOISE)
    assert list(scores.withheld) == ["tv", "wbp", "sirt"]


def test_its_weight_is_settled_on_few_rows(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    A, y = scene
    rows = []
    iterate = Pdhg.iterate
    monkeypatch.setattr(
        Pdhg, "iterate", lambda self: (rows.append(self.x.shape[1]), iterate(self))[1]
    )
    reference_tv(A, y.repeat(1, 3, 1), noise=NOISE)
    assert set(rows) == {trust_reference.WEIGHT_ROWS}


def test_curves_belong_to_their_numbers(scene) -> None:
    A, y = scene
    method = SIRT(n_iterations=10)
    found = predict_withheld(A, y, volume_only(method))
    power = (y[found.views.tolist()].double() ** 2).sum((1, 2)).numpy()
    assert np.sqrt((found.per_view**2 * power).sum() / power.sum()) == pytest.approx(
        found.error, rel=1e-6
    )
    scores = trust.predict(A, y, {"sirt": method}, noise=NOISE)
    assert scores.withheld_per_view["sirt"] == pytest.approx(found.per_view, rel=1e-3)
    assert scores.withheld_angles_deg == pytest.approx(ANGLES[found.views])
    scores = trust.assess(A, y, method, noise=NOISE)
    per_view = np.array(scores.whitened_residual_per_view)
    assert per_view.shape == ANGLES.shape
    assert np.sqrt((per_view**2).mean()) == pytest.approx(scores.whitened_residual, rel=1e-3)
    curve = scores.even_odd_fsc
    first_below = next(
        f for f, c in zip(curve.frequency, curve.correlation, strict=True) if c < 0.5
    )
    assert first_below - 1 / N <= scores.even_odd_fsc_crossing["0.5"] <= first_below
