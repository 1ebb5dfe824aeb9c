"""The native projector: its formula, and that neither rows, threads nor memory order change a
bit."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.geometry import Geometry, centre, column_of
from recon.projectors.native import NativeProjector


@pytest.fixture
def A(make):
    """11 views, 13 x 22 volume, 17 columns, all shifted."""
    return make("native", (13, 22), 17, shifts_x=np.linspace(-2.3, 3.1, 11))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bits(tensor):
    """Contiguous copy viewed as integers: equal means equal bit for bit, the sign of zero
    included."""
    return tensor.contiguous().view(torch.int32)


def joseph_matrix(A):
    """(tilt, column, z, x) float64 weights max(0, 1 - |d| / m) / m, written as plain as the
    formula."""
    (n_z, n_x), width, g = A.volume_zx, A.sinogram_tx[1], A.geometry
    z, x, u = (
        np.arange(n_z) - centre(n_z),
        np.arange(n_x) - centre(n_x),
        np.arange(width) - centre(width),
    )
    lands = (
        column_of(z[:, None], x[None], g.angles_deg[:, None, None]) - g.shifts_px[:, 1, None, None]
    )
    t = np.deg2rad(g.angles_deg)
    m = np.maximum(abs(np.cos(t)), abs(np.sin(t)))[:, None, None, None]
    return np.maximum(0, 1 - abs(u[None, :, None, None] - lands[:, None]) / m) / m


@settings(max_examples=60, deadline=None)
@given(
    n_z=st.integers(1, 19),
    n_x=st.integers(1, 19),
    width=st.integers(1, 24),
    angles=st.lists(
        st.one_of(
            st.floats(-360, 360),
            st.sampled_from([0.0, 45.0, 90.0, -90.0, 135.0, 180.0, 89.9999999]),
        ),
        min_size=1,
        max_size=5,
    ),
    shift=st.floats(-30, 30),
)
def test_both_directions_are_josephs_matrix(n_z, n_x, width, angles, shift):
    angles = np.array(angles)
    shifts = np.stack([np.zeros(angles.size), np.full(angles.size, shift)], 1)
    A = NativeProjector(Geometry(angles, 1.0, 0.0, shifts), (n_z, n_x), width)
    matrix = joseph_matrix(A)
    x, y = random(n_z, 2, n_x), random(angles.size, 2, width)
    np.testing.assert_allclose(
        A(x).numpy(), np.einsum("tuzx,zyx->tyu", matrix, x.numpy()), atol=2e-5
    )
    np.testing.assert_allclose(
        A.T(y).numpy(), np.einsum("tuzx,tyu->zyx", matrix, y.numpy()), atol=2e-5
    )


@pytest.mark.parametrize("direction", ["forward", "adjoint", "smear"])
def test_rows_are_independent_bit_for_bit(A, direction):
    run = {"forward": A, "adjoint": A.T, "smear": A.smear}[direction]
    first, last = A.volume_zx if direction == "forward" else A.sinogram_tx
    operand = random(first, 130, last)
    single = torch.cat([run(operand[:, i : i + 1].contiguous()) for i in range(130)], 1)
    for size in range(1, 131):
        cut = torch.cat(
            [
                run(operand[:, i : i + size].contiguous())
                for i in range(0, 130 if size in (3, 64) else size, size)
            ],
            1,
        )
        assert torch.equal(bits(cut), bits(single[:, : cut.shape[1]])), f"{size} rows at once"


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core only")
def test_threads_change_no_bit(A):
    x, y = random(13, 37, 22), random(11, 37, 17)
    before = numba.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append((A(x), A.T(y), A.smear(y)))
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        assert torch.equal(bits(one), bits(two))


def test_memory_order_changes_no_bit_and_is_kept_rows_innermost(A):
    x = random(13, 5, 22)
    rows_last = x.permute(0, 2, 1).contiguous().permute(0, 2, 1)
    assert torch.equal(bits(A(x)), bits(A(rows_last)))
    assert A(x).permute(0, 2, 1).is_contiguous()
    assert A.T(A(x)).permute(0, 2, 1).is_contiguous()


def test_the_operand_is_left_alone(A):
    x, y = random(13, 5, 22), random(11, 5, 17)
    x0, y0 = x.clone(), y.clone()
    A(x)
    A.T(y)
    A.smear(y)
    assert torch.equal(x, x0)
    assert torch.equal(y, y0)


def test_scaling_by_a_power_of_two_is_exact(A):
    x = random(13, 5, 22)
    assert torch.equal(bits(A(4 * x)), bits(4 * A(x)))


def test_smear_weighs_every_view_as_one(make):
    """Of ones, a smear counts the views whose detector a voxel's ray meets between two pixel
    centres."""
    angles = np.array([0.0, 33.0, -61.0, 90.0])
    wide = make("native", (15, 12), 30, angles)
    torch.testing.assert_close(
        wide.smear(torch.ones(4, 2, 30)), torch.full((15, 2, 12), 4.0), rtol=0, atol=1e-5
    )
    shift = np.array([0.0, 100.0, 0.0, 100.0])  # two views look past the volume
    past = make("native", (15, 12), 30, angles, shift)
    torch.testing.assert_close(
        past.smear(torch.ones(4, 2, 30)), torch.full((15, 2, 12), 2.0), rtol=0, atol=1e-5
    )


def test_smear_interpolates_linearly(make):
    """A view that is a ramp in u gives every voxel its own column."""
    A = make("native", (11, 14), 31, [27.0])
    ramp = (torch.arange(31.0) - 15).expand(1, 1, 31)
    z, x = np.meshgrid(np.arange(11) - 5.0, np.arange(14) - 6.5, indexing="ij")
    t = np.deg2rad(27)
    np.testing.assert_allclose(
        A.smear(ramp)[:, 0].numpy(), x * np.cos(t) + z * np.sin(t), atol=1e-5
    )


def test_gradient_is_the_adjoint(A):
    x, w = random(13, 3, 22).requires_grad_(), random(11, 3, 17, seed=1)
    (gradient,) = torch.autograd.grad((A(x) * w).sum(), x)
    torch.testing.assert_close(gradient, A.T(w), rtol=0, atol=0)
    y, v = random(11, 3, 17).requires_grad_(), random(13, 3, 22, seed=1)
    (gradient,) = torch.autograd.grad((A.T(y) * v).sum(), y)
    torch.testing.assert_close(gradient, A(v), rtol=0, atol=0)


def test_gradients_pass_memory_that_could_be_reused(A):
    x, w = random(13, 3, 22).requires_grad_(), random(11, 3, 17, seed=1)
    old = A(random(13, 3, 22, seed=2))
    before = old.clone()
    (gradient,) = torch.autograd.grad((A(x, reuse=old) * w).sum(), x)
    torch.testing.assert_close(gradient, A.T(w), rtol=0, atol=0)
    assert torch.equal(old, before)


@pytest.mark.parametrize("n_x", [1, 2, 31, 32, 33, 65])
def test_tiles_of_any_width_meet_without_a_seam(make, n_x):
    """Few rows take two voxels at a time, and a tile may end with one: every column of the matrix,
    by the forward direction."""
    A = make("native", (34, n_x), 40, [0.0, 33.0, -70.0])
    y = random(3, 2, 40)
    unit = torch.eye(34 * n_x).reshape(34, n_x, -1).permute(0, 2, 1)
    wanted = torch.einsum("tpu,tyu->py", A(unit), y).reshape(34, n_x, 2).permute(0, 2, 1)
    torch.testing.assert_close(A.T(y), wanted, rtol=0, atol=2e-5)


def test_gradient_of_a_gradient(A):
    """The gradient of 1/2 ||A x||^2 is A'A x, its Hessian times v is A'A v."""
    x, v = random(13, 3, 22).requires_grad_(), random(13, 3, 22, seed=1)
    (gradient,) = torch.autograd.grad(0.5 * (A(x) ** 2).sum(), x, create_graph=True)
    torch.testing.assert_close(gradient.detach(), A.T(A(x.detach())))
    (curvature,) = torch.autograd.grad((gradient * v).sum(), x)
    torch.testing.assert_close(curvature, A.T(A(v)))


def test_gradient_through_a_batch(A):
    x = random(2, 13, 3, 22).requires_grad_()
    w = random(2, 11, 3, 17, seed=1)
    (gradient,) = torch.autograd.grad((A(x) * w).sum(), x)
    torch.testing.assert_close(gradient, A.T(w), rtol=0, atol=0)
