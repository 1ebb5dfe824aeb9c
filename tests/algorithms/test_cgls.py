"""CGLS solves the least-squares problem, and sooner than SIRT."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.cgls import cgls
from recon.algorithms.sirt import sirt
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector


def test_it_equals_least_squares_of_the_dense_matrix():
    A = NativeProjector(Geometry(np.linspace(-85, 85, 24), 1.0), (5, 6), 12)
    dense = (
        A(torch.eye(30).reshape(5, 6, 30).permute(0, 2, 1))
        .permute(0, 2, 1)
        .reshape(-1, 30)
        .double()
        .numpy()
    )
    y = torch.randn(24, 1, 12, generator=torch.Generator().manual_seed(0))
    wanted = np.linalg.lstsq(dense, y.double().numpy().ravel(), rcond=None)[0].reshape(5, 6)
    np.testing.assert_allclose(
        cgls(A, y, n_iterations=60)[:, 0].numpy(), wanted, atol=2e-4 * np.abs(wanted).max()
    )


def test_it_is_ahead_of_sirt_in_equal_iterations(problem):
    for n in (3, 10, 20):
        ahead, behind = (
            (
                problem.noisy - problem.A(f(problem.A, problem.noisy, n_iterations=n, minimum=None))
            ).norm()
            for f in (cgls, sirt)
        )
        assert ahead < behind


def test_the_residual_never_rises_and_stop_ends_early(problem):
    seen = []
    cgls(problem.A, problem.noisy, n_iterations=25, callback=lambda i, r: seen.append(r))
    assert len(seen) == 25
    assert (np.diff(seen) <= 1e-6).all()
    early = []
    cgls(
        problem.A, problem.noisy, n_iterations=25, stop=0.05, callback=lambda i, r: early.append(r)
    )
    assert 2 < len(early) < 25
    assert early == pytest.approx(seen[: len(early)])


def test_zero_data_and_solved_data_are_left_alone(problem):
    assert float(cgls(problem.A, torch.zeros_like(problem.y)).abs().max()) == 0.0
    x = cgls(problem.A, problem.y, n_iterations=5, start=problem.truth)
    torch.testing.assert_close(x, problem.truth, rtol=0, atol=1e-4)


def test_bounds_scale_and_inputs(problem):
    before = problem.noisy.clone()
    x = cgls(problem.A, problem.noisy, n_iterations=10)
    assert torch.equal(problem.noisy, before)
    assert float(x.min()) < 0
    once, seven = (cgls(problem.A, f * problem.noisy, n_iterations=5) for f in (1, 7))
    torch.testing.assert_close(seven, 7 * once, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        cgls(problem.A, problem.noisy, n_iterations=10, minimum=0.0, maximum=1.0), x.clamp(0, 1)
    )
