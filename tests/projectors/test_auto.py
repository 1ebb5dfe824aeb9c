"""``projector=auto`` takes a GPU if there is one and never fails for want of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.projectors.astra import AstraProjector
from recon.projectors.auto import auto
from recon.projectors.native import NativeProjector

GEOMETRY = Geometry(np.array([-10.0, 0.0, 10.0]), 1.0)


def test_without_a_gpu_it_is_native(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    A = auto(GEOMETRY, (8, 9), 10)
    assert isinstance(A, NativeProjector)
    assert (A.volume_zx, A.sinogram_tx) == ((8, 9), (3, 10))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_with_a_gpu_it_is_astra():
    pytest.importorskip("astra", reason="the ASTRA toolbox is not installed")
    assert isinstance(auto(GEOMETRY, (8, 9), 10), AstraProjector)
