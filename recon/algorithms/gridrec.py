"""gridrec, the Fourier-gridding reconstruction of TomoPy (optional)."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import pro_ang1
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound
from recon.projectors.base import Projector
from recon.projectors.masked import filled
from recon.projectors.tomopy import load_tomopy
from recon.stage import Method, Needs

BANDWIDTH = 7.0  # of gridrec's kernel
KERNEL_CELLS = 2  # its half width, in cells of the frequency grid


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
    whatever the range of angles (so a wedge comes out as WBP's ``scale=full``), and is too bright by
    its ``gain``, which is divided out.
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
    # Its rows run against y. The axis comes out in column ``width``, row ``width - 1``.
    column = gain(views.shape[2])
    image = slices / (column[::-1, None] * column)
    if width % 2 == 0:  # ours lies between pixels: the mean of the four about it
        image = 0.25 * (
            image + np.roll(image, 1, 1) + np.roll(image, -1, 2) + np.roll(image, (1, -1), (1, 2))
        )
    row, left = width // 2, (width + 1) // 2
    shifted = image[:, row : row + width, left : left + width]
    x = bound(
        torch.from_numpy(np.ascontiguousarray(shifted.astype(np.float32))).permute(1, 0, 2),
        minimum,
        maximum,
    )
    progress = Progress(y, None, callback)
    if progress.wanted:
        progress.done(y - A(x))
    return x


def gain(width: int) -> np.ndarray:
    """(width,) by what gridrec multiplies the columns of an image of ``width``, and its rows from
    the last to the first.

    From its formula (TomoPy's source, 1.15). The gridding kernel is the prolate spheroidal function
    psi of bandwidth C = 7, stretched to two grid cells, whose transform at column x of a grid of M
    is in proportion to 2 psi(4 pi x / (C M)). What is divided by instead belongs to a kernel of C /
    pi cells, (C / pi) psi(2 (x + 1) / M): the half width was cut to a whole number. The filters are
    |2 f| for |f|, and each axis is divided by 1.2, an oversampling that is not there. In the
    middle: 2 (2 pi / 8.4)^2 = 1.119 along both axes.
    """
    grid = max(16, 1 << (width - 1).bit_length())
    x = np.arange(width) - width // 2
    return np.asarray(
        math.sqrt(2) * (KERNEL_CELLS * np.pi / BANDWIDTH / 1.2)
        * prolate(4 * np.pi * x / (BANDWIDTH * grid))
        / prolate((x + 1) / (grid / 2 - 0.5))
    )  # fmt: skip


def prolate(s: np.ndarray) -> np.ndarray:
    """psi of bandwidth ``BANDWIDTH`` at ``s`` within -1 and 1, 1 in the middle."""
    inside = np.clip(np.abs(s), 1e-9, 1 - 1e-9)
    at, middle = (pro_ang1(0, 0, BANDWIDTH, v)[0] for v in (inside, 1e-9))
    return np.asarray(at / middle)


GRIDREC = Method(gridrec, needs=lambda options: Needs(4, 5))
