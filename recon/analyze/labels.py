"""``analyze=labels``: materials told apart by their grey values."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from recon.analyze.base import UNKNOWN, Findings, Known
from recon.errors import UserError
from recon.metrics.labels import label_scores
from recon.progress import track
from recon.series import Volume
from recon.stage import Analysis

MOST = 5  # classes; the search over more thresholds takes minutes


def labels(
    volume: Volume,
    *,
    known: Known = UNKNOWN,
    classes: int | Literal["auto"] = "auto",
    smooth_px: float = 1.0,
    tolerance_px: float = 1.0,
) -> Findings:
    """Thresholds that make the classes of grey values most uniform; class 0 is the darkest, the
    vacuum.

    Otsu 1979 (doi:10.1109/TSMC.1979.4310076) for several classes (Liao, Chen and Chung 2001, J.
    Inf. Sci. Eng. 17, 713), by scikit-image, on the tomogram smoothed by a Gaussian of
    ``smooth_px``. ``classes``: with the vacuum; ``auto``: as many as the true labels of a simulated
    series, else 2. ``tolerance_px``: of boundary F1. Grey values tell a material's rank, not its
    name: where the truth is known and has as many labels, classes take the names of the true labels
    in order of grey value; with another number, all matter is scored as label 1. Raises
    ``UserError`` for a tomogram with fewer grey values than classes, and for options out of range.
    """
    from skimage.filters import threshold_multiotsu

    if not (np.isfinite(smooth_px) and smooth_px >= 0):
        raise UserError(f"analyze.smooth_px={smooth_px} given, 0 or more wanted")
    true = known.labels
    names = [0, 1] if true is None else torch.unique(true).tolist()
    count = min(len(names), MOST) if classes == "auto" else classes
    if not 2 <= count <= MOST:
        raise UserError(
            f"analyze.classes={count} given, auto or 2 to {MOST} (the vacuum included) wanted"
        )
    with track("telling materials apart", 3) as phase:
        grey = ndimage.gaussian_filter(volume.data.numpy(force=True), smooth_px)
        phase.advance()
        try:
            thresholds = threshold_multiotsu(grey, classes=count)
        except ValueError as error:
            raise UserError(
                f"{volume.name} has fewer than {count} grey values, a tomogram with {count} "
                f"materials wanted"
            ) from error
        phase.advance()
        found = torch.from_numpy(np.digitize(grey, thresholds).astype(np.int16))
    facts: dict[str, object] = {
        "classes": count,
        "thresholds": [float(t) for t in thresholds],
        "volume_fractions": {int(k): float((found == k).float().mean()) for k in range(count)},
    }
    sentence = (
        f"{count} classes, {100 * float((found > 0).float().mean()):.1f} % of the volume is matter"
    )
    if true is not None and true.shape == found.shape:
        if len(names) == count:
            found = _named(found, grey, true, names)
        else:
            true, facts["scored"] = (true > 0).to(torch.int16), "matter"
        scores = label_scores(
            found if len(names) == count else (found > 0).to(torch.int16),
            true,
            tolerance_px=tolerance_px,
        )
        facts["scores"] = scores
        sentence += "".join(
            f"; label {k}: Dice {s['dice']:.3f}, IoU {s['iou']:.3f}, boundary F1 "
            f"{s['boundary_f1']:.3f}, HD95 {s['hd95_px']:.1f} voxels, "
            f"volume {100 * s['volume_error']:+.1f} %"
            for k, s in scores.items()
        )
    step = (
        f"labels by {count - 1} thresholds at {', '.join(f'{t:.4g}' for t in thresholds)} "
        f"after "
        f"a Gaussian of {smooth_px:g} voxels"
    )
    made = Volume(
        found.float(), volume.voxel_nm, f"{volume.name} labels", (*volume.history, step), "label"
    )
    return Findings(facts, sentence, labels=made)


def _named(found: Tensor, grey: np.ndarray, true: Tensor, names: list[int]) -> Tensor:
    """Classes 0, 1, ... renamed to the true labels in order of their mean grey value."""
    means = ndimage.mean(grey, true.numpy(), names)
    order = torch.tensor([names[i] for i in np.argsort(means)], dtype=torch.int16)
    return order[found.long()]


LABELS = Analysis(labels)
