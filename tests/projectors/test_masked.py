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
