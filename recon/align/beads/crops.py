"""What the network sees of a candidate: 32 x 32 samples of 2.5 diameters around it, bright on dark,
in units of the beads' height."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SIZE = 32
WIDTH = 2.5  # diameters
BRIGHTEST = 3.0  # heights: a hot pixel is not given more


def crops(
    view: np.ndarray, index_px: np.ndarray, diameter_px: float, contrast: float
) -> np.ndarray:
    """(n, 32, 32) float32 around (n, 2) positions (row, column) of a view (y, x), mean 0 each,
    divided by ``contrast``.

    ``contrast``: how much brighter than its surroundings a bead of this series usually is in the
    middle, in grey values; negative for dark beads. So a stain that is as round as a bead, but
    fainter, looks fainter. Beyond the border the view is mirrored. Views finer than the samples are
    smoothed first.
    """
    if len(index_px) == 0:
        return np.zeros((0, SIZE, SIZE), np.float32)
    step = WIDTH * diameter_px / SIZE
    smooth = ndimage.gaussian_filter(view, 0.4 * step) if step > 1.2 else view
    offset = (np.arange(SIZE) - (SIZE - 1) / 2) * step
    row = index_px[:, 0, None, None] + offset[:, None]
    column = index_px[:, 1, None, None] + offset
    row, column = np.broadcast_arrays(row, column)
    samples = ndimage.map_coordinates(
        smooth, [row, column], order=1, mode="mirror", output=np.float32
    )
    samples = (samples - np.median(samples, axis=(1, 2), keepdims=True)) / np.float32(contrast)
    samples = samples.clip(-BRIGHTEST, BRIGHTEST)
    return np.asarray(samples - samples.mean((1, 2), keepdims=True))
