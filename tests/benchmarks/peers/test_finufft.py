"""The Fourier slice theorem by FINUFFT gives the views that our projector gives, and its adjoint is
one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.peers.finufft import FourierSlices, spectrum_length
from recon.geometry import Geometry, centre
from recon.projectors.native import NativeProjector

GEOMETRY = Geometry(np.array([-65.0, -20.0, 0.0, 41.0, 90.0]), 1.0)


def blob(n: int, z: float, x: float, width: float) -> np.ndarray:
    """(n, n) float32: smooth, so that every projector agrees."""
    along = np.arange(n) - centre(n)
    square = ((along - z) ** 2)[:, None] + ((along - x) ** 2)[None]
    return np.exp(-square / (2 * width**2)).astype(np.float32)


@pytest.mark.parametrize("n", [32, 33])
def test_views_are_ours(n: int) -> None:
    pytest.importorskip("finufft")
    pair = np.stack([blob(n, 4.0, -3.0, 3.0), blob(n, -2.0, 5.0, 4.0)])
    views = FourierSlices(GEOMETRY, n, 1).forward(pair[:1] + 1j * pair[1:])[0]
    ours = NativeProjector(GEOMETRY, (n, n), n)(torch.from_numpy(pair).permute(1, 0, 2)).numpy()
    for part, row in ((views.real, 0), (views.imag, 1)):
        assert np.abs(part - ours[:, row]).max() < 0.02 * ours[:, row].max()


def test_the_adjoint_is_one() -> None:
    pytest.importorskip("finufft")
    n, rng = 32, np.random.default_rng(1)
    A = FourierSlices(GEOMETRY, n, 2)

    def noise(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)

    x, y = noise(2, n, n), noise(2, GEOMETRY.n_views, n)
    left, right = np.vdot(y, A.forward(x)), np.vdot(A.adjoint(y), x)
    assert abs(left - right) < 1e-3 * np.linalg.norm(A.forward(x)) * np.linalg.norm(y)


def test_corners_do_not_come_back() -> None:
    """A point in the corner lies off the detector at 45 degrees, on both of its sides."""
    pytest.importorskip("finufft")
    n = 64
    A = FourierSlices(Geometry(np.array([45.0, -45.0]), 1.0), n, 1)
    corner = blob(n, 28.0, 28.0, 2.0)[None].astype(np.complex64)
    off = A.forward(corner)[0, 0]
    assert np.abs(off).max() < 0.01 * np.abs(A.forward(corner)[0, 1]).max()
    assert spectrum_length(n) % 2 == 1
