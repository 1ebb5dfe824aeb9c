"""gridrec is TomoPy's: without it the error has the fix, with it the scale and place are ours."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from recon.algorithms.gridrec import gridrec
from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector


def test_a_missing_tomopy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    A = NativeProjector(Geometry(np.array([0.0]), 1.0), (8, 8), 8)
    with pytest.raises(
        UserError, match=r"algorithm=gridrec\) but is not installed; run: conda install"
    ):
        gridrec(A, torch.zeros(1, 1, 8))


def test_a_blob_keeps_its_place_and_grey_value():
    pytest.importorskip("tomopy", reason="TomoPy is not installed (conda-forge only)")
    n, at = 64, (6.0, -9.0)
    z, x = np.meshgrid(np.arange(n) - 31.5, np.arange(n) - 31.5, indexing="ij")
    blob = np.exp(-((z - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * 4.0**2))
    truth = torch.from_numpy(np.repeat(blob[:, None], 2, 1).astype(np.float32))
    A = NativeProjector(Geometry(np.arange(-90, 90, 1.0), 1.0), (n, n), n)
    result = gridrec(A, A(truth))[:, 0].double().clamp(min=0.2).numpy() - 0.2
    np.testing.assert_allclose(
        [(result * z).sum() / result.sum(), (result * x).sum() / result.sum()], at, atol=0.1
    )
    assert result.max() + 0.2 == pytest.approx(1.0, rel=0.05)
