"""SIRT descends, stays where it is right, keeps its bounds, and treats rows and units alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.base import inverse
from recon.algorithms.sirt import SIRT, sirt
from recon.algorithms.sirt_iterations import choose_iterations, look_at
from recon.algorithms.sirt_state import Sirt, subsets_of
from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.simulate.ellipsoids import catalyst, project_ellipsoids, rasterise


def residuals(problem, **options):
    seen = []
    x = sirt(
        problem.A, problem.noisy, callback=lambda i, residual: seen.append((i, residual)), **options
    )
    return x, seen


def test_the_residual_never_rises(problem):
    _, seen = residuals(problem, n_iterations=60)
    assert [i for i, _ in seen] == list(range(1, 61))
    assert seen[0][1] == pytest.approx(1.0)  # from zero
    values = np.array([r for _, r in seen])
    assert (np.diff(values) <= 1e-6 * values[:-1]).all()
    assert values[-1] < 0.2


def test_the_weighted_residual_falls_by_theory(problem):
    """Without bounds SIRT is gradient descent on ||y - A x||_R with a step below 2 / L: it falls
    for every relaxation in (0, 2)."""
    A, y = problem.A, problem.noisy
    R = inverse(A(torch.ones(26, 1, 26)))
    for relaxation in (0.3, 1.0, 1.9):
        x, before = None, float("inf")
        for _ in range(8):
            x = sirt(A, y, n_iterations=1, relaxation=relaxation, minimum=None, start=x)
            now = float((R.double() * (y - A(x)).double() ** 2).sum())
            assert now < before
            before = now


def test_the_solution_of_consistent_data_is_a_fixed_point(problem):
    x = sirt(problem.A, problem.y, n_iterations=20, start=problem.truth)
    torch.testing.assert_close(x, problem.truth, rtol=0, atol=1e-5)


def test_start_is_used_and_left_alone(problem):
    start = problem.truth.clone()
    for n_iterations in (0, 1):
        x = sirt(problem.A, problem.noisy, n_iterations=n_iterations, start=start)
        assert torch.equal(start, problem.truth)
    assert float((x - start).norm()) < 0.5 * float(start.norm())
    _, seen = residuals(problem, n_iterations=1, start=start)
    assert seen[0][1] < 0.2  # near the truth from the first iteration on
    once = sirt(problem.A, problem.noisy, n_iterations=5)
    again = sirt(
        problem.A,
        problem.noisy,
        n_iterations=3,
        start=sirt(problem.A, problem.noisy, n_iterations=2),
    )
    torch.testing.assert_close(again, once, rtol=0, atol=1e-6)


def test_bounds_are_respected_and_bind(problem):
    free = sirt(problem.A, problem.noisy, n_iterations=30, minimum=None)
    assert float(free.min()) < -0.05
    assert float(free.max()) > 1.2
    bounded = sirt(problem.A, problem.noisy, n_iterations=30, minimum=0.0, maximum=1.2)
    assert float(bounded.min()) == 0.0
    assert float(bounded.max()) == pytest.approx(1.2)
    assert (
        float(sirt(problem.A, problem.noisy, n_iterations=10).min()) >= 0.0
    )  # by default matter is not negative


def test_stop_ends_early(problem):
    _, every = residuals(problem, n_iterations=60)
    _, seen = residuals(problem, n_iterations=60, stop=0.03)
    assert 3 < len(seen) < 60
    falls = -np.diff([r for _, r in seen]) / np.array([r for _, r in seen])[:-1]
    assert (falls[:-1] >= 0.03).all()
    assert falls[-1] < 0.03
    assert every[: len(seen)] == seen


def test_the_result_scales_with_the_data(problem):
    x = sirt(problem.A, problem.noisy, n_iterations=15)
    torch.testing.assert_close(
        sirt(problem.A, 7 * problem.noisy, n_iterations=15), 7 * x, rtol=1e-4, atol=1e-4
    )
    assert torch.equal(sirt(problem.A, 8 * problem.noisy, n_iterations=15), 8 * x)


def test_rows_are_independent_bit_for_bit(problem):
    x = sirt(problem.A, problem.noisy, n_iterations=15)
    for cut in (slice(0, 1), slice(3, 5), slice(4, 9)):
        assert torch.equal(
            sirt(problem.A, problem.noisy[:, cut].contiguous(), n_iterations=15), x[:, cut]
        )


def test_y_is_left_alone(problem):
    before = problem.noisy.clone()
    sirt(problem.A, problem.noisy, n_iterations=3)
    assert torch.equal(problem.noisy, before)


def test_it_gets_nearer_to_the_truth(problem):
    errors = [
        float((sirt(problem.A, problem.y, n_iterations=n) - problem.truth).norm())
        for n in (1, 10, 100)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_more_noise_wants_fewer_iterations_and_auto_finds_it() -> None:
    """Semi-convergence: the chosen number falls with the noise, and its result is near the best of
    all numbers."""
    bodies = catalyst(48, np.random.default_rng(0))
    geometry = Geometry(np.arange(-60.0, 61.0, 3.0), 1.0)
    clean = torch.from_numpy(
        project_ellipsoids(bodies, geometry, (48, 48))[:, 20:28].astype(np.float32)
    )
    truth = torch.from_numpy(rasterise(bodies, 48)[:, 20:28].copy())
    A = NativeProjector(geometry, (48, 48), 48)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    counts = []
    for sigma in (1.0, 4.0, 12.0):
        y = clean + sigma * noise
        counts.append(choose_iterations(Sirt, A, y))
        errors = {
            n: float((sirt(A, y, n_iterations=n) - truth).norm())
            for n in (5, 10, 20, 40, 80, 160, counts[-1])
        }
        assert errors[counts[-1]] < 1.15 * min(errors.values())
    assert counts[0] > counts[1] > counts[2]
    classical = sirt(A, y, n_iterations="auto", momentum=False)
    assert torch.equal(classical, sirt(A, y, n_iterations=counts[-1]))
    settled = SIRT.settle(SIRT(), A, y, 12.0).method
    assert settled.options["momentum"] is True
    assert settled.options["n_iterations"] < counts[-1]
    with_momentum = sirt(A, y)
    assert torch.equal(with_momentum, settled(A, y))
    assert float((with_momentum - truth).norm()) < 1.05 * min(errors.values())


def test_momentum_goes_as_far_in_a_fraction_of_the_iterations(problem) -> None:
    slow, fast = (
        residuals(problem, n_iterations=n, momentum=m)[1][-1][1]
        for n, m in ((54, False), (18, True))
    )
    assert fast < slow


def test_momentum_keeps_the_bounds_and_begins_with_a_classical_step(problem) -> None:
    x = sirt(problem.A, problem.noisy, n_iterations=7, momentum=True, minimum=0.0, maximum=0.8)
    assert float(x.min()) >= 0 and float(x.max()) <= 0.8 + 1e-6
    first = [sirt(problem.A, problem.noisy, n_iterations=1, momentum=m) for m in (False, True)]
    assert torch.equal(*first)


def test_momentum_is_refused_steps_that_diverge_and_auto_goes_without(problem) -> None:
    with pytest.raises(UserError, match=r"relaxation=1.5 given beside momentum"):
        sirt(problem.A, problem.noisy, n_iterations=2, momentum=True, relaxation=1.5)
    settled = SIRT.settle(SIRT(relaxation=1.5), problem.A, problem.noisy, 1.0).method
    assert settled.options["momentum"] is False


def test_a_number_of_iterations_means_classical_iterations(problem) -> None:
    plain = [sirt(problem.A, problem.noisy, n_iterations=5, **o) for o in ({}, {"momentum": False})]
    assert torch.equal(*plain)


def test_with_too_few_views_to_withhold_any_it_runs_as_long_as_ever(problem) -> None:
    few = np.arange(4)
    A, y = problem.A.views(few), problem.noisy[:4]
    assert torch.equal(sirt(A, y), sirt(A, y, n_iterations=50))


def test_looks_are_dense_at_first_and_end_at_the_limit() -> None:
    looks = look_at(400)
    assert looks[:6] == (1, 2, 3, 4, 5, 6) and looks[-1] == 400
    steps = np.diff(looks)
    assert (steps[4:] / looks[4:-1] < 0.25).all() and len(looks) < 100


def test_subsets_go_where_all_views_go(problem) -> None:
    """One update by a third of the views does what one by all of them does, within a few percent."""
    whole, parts = (
        sirt(problem.A, problem.noisy, n_iterations=24, momentum=True, n_subsets=n) for n in (1, 3)
    )
    assert 0 < float((parts - whole).norm()) < 0.02 * float(whole.norm())


def test_subsets_share_out_the_views_evenly() -> None:
    geometry = Geometry(np.array([5.0, -60, 30, 0, -30, 60, 45, -45, 15]), 1.0)
    y = torch.arange(9.0)[:, None, None].expand(9, 2, 8).contiguous() + 1
    state, seen = Sirt(NativeProjector(geometry, (8, 8), 8), y, n_subsets=3), []
    for _ in range(4):
        seen.append((state.measure()[:, 0, 0] - 1).int().tolist())  # x is 0 where rays miss it
        state._steps += 1
    assert sorted(np.concatenate(seen[:3]).tolist()) == list(range(9)) and seen[3] == seen[0]
    by_angle = np.argsort(geometry.angles_deg)
    for one in seen[:3]:
        ranks = np.sort([int(np.flatnonzero(by_angle == v)[0]) for v in one])
        assert (np.diff(ranks) == 3).all()


def test_rows_are_independent_with_subsets_bit_for_bit(problem) -> None:
    options = {"n_iterations": 9, "momentum": True, "n_subsets": 3}
    x = sirt(problem.A, problem.noisy, **options)
    cut = problem.noisy[:, 3:5].contiguous()
    assert torch.equal(sirt(problem.A, cut, **options), x[:, 3:5])


@pytest.mark.parametrize("n", [1, 7, 8, 15, 16, 31, 32, 200])
def test_a_subset_has_eight_views_at_least(n: int) -> None:
    subsets = subsets_of(n)
    assert 1 <= subsets <= 4
    assert subsets == 1 or n // subsets >= 8
    assert subsets == 4 or n // (subsets + 1) < 8


def test_subsets_that_cannot_be_are_refused(problem) -> None:
    for n in (0, problem.noisy.shape[0] + 1):
        with pytest.raises(UserError, match=f"n_subsets={n} given, 1 to"):
            sirt(problem.A, problem.noisy, n_iterations=2, n_subsets=n)
    with pytest.raises(UserError, match=r"stop=0.1 given beside n_subsets=2"):
        sirt(problem.A, problem.noisy, n_iterations=2, n_subsets=2, stop=0.1)


def test_stop_is_of_all_views_residuals(problem) -> None:
    assert (
        SIRT.settle(SIRT(stop=0.01), problem.A, problem.noisy, 1.0).method.options["n_subsets"] == 1
    )


def test_where_few_iterations_are_enough_every_view_has_a_say_in_each() -> None:
    """In much noise withheld views stop it before each subset has had its turn twice."""
    geometry = Geometry(np.arange(-70.0, 71.0, 3.0), 1.0)
    A = NativeProjector(geometry, (32, 32), 32)
    box = torch.zeros(32, 8, 32)
    box[10:20, :, 12:24] = 1.0
    noise = torch.randn(47, 8, 32, generator=torch.Generator().manual_seed(0))
    for sigma, subsets in ((0.05, 4), (20.0, 1)):
        y = A(box) + sigma * noise
        options = SIRT.settle(SIRT(), A, y, sigma).method.options
        assert options["n_subsets"] == subsets
        assert subsets == 1 or options["n_iterations"] >= 2 * subsets
    assert (
        options["n_iterations"]
        == SIRT.settle(SIRT(n_subsets=1), A, y, 20.0).method.options["n_iterations"]
    )
