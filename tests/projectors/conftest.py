"""Every backend by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.projectors.astra import AstraProjector
from recon.projectors.base import Projector, ProjectorFactory
from recon.projectors.native import NativeProjector
from recon.projectors.tomopy import TomopyProjector

ANGLES_DEG = np.array([0.0, 45.0, 90.0, -90.0, 60.3, -33.7, -45.0, 12.5, 89.99, 135.0, 180.0])


def backend(name: str) -> ProjectorFactory:
    """The projector class of a name, or a skip that says what is missing."""
    if name == "native":
        return NativeProjector
    if name == "tomopy":
        pytest.importorskip("tomopy", reason="TomoPy is not installed (conda-forge only)")
        return TomopyProjector
    pytest.importorskip(
        "astra", reason="the ASTRA toolbox is not installed: pip install 'tiltwise[astra]'"
    )
    kind = name.removeprefix("astra-")
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return partial(AstraProjector, kind=kind)


@pytest.fixture
def make() -> Callable[..., Projector]:
    """make(name, (z, x), width, angles_deg=..., shifts_x=...) -> Projector"""

    def make(
        name: str, zx: tuple[int, int], width: int, angles_deg=ANGLES_DEG, shifts_x=None
    ) -> Projector:  # type: ignore[no-untyped-def]
        angles = np.asarray(angles_deg, dtype=float)
        shifts = (
            None if shifts_x is None else np.stack([np.zeros(angles.size), np.asarray(shifts_x)], 1)
        )
        return backend(name)(Geometry(angles, 1.0, 0.0, shifts), zx, width)

    return make
