"""gridrec, the Fourier-gridding reconstruction of TomoPy (optional)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound
from recon.projectors.base import Projector
from recon.projectors.masked import filled
from recon.projectors.tomopy import load_tomopy
from recon.stage import Method, Needs


def gridrec(
    A: Projector,
    y: Tensor,
    *,
    filter: str = "ramlak",
    minimum: float | None = None,
    maximum: float | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """TomoPy's ``gridrec`` (Dowd et al. 1999, doi:10.1117/12.363725), brought to our scale and
    centre.

    gridrec wants the sinogram padded to twice its width by its caller, scales by pi / n_angles
    whatever the range of angles (so a wedge comes out at full range's scale), and puts the image
    half a pixel up and right of where its ``center`` says.
    """
    tomopy = load_tomopy()
    width = y.shape[2]
    pad = width // 2
    views = np.pad(filled(A, y).numpy(force=True), ((0, 0), (0, 0), (pad, width - pad)))
    axis = pad + (width - 1) / 2
    slices = tomopy.recon(
        views,
        -np.deg2rad(A.geometry.angles_deg),
        center=axis,
        algorithm="gridrec",
        filter_name=filter,
        sinogram_order=False,
    )
    # The image comes out displaced by (-0.5 row, +0.5 column): taken back by averaging neighbours'
    # halves.
    cut = slices[:, pad : pad + width, pad : pad + width]
    shifted = 0.25 * (
        cut + np.roll(cut, 1, 1) + np.roll(cut, -1, 2) + np.roll(np.roll(cut, 1, 1), -1, 2)
    )
    x = bound(
        torch.from_numpy(np.ascontiguousarray(shifted.astype(np.float32))).permute(1, 0, 2),
        minimum,
        maximum,
    )
    progress = Progress(y, None, callback)
    if progress.wanted:
        progress.done(y - A(x))
    return x


GRIDREC = Method(gridrec, needs=lambda options: Needs(4, 5))
