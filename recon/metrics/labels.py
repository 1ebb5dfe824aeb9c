"""Scores of a segmentation against true labels, label by label: overlap, boundaries, volume.

Volumes of labels are (z, y, x) tensors of whole numbers, 0 the background; lengths are in voxels.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from recon.errors import UserError
from recon.progress import track_each


def label_scores(
    found: Tensor, truth: Tensor, *, tolerance_px: float = 1.0
) -> dict[int, dict[str, float]]:
    """``dice``, ``iou``, ``boundary_f1``, ``hd95_px``, ``volume_error`` of every label but 0 that
    is in the truth.

    Raises ``UserError`` for volumes that differ in shape, hold other than whole numbers from 0, or
    a truth without labels.
    """
    a, b = comparable_labels(found, truth)
    return {
        label: {
            "dice": dice(a, b, label),
            "iou": iou(a, b, label),
            "boundary_f1": boundary_f1(a, b, label, tolerance_px=tolerance_px),
            "hd95_px": hd95_px(a, b, label),
            "volume_error": volume_error(a, b, label),
        }
        for label in track_each("comparing with the true labels", torch.unique(b).tolist())
        if label != 0
    }


def dice(found: Tensor, truth: Tensor, label: int) -> float:
    """2 |A and B| / (|A| + |B|), by MONAI. Dice 1945, doi:10.2307/1932409"""
    from monai.metrics.meandice import compute_dice

    return float(compute_dice(*_batches(found, truth, label), include_background=True))


def iou(found: Tensor, truth: Tensor, label: int) -> float:
    """|A and B| / |A or B|, by MONAI."""
    from monai.metrics.meaniou import compute_iou

    return float(compute_iou(*_batches(found, truth, label), include_background=True))


def hd95_px(found: Tensor, truth: Tensor, label: int) -> float:
    """The 95th percentile of the distances from one surface to the other, the larger of both ways,
    by MONAI; inf when nothing was found.

    Surface voxels are those of the label that touch another.
    """
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    a, b = _batches(found, truth, label)
    if not bool(a.any()):
        return math.inf
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # MONAI 1.5 warns of its own use of an argument
        return float(compute_hausdorff_distance(a, b, include_background=True, percentile=95))


def boundary_f1(found: Tensor, truth: Tensor, label: int, *, tolerance_px: float = 1.0) -> float:
    """Harmonic mean of the shares of either surface that lie within ``tolerance_px`` of the other.

    Csurka et al. 2013, BMVC, doi:10.5244/C.27.32. Raises ``UserError`` for a tolerance below 0.
    """
    if not (np.isfinite(tolerance_px) and tolerance_px >= 0):
        raise UserError(
            f"a tolerance of {tolerance_px} voxels given for boundary F1, 0 or more wanted"
        )
    a, b = (_surface(m[0, 0].numpy()) for m in _batches(found, truth, label))
    if not a.any():
        return 0.0
    precision = float(np.mean(ndimage.distance_transform_edt(~b)[a] <= tolerance_px + 1e-9))
    recall = float(np.mean(ndimage.distance_transform_edt(~a)[b] <= tolerance_px + 1e-9))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def volume_error(found: Tensor, truth: Tensor, label: int) -> float:
    """(found - true volume fraction) / true volume fraction: 0.1 is ten percent too much, -1 is
    nothing found."""
    a, b = _batches(found, truth, label)
    return float(a.sum()) / float(b.sum()) - 1


def comparable_labels(found: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Both as int64 on the CPU, checked; see ``label_scores``."""
    if found.shape != truth.shape:
        raise UserError(
            f"labels of {tuple(found.shape)} and {tuple(truth.shape)} given to compare, one shape "
            f"wanted; crop or bin one of them"
        )
    a, b = (_whole(v, what) for v, what in ((found, "found labels"), (truth, "true labels")))
    if not bool((b > 0).any()):
        raise UserError(
            "true labels that are 0 everywhere given, at least one labelled voxel wanted; there is "
            "nothing to score"
        )
    return a, b


def _whole(labels: Tensor, what: str) -> Tensor:
    if labels.ndim != 3 or labels.numel() == 0:
        raise UserError(f"{what} of shape {tuple(labels.shape)} given, (z, y, x) wanted")
    values = labels.detach().cpu()
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        raise UserError(
            f"{what} with {int((~torch.isfinite(values)).sum())} values that are not finite given, "
            f"whole numbers wanted"
        )
    if (
        values.is_complex()
        or bool((values < 0).any())
        or (values.is_floating_point() and bool((values != values.round()).any()))
    ):
        raise UserError(
            f"{what} of type {values.dtype} with other values than 0, 1, 2 ... given, whole "
            f"numbers wanted; threshold them"
        )
    return values.to(torch.int64)


def _batches(found: Tensor, truth: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """The label's masks as MONAI takes them, (1, 1, z, y, x)."""
    a, b = comparable_labels(found, truth)
    if not bool((b == label).any()):
        raise UserError(
            f"label {label} given to score, one of {torch.unique(b)[:20].tolist()} wanted: those "
            f"that the truth has"
        )
    return (a == label)[None, None], (b == label)[None, None]


def _surface(mask: np.ndarray) -> np.ndarray:
    """Voxels of the mask that have one of their six neighbours outside it, or outside the
    volume."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask))
