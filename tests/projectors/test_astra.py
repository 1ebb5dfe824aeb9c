"""ASTRA as a backend: what is particular to it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.astra import AstraProjector

GEOMETRY = Geometry(np.array([0.0, 30.0]), 1.0)


def test_an_unknown_kind_is_named():
    pytest.importorskip("astra", reason="the ASTRA toolbox is not installed")
    with pytest.raises(
        UserError, match=r"projector.kind=joseph given, linear, strip, line or cuda wanted"
    ):
        AstraProjector(GEOMETRY, (8, 8), 8, kind="joseph")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_gpu_is_an_error_with_a_fix():
    pytest.importorskip("astra", reason="the ASTRA toolbox is not installed")
    with pytest.raises(UserError, match="use projector=native"):
        AstraProjector(GEOMETRY, (8, 8), 8, kind="cuda")


def test_a_missing_toolbox_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "astra", None)
    with pytest.raises(UserError, match=r"pip install 'tiltwise\[astra\]'"):
        AstraProjector(GEOMETRY, (8, 8), 8)


def test_its_objects_are_freed():
    """ASTRA keeps data in tables of its own until told otherwise: a leak there outlives every
    tensor."""
    astra = pytest.importorskip("astra", reason="the ASTRA toolbox is not installed")
    A = AstraProjector(GEOMETRY, (8, 8), 8)

    def next_id():
        new = astra.data2d.create("-vol", astra.create_vol_geom(4, 4))
        size = len(str(astra.data2d.info() or ""))
        astra.data2d.delete(new)
        return new, size

    next_id()
    x = A.T(A(torch.ones(8, 3, 8)))
    assert x.shape == (8, 3, 8)
    first = astra.data2d.create("-vol", astra.create_vol_geom(4, 4))
    with pytest.raises(Exception):  # noqa: B017 - the id before it belonged to the projector and is gone
        astra.data2d.get(first - 1)
    astra.data2d.delete(first)
