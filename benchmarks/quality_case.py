"""One case of the quality benchmark: data, geometry, truth, and how a result is scored."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.projectors.base import Projector


@dataclass(frozen=True, eq=False)
class Case:
    """A problem whose truth is known. ``A`` is the reconstruction's projector; ``y`` was made by
    another one, or on a finer grid.

    ``y``: (tilt, rows, x), in units of truth * pixel. ``truth``: (z, rows, x). ``peak``: of the
    PSNR, and the ``data_range`` of the SSIM. ``support``: given for the two-dimensional sets, whose
    rows are pictures of their own: (z, 1, x) of 0 and 1, the disc in which results are scored,
    clipped to [0, peak], picture by picture; the scores are means over the pictures.
    """

    benchmark: str
    name: str
    y: Tensor
    A: Projector
    truth: Tensor
    peak: float
    support: Tensor | None = None

    def shown(self, x: Tensor) -> Tensor:
        """The result as it is scored: clipped and cut to the support in the two-dimensional sets,
        as it is in the others."""
        return x if self.support is None else x.clamp(0, self.peak) * self.support


@dataclass(frozen=True, eq=False)
class Plan:
    """A case that has not been made yet: its row's name, and how to make it."""

    benchmark: str
    name: str
    make: Callable[[], Case]


@dataclass(frozen=True)
class Scores:
    """``residual``: ||A x - y|| / ||y|| on the measured views, of the result before it was
    clipped."""

    psnr_db: float
    ssim: float
    nrmse: float
    residual: float


def score(case: Case, x: Tensor) -> Scores:
    """PSNR with the case's peak, SSIM with it as ``data_range`` (scikit-image's default window,
    slice by slice), Euclidean NRMSE."""
    from skimage.metrics import structural_similarity

    shown, truth = (v.numpy(force=True).astype(np.float64) for v in (case.shown(x), case.truth))
    rows = range(truth.shape[1])
    similar = [
        structural_similarity(shown[:, row], truth[:, row], data_range=case.peak) for row in rows
    ]
    parts = [slice(None)] if case.support is None else [slice(row, row + 1) for row in rows]
    wrong = [float(np.linalg.norm(shown[:, part] - truth[:, part])) for part in parts]
    size = [float(np.linalg.norm(truth[:, part])) for part in parts]
    count = truth.size / len(parts)
    return Scores(
        float(
            np.mean([20 * math.log10(case.peak * math.sqrt(count) / max(w, 1e-12)) for w in wrong])
        ),
        float(np.mean(similar)),
        float(np.mean([w / s for w, s in zip(wrong, size, strict=True)])),
        float(torch.linalg.vector_norm(case.A(x) - case.y) / torch.linalg.vector_norm(case.y)),
    )
