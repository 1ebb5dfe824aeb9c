"""What the measured views say to a network's output."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.learned import consistency
from recon.projectors.native import NativeProjector

N = 24


@pytest.fixture
def views() -> tuple[NativeProjector, torch.Tensor, torch.Tensor]:
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 4), None), (N, N), N)
    z, x = np.mgrid[:N, :N] - (N - 1) / 2
    truth = torch.from_numpy(((z**2 + x**2) < 60).astype(np.float32))[:, None].repeat(1, 3, 1)
    return A, A(truth), truth


def residual(A: NativeProjector, y: torch.Tensor, x: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(A(x) - y))


def test_consistency_never_raises_the_residual(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor],
) -> None:
    A, y, truth = views
    x = (truth + 0.5 * torch.rand(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(
        min=0
    )
    errors = [residual(A, y, consistency.make_consistent(A, y, x, k)) for k in (0, 1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_what_is_consistent_already_stays(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor],
) -> None:
    A, y, truth = views
    assert torch.allclose(consistency.make_consistent(A, y, truth, 4), truth, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_strength_finds_the_share_that_the_views_were_made_with(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor], share: float
) -> None:
    A, _, truth = views
    change = torch.rand(truth.shape, generator=torch.Generator().manual_seed(1))
    assert consistency.choose_strength(
        A, A(truth + share * change), truth, truth + change
    ) == pytest.approx(share, abs=1e-5)


def test_strength_is_never_negative_nor_above_one(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor],
) -> None:
    A, y, truth = views
    change = torch.rand(truth.shape)
    assert consistency.choose_strength(A, A(truth - change), truth, truth + change) == 0
    assert consistency.choose_strength(A, A(truth + 3 * change), truth, truth + change) == 1
    assert consistency.choose_strength(A, y, truth, truth) == 1


def test_what_predicts_as_well_is_used_whole(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor],
) -> None:
    """Noise in the withheld views would make the least-squares share small long before it is
    wrong."""
    A, y, truth = views
    noisy = y + 0.5 * torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    other = truth + 0.002 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(3))
    assert consistency.choose_strength(A, noisy, truth, other) == 1


def test_iterations_go_on_only_while_withheld_views_gain(
    views: tuple[NativeProjector, torch.Tensor, torch.Tensor],
) -> None:
    A, y, truth = views
    kept, held = np.setdiff1d(np.arange(31), [5, 15, 25]), np.array([5, 15, 25])
    seen, unseen = A.views(kept), A.views(held)
    assert (
        consistency.choose_consistency(seen, y[kept.tolist()], unseen, y[held.tolist()], truth) <= 1
    )
    wrong = consistency.choose_consistency(
        seen, y[kept.tolist()], unseen, y[held.tolist()], 0.5 * truth
    )
    assert wrong == consistency.ITERATIONS[-1]
