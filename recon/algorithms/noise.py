"""How noisy a tilt series is, from the series itself."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from torch import Tensor

_MASK = (
    np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
)  # unit response to white noise, none to planes and straight edges


def noise_sigma(y: Tensor, block: int = 16) -> float:
    """Root-mean-square standard deviation of the noise per pixel of (tilt, y, x) views, noise white
    within a view.

    The second-difference mask of Immerkaer 1996 (doi:10.1006/cviu.1996.0060), squared robustly
    (median) in blocks of about ``block``^2 pixels, because counting noise follows the signal, then
    averaged over blocks and views. Stacks of fewer than 3 rows use x only. The outermost pixels
    have no second difference and are left out: in a thin stack they would count for much.
    """
    views = y.numpy(force=True)
    mask = _MASK if views.shape[1] >= 3 else np.array([[1, -2, 1]]) / np.sqrt(6)
    edge = len(mask) // 2
    variances = []
    for view in views:
        rough = np.abs(ndimage.convolve(view, mask))[edge : len(view) - edge, 1:-1]
        rows, columns = rough.shape
        n_y = max(1, rows // block)
        b_y = rows // n_y
        n_x = max(1, columns * b_y // block**2)
        b_x = columns // n_x
        blocks = rough[: n_y * b_y, : n_x * b_x].reshape(n_y, b_y, n_x, b_x)
        variances.append(np.mean((1.4826 * np.median(blocks, axis=(1, 3))) ** 2))
    return float(np.sqrt(np.mean(variances)))
