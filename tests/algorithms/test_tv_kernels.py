"""The fused loops of TV equal the same formulas in plain NumPy, in every shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.algorithms import tv_kernels

SHAPES = [(5, 6, 1), (5, 6, 3), (1, 6, 9), (5, 1, 9), (4, 7, 33), (1, 1, 1), (2, 2, 2), (3, 5, 16)]


def gradient(x, along_c):
    parts = [np.diff(x, axis=a, append=np.take(x, [-1], axis=a)) for a in range(3)]
    return np.stack([parts[0], parts[1], parts[2] if along_c else np.zeros_like(x)])


def gradient_adjoint(q):
    """<grad x, q> = <x, grad' q>, for a q that is zero across its last planes."""
    return sum(-q[a] + np.roll(q[a], 1, axis=a) for a in range(3))


def dual(shape, along_c, random):
    """A q as ``ascend`` leaves it: zero where there is no difference to take."""
    q = random.normal(size=(3, *shape))
    q[0, -1], q[1, :, -1], q[2, :, :, -1] = 0, 0, 0
    if not along_c:
        q[2] = 0
    return q.astype(np.float32)


@pytest.mark.parametrize("along_c", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ascend(shape, along_c):
    random = np.random.default_rng(0)
    x, q = random.normal(size=shape).astype(np.float32), dual(shape, along_c, random)
    wanted = q.astype(np.float64) + 0.37 * gradient(x.astype(np.float64), along_c)
    wanted *= 1.1 / np.maximum(1.1, np.sqrt((wanted**2).sum(0)))
    relaxed = q + 1.9 * (wanted - q)
    before, plain = x.copy(), q.copy()
    tv_kernels.ascend(x, q, np.float32(0.37), np.float32(1.1), np.float32(1.9), along_c)
    np.testing.assert_allclose(q, relaxed, atol=5e-6)
    np.testing.assert_array_equal(x, before)
    tv_kernels.ascend(x, plain, np.float32(0.37), np.float32(1.1), np.float32(1), along_c)
    assert float(np.sqrt((plain.astype(np.float64) ** 2).sum(0)).max()) <= 1.1 * (1 + 1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_descend(shape):
    random = np.random.default_rng(1)
    x, back = (random.normal(size=shape).astype(np.float32) for _ in range(2))
    q, bar = dual(shape, True, random), random.normal(size=shape).astype(np.float32)
    new = np.clip(x - 0.2 * (back + gradient_adjoint(q.astype(np.float64))), -0.5, 0.9)
    wanted_bar, relaxed = 2 * new - x, x + 1.9 * (new - x)
    tv_kernels.descend(
        x, bar, back, q, np.float32(0.2), np.float32(1.9), np.float32(-0.5), np.float32(0.9)
    )
    np.testing.assert_allclose(x, relaxed, atol=4e-6)
    np.testing.assert_allclose(bar, wanted_bar, atol=4e-6)


@settings(max_examples=30, deadline=None)
@given(shape=st.tuples(*[st.integers(1, 8)] * 3), seed=st.integers(0, 99))
def test_the_two_loops_use_one_gradient_and_its_adjoint(shape, seed):
    """Through the kernels alone: with steps of 1, no bounds and a huge ball, <grad x, q> = <x,
    grad' q>."""
    random = np.random.default_rng(seed)
    x, q = random.normal(size=shape).astype(np.float32), dual(shape, True, random)
    grad = np.zeros((3, *shape), np.float32)
    tv_kernels.ascend(x, grad, np.float32(1), np.float32(1e12), np.float32(1), True)
    minus, bar, zero = (
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
    tv_kernels.descend(
        minus, bar, zero, q, np.float32(1), np.float32(1), np.float32(-1e30), np.float32(1e30)
    )
    assert float((grad.astype(np.float64) * q).sum()) == pytest.approx(
        -float((x.astype(np.float64) * minus).sum()), abs=1e-4
    )


def test_another_memory_order_gives_the_same():
    """The array behind another projector's volume need not be C-ordered."""
    random = np.random.default_rng(2)
    x, q = random.normal(size=(4, 5, 6)).astype(np.float32), np.zeros((3, 4, 5, 6), np.float32)
    other_q = q.copy()
    tv_kernels.ascend(x, q, np.float32(0.5), np.float32(0.4), np.float32(1.9), True)
    strided = np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0)
    tv_kernels.ascend(strided, other_q, np.float32(0.5), np.float32(0.4), np.float32(1.9), True)
    np.testing.assert_allclose(other_q, q, atol=1e-7)
