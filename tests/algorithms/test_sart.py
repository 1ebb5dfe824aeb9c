"""SART: with one subset it is SIRT; with more it is faster per iteration."""

from __future__ import annotations

import pytest
import torch

from recon.algorithms.sart import sart
from recon.algorithms.sirt import sirt
from recon.errors import UserError


@pytest.mark.parametrize("relaxation", [0.3, 1.0])
def test_one_subset_is_sirt(problem, relaxation):
    a = sart(problem.A, problem.noisy, n_iterations=8, n_subsets=1, relaxation=relaxation)
    b = sirt(problem.A, problem.noisy, n_iterations=8, relaxation=relaxation)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_more_subsets_go_further_in_equal_iterations(problem):
    residual = [
        float((problem.y - problem.A(sart(problem.A, problem.y, n_iterations=3, n_subsets=n, relaxation=0.5))).norm())
        for n in (1, 4, None)
    ]
    assert residual[0] > residual[1] > residual[2]


def test_the_solution_of_consistent_data_is_a_fixed_point(problem):
    x = sart(problem.A, problem.y, n_iterations=5, start=problem.truth)
    torch.testing.assert_close(x, problem.truth, rtol=0, atol=1e-5)


def test_the_seed_decides_the_order_and_nothing_else_does(problem):
    a, b, c = (sart(problem.A, problem.noisy, n_iterations=2, seed=s) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_rows_are_independent_bit_for_bit(problem):
    x = sart(problem.A, problem.noisy, n_iterations=2, n_subsets=5)
    assert torch.equal(sart(problem.A, problem.noisy[:, 3:5].contiguous(), n_iterations=2, n_subsets=5), x[:, 3:5])


def test_bounds_stop_and_callback(problem):
    seen = []
    x = sart(problem.A, problem.noisy, n_iterations=40, maximum=1.2, stop=0.02, callback=lambda i, r: seen.append(r))
    assert 0.0 <= float(x.min()) <= float(x.max()) <= 1.2 + 1e-6
    assert 2 < len(seen) < 40
    assert seen[0] == pytest.approx(1.0)


@pytest.mark.parametrize("n", [0, -1, 32])
def test_a_bad_number_of_subsets_is_named(problem, n):
    with pytest.raises(UserError, match=rf"n_subsets={n} given, 1 to 31 \(the number of views\) wanted"):
        sart(problem.A, problem.noisy, n_subsets=n)
