"""The stored matrix is the native projector, entry by entry."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.peers.sparse import as_torch, check, joseph_adjoint
from recon.geometry import Geometry

GEOMETRY = Geometry(np.array([-70.0, -45.0, -12.3, 0.0, 33.0, 90.0]), 1.0)


@pytest.mark.parametrize("n", [16, 17])
def test_its_product_is_a_projection(n: int) -> None:
    A = joseph_adjoint(GEOMETRY, n).T.tocsr()
    x = np.random.default_rng(0).normal(size=(n * n, 3)).astype(np.float32)
    check(A, GEOMETRY, x)
    product = (as_torch(A) @ torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(product, A @ x, atol=1e-4)


def test_another_matrix_is_refused() -> None:
    A = joseph_adjoint(GEOMETRY, 16).T.tocsr()
    x = np.ones((256, 2), np.float32)
    with pytest.raises(ValueError, match="not the projector"):
        check(A * 1.001, GEOMETRY, x)
