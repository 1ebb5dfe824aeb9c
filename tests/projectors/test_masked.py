"""What was not measured has no say in any method: neither its values nor that it is there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.algorithms.cgls import cgls
from recon.algorithms.sart import sart
from recon.algorithms.sirt import sirt
from recon.algorithms.tv import tv
from recon.algorithms.wbp import wbp
from recon.geometry import Geometry
from recon.projectors.masked import MaskedProjector, masked, of_rows, unmasked
from recon.projectors.native import NativeProjector

ANGLES = np.linspace(-60, 60, 21)
ROWS, SIDE = 6, 32


@pytest.fixture
def A() -> NativeProjector:
    return NativeProjector(Geometry(ANGLES, None), (SIDE, SIDE), SIDE)


@pytest.fixture
def truth() -> Tensor:
    z, y, x = np.mgrid[:SIDE, :ROWS, :SIDE] - np.array([15.5, 0, 15.5]).reshape(3, 1, 1, 1)
    disk = ((z - 3) ** 2 + (x + 2) ** 2 < 60) * (1 + 0.1 * y)
    return torch.from_numpy(disk.astype(np.float32))


@pytest.fixture
def precision() -> Tensor:
    """Each view lacks another strip at a side, in some rows only."""
    seen = torch.ones(len(ANGLES), ROWS, SIDE)
    for k in range(len(ANGLES)):
        seen[k, k % 3 :, : 2 + k % 5] = 0
    return seen


def test_the_adjoint_is_exact(A: NativeProjector, precision: Tensor) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(SIDE, ROWS, SIDE, generator=rng)
    y = torch.rand(len(ANGLES), ROWS, SIDE, generator=rng)
    M, _ = masked(A, y, precision)
    for P in (M, M.views(np.array([3, 1, 7]))):
        part = y[: P.sinogram_tx[0]]
        left, right = (P(x) * part).double().sum(), (x * P.T(part)).double().sum()
        assert float(left) == pytest.approx(float(right), rel=1e-5)


def test_it_has_a_gradient(A: NativeProjector, truth: Tensor, precision: Tensor) -> None:
    M, y = masked(A, A(truth), precision)
    x = torch.rand(truth.shape, generator=torch.Generator().manual_seed(2), requires_grad=True)
    (0.5 * (M(x) - y).square().sum()).backward()
    torch.testing.assert_close(x.grad, M.T(M(x.detach()) - y), rtol=1e-4, atol=1e-3)


METHODS = {
    "sirt": lambda A, y: sirt(A, y, n_iterations=20),
    "sart": lambda A, y: sart(A, y, n_iterations=2),
    "cgls": lambda A, y: cgls(A, y, n_iterations=8),
    "tv": lambda A, y: tv(A, y, n_iterations=40, weight=0.5),
    "tv auto": lambda A, y: tv(A, y, n_iterations=20),
}


@pytest.mark.parametrize("name", METHODS)
def test_what_stands_where_nothing_was_measured_does_not_matter(
    name: str, A: NativeProjector, truth: Tensor, precision: Tensor
) -> None:
    y = A(truth)
    rubbish = torch.where(precision > 0, y, torch.full_like(y, 50.0))
    found = [METHODS[name](*masked(A, stack, precision)) for stack in (y, rubbish)]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    wrong = METHODS[name](A, rubbish)
    error = [float(torch.linalg.vector_norm(x - truth)) for x in (found[1], wrong)]
    assert error[0] < 0.7 * error[1]


def test_memory_is_reused_and_one_row_still_stands_for_all(
    A: NativeProjector, truth: Tensor, precision: Tensor
) -> None:
    M, y = masked(A, A(truth), precision)
    views = M(truth)
    wanted, back = views.clone(), M.T(y)
    again = M(truth, reuse=views.fill_(torch.nan))
    assert again.data_ptr() == views.data_ptr()
    torch.testing.assert_close(again, wanted, rtol=0, atol=0)
    torch.testing.assert_close(M.T(y, reuse=back.clone()), back, rtol=0, atol=0)
    assert M(truth[:, :1], reuse=views).shape == views.shape


def test_all_measured_is_the_plain_projector(A: NativeProjector, truth: Tensor) -> None:
    y = A(truth)
    for precision in (None, torch.ones_like(y)):
        M, same = masked(A, y, precision)
        assert M is A
        assert same is y


def test_rows_are_cut_together(A: NativeProjector, truth: Tensor, precision: Tensor) -> None:
    M, y = masked(A, A(truth), precision)
    whole = sirt(M, y, n_iterations=10)
    part = sirt(of_rows(M, slice(2, 5)), y[:, 2:5], n_iterations=10)
    torch.testing.assert_close(part, whole[:, 2:5], rtol=1e-4, atol=1e-5)
    assert unmasked(M) is A


def test_back_projection_takes_the_fill(
    A: NativeProjector, truth: Tensor, precision: Tensor
) -> None:
    y = A(truth)
    M, holes = masked(A, y, precision)
    assert isinstance(M, MaskedProjector)
    torch.testing.assert_close(wbp(M, holes), wbp(A, y))


TWICE = {
    "sirt": lambda A, y, w: sirt(A, y, n_iterations=12),
    "momentum": lambda A, y, w: sirt(A, y, n_iterations=12, momentum=True),
    "cgls": lambda A, y, w: cgls(A, y, n_iterations=6),
    "tv": lambda A, y, w: tv(A, y, n_iterations=600, weight=w),
}


@pytest.mark.parametrize("name", TWICE)
def test_half_the_precision_is_half_as_many_such_views(
    name: str, A: NativeProjector, truth: Tensor
) -> None:
    """Some views of precision 1/2 beside others: as if the others had been recorded twice."""
    y = A(truth) + torch.randn(A(truth).shape, generator=torch.Generator().manual_seed(1))
    lesser = np.arange(0, len(ANGLES), 3)
    better = np.setdiff1d(np.arange(len(ANGLES)), lesser)
    precision = torch.ones_like(y)
    precision[lesser.tolist()] = 0.5
    views = np.concatenate([better, better, lesser])
    found = TWICE[name](*masked(A, y, precision), 0.5)
    wanted = TWICE[name](A.views(views), y[views.tolist()], 1.0)
    tolerance = 0.005 if name == "tv" else 1e-3  # two ways to one minimum
    assert float((found - wanted).norm()) < tolerance * float(wanted.norm())
    assert float((found - TWICE[name](A, y, 0.5)).norm()) > 3 * tolerance * float(wanted.norm())


@pytest.mark.parametrize("name", ["sirt", "cgls", "wbp"])
def test_invented_views_without_confidence_are_as_if_not_there(
    name: str, A: NativeProjector, truth: Tensor
) -> None:
    run = METHODS.get(name, lambda A, y: wbp(A, y))
    y = A(truth)
    invented = np.arange(2, len(ANGLES) - 2, 3)
    measured = np.setdiff1d(np.arange(len(ANGLES)), invented)
    y[invented.tolist()] = 50.0
    precision = torch.ones_like(y)
    precision[invented.tolist()] = 1e-9
    found = run(*masked(A, y, precision))
    wanted = run(A.views(measured), y[measured.tolist()])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-3)


def test_back_projection_believes_invented_views_by_their_confidence(
    A: NativeProjector, truth: Tensor
) -> None:
    """Between the measured views alone and all of them as if measured, and linear in between."""
    y = A(truth)
    invented = torch.arange(0, 5)
    found = []
    for confidence in (1.0, 0.5, 1e-9):
        precision = torch.ones_like(y)
        precision[invented] = confidence
        found.append(wbp(*masked(A, y, precision), scale=1.0))
    torch.testing.assert_close(found[0], wbp(A, y, scale=1.0))
    torch.testing.assert_close(found[1], (found[0] + found[2]) / 2, rtol=1e-3, atol=1e-4)
    assert float((found[0] - found[2]).norm()) > 0.05 * float(found[0].norm())


def test_matter_outside_the_views_does_no_harm_in_a_wider_volume() -> None:
    geometry = Geometry(ANGLES, None)
    wide = NativeProjector(geometry, (16, 96), 32)  # a film three times as wide as the detector
    film = torch.zeros(16, 1, 96)
    film[6:10] = 1 + 0.5 * torch.sin(torch.arange(96) / 3.0)
    y = wide(film)
    inner = film[:, :, 32:64]
    found = {0: sirt(NativeProjector(geometry, (16, 32), 32), y, n_iterations=100)}
    found[32] = sirt(wide, y, n_iterations=100)[:, :, 32:64]
    error = {k: float(torch.linalg.vector_norm(v - inner)) for k, v in found.items()}
    assert error[32] < 0.7 * error[0]
