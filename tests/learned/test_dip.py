"""The deep image prior: nearer to the truth than TV, in the data's units, stopped in time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.tv import tv
from recon.algorithms.tv_weight import choose_weight
from recon.errors import UserError
from recon.geometry import Geometry
from recon.learned.dip import DIP, dip
from recon.learned.dip_state import DeepPrior, read_noise
from recon.projectors.masked import masked
from recon.projectors.native import NativeProjector

SIDE, ROWS = 32, 4


@pytest.fixture(scope="module")
def scene():
    """(A, views with counting noise, truth) of two bodies at 13 views."""
    z, _, x = np.mgrid[:SIDE, :ROWS, :SIDE] - 15.5
    truth = torch.from_numpy(
        2.0 * (((z + 2) ** 2 + (x - 3) ** 2) < 60)
        + 1.0 * ((np.abs(z - 6) < 4) & (np.abs(x + 7) < 4))
    ).float()
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 10), 1.0), (SIDE, SIDE), SIDE)
    clean = A(truth)
    counts = np.random.default_rng(0).poisson(clean.numpy() * 2).astype(np.float32)
    return A, clean.clone().copy_(torch.from_numpy(counts / 2)), truth


def error(x, truth) -> float:
    return float((x - truth).norm() / truth.norm())


def test_few_noisy_views_say_more_through_it_than_through_tv(scene) -> None:
    A, y, truth = scene
    weight = choose_weight(A, y)
    before = tv(A, y, weight=weight, n_iterations=100)
    x, more = dip(A, y, n_iterations=40, weight=weight)
    assert error(x, truth) < 0.97 * error(before, truth)
    assert float(x.min()) >= 0
    spread = more["uncertainty"]
    assert spread.shape == x.shape and float(spread.min()) >= 0
    assert 0 < float(spread.mean()) < float(x.mean())


def test_it_begins_with_tv_and_adds_nothing(scene) -> None:
    A, y, _ = scene
    x, _ = dip(A, y, n_iterations=1, weight=1.0)
    torch.testing.assert_close(x, tv(A, y, weight=1.0, n_iterations=100), rtol=1e-4, atol=1e-4)


def test_withheld_views_say_when_to_stop(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    A, y, _ = scene
    monkeypatch.setattr("recon.learned.dip.LOOKS", (1, 10, 20, 30))
    settled = DIP.settle(DIP(), A, y, 0.5)
    count = settled.found["dip_iterations"]
    assert settled.method.options["n_iterations"] == count
    assert count in (1, 10, 20, 30)
    assert settled.tv_weight == settled.method.options["weight"] > 0


@pytest.mark.parametrize("data_term", ["poisson", "least_squares"])
def test_the_residual_falls_and_the_unit_is_that_of_the_data(scene, data_term) -> None:
    A, y, _ = scene
    heard = []
    options = {"n_iterations": 12, "data_term": data_term, "begin": "noise"}
    x, _ = dip(A, y, **options, callback=lambda i, r: heard.append((i, r)))
    assert [i for i, _ in heard] == list(range(1, 13))
    assert heard[-1][1] < 0.8 * heard[0][1]
    again, _ = dip(A, 8 * y, **options)
    torch.testing.assert_close(again, 8 * x, rtol=1e-3, atol=1e-2)


def test_the_same_seed_gives_the_same_and_leaves_the_global_one_alone(scene) -> None:
    A, y, _ = scene
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    x, same, other = (dip(A, y, n_iterations=5, weight=1.0, seed=s)[0] for s in (1, 1, 2))
    assert torch.equal(x, same)
    assert not torch.equal(x, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_was_not_measured_has_no_say(scene) -> None:
    A, y, _ = scene
    seen = torch.ones_like(y)
    seen[:, :, :5] = 0
    rubbish = torch.where(seen > 0, y, torch.full_like(y, 40.0))
    found = [dip(*masked(A, stack, seen), n_iterations=5, weight=1.0)[0] for stack in (y, rubbish)]
    assert torch.equal(*found)


def test_bounds_are_kept(scene) -> None:
    A, y, _ = scene
    x, _ = dip(
        A, y, n_iterations=10, weight=0.1, minimum=None, maximum=1.5, data_term="least_squares"
    )
    assert float(x.max()) <= 1.5 and float(x.min()) < 0


def test_too_few_views_to_withhold_any_are_fitted_all_the_same(scene) -> None:
    A, y, _ = scene
    few = np.array([0, 6, 12])
    assert DIP.settle(DIP(), A.views(few), y[few.tolist()], 0.5).found["dip_iterations"] == 60


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data_term": "l1"}, "data_term=l1 given, poisson or least_squares wanted"),
        ({"begin": "wbp"}, "begin=wbp given, tv or noise wanted"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 given"),
        ({"n_iterations": 0}, "n_iterations=0 given"),
    ],
)
def test_bad_options_are_named(scene, options, said) -> None:
    A, y, _ = scene
    with pytest.raises(UserError, match=said):
        dip(A, y, **options)


def test_read_out_noise_is_added_to_the_counts(scene) -> None:
    A, y, truth = scene
    assert read_noise(y) == 0
    noisy = y + 0.7 * torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    assert 1.0 < read_noise(noisy) < 3.5
    weight = choose_weight(A, noisy)
    before = tv(A, noisy, weight=weight, n_iterations=100)
    x, _ = dip(A, noisy, n_iterations=30, weight=weight)
    assert error(x, truth) < error(before, truth)


def test_the_mean_is_of_the_last_steps(scene) -> None:
    A, y, _ = scene
    state = DeepPrior(A, y)
    state.iterate()
    assert float(state.spread.max()) < 1e-3  # of one step
    same = state.x.mean()
    torch.testing.assert_close(state.x, same.expand_as(state.x))  # it says nothing at first
    assert float(A(state.x).sum()) == pytest.approx(float(y.sum()), rel=1e-3)
    state.iterate()
    state.iterate()
    assert float(state.spread.max()) > 1e-3
