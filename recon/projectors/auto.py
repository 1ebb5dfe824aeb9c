"""``projector=auto``: ASTRA on a CUDA device if one is usable, else the native projector."""

from __future__ import annotations

import torch

from recon.geometry import Geometry
from recon.projectors.base import Projector
from recon.projectors.native import NativeProjector


def auto(geometry: Geometry, volume_zx: tuple[int, int], width: int) -> Projector:
    """The fastest projector this machine can run."""
    if torch.cuda.is_available():
        try:
            import astra
        except ImportError:
            return NativeProjector(geometry, volume_zx, width)
        if astra.use_cuda():
            from recon.projectors.astra import AstraProjector

            return AstraProjector(geometry, volume_zx, width, kind="cuda")
    return NativeProjector(geometry, volume_zx, width)
