"""The ramp as a dual step: its norm bounds A' F A, and its step is the proximal one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.dual_ramp import Ramp
from recon.algorithms.operator_norm import operator_norm
from recon.projectors.masked import MaskedProjector


def filtered_views(problem, ramp):
    """(26 * 26, tilt * x): F^1/2 A of every voxel."""
    n = 26 * 26
    views = problem.A(torch.eye(n).reshape(26, 26, n).permute(0, 2, 1))
    root = torch.fft.rfft(views.double(), dim=-1) * ramp.response.double().sqrt()
    return torch.fft.irfft(root, n=views.shape[-1], dim=-1).permute(1, 0, 2).reshape(n, -1).numpy()


def test_its_norm_bounds_the_filtered_operator(problem):
    ramp = Ramp(problem.A)
    exact = float(np.linalg.norm(filtered_views(problem, ramp), 2)) ** 2
    assert exact <= ramp.norm < 1.1 * exact
    assert ramp.norm < 0.3 * operator_norm(problem.A) ** 2  # what it is for


def test_a_masked_projector_has_a_flat_filter_of_the_same_norm(problem):
    seen = torch.ones_like(problem.y)
    seen[:, :, :5] = 0
    ramp = Ramp(MaskedProjector(problem.A, seen, torch.zeros_like(seen)))
    assert float(ramp.response.max() - ramp.response.min()) == 0.0
    assert float(ramp.response[0]) * operator_norm(problem.A) ** 2 == (
        pytest.approx(ramp.norm, rel=1e-5)
    )


def test_the_step_solves_its_equation(problem):
    """(1 + s F) p_new = p + s F misfit, then p + over (p_new - p); whatever the chunks."""
    ramp, random = Ramp(problem.A), torch.Generator().manual_seed(0)
    p, misfit = (torch.randn(problem.y.shape, generator=random) for _ in range(2))
    stepped, before = p.clone(), p.clone()
    ramp.ascend(stepped, misfit, 3.0, 1.0)
    torch.testing.assert_close(stepped + 3 * ramp(stepped), before + 3 * ramp(misfit))
    relaxed = before.clone()
    ramp.ascend(relaxed, misfit, 3.0, 1.9)
    torch.testing.assert_close(relaxed, before + 1.9 * (stepped - before))
