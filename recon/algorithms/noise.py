"""How noisy a tilt series is, from the series itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


BINS = 16  # of a group of views, by the local mean
BIN_PIXELS = 500  # at least, so that a bin's variance is known to a tenth
ABOVE_DARK = 0.1  # of the range of local means: what is darker says nothing about the gain
CLEAN = 0.35  # quantile of the gains: structure adds to a variance, nothing takes from it
_FOURTH = np.array([1.0, -4.0, 6.0, -4.0, 1.0]) / np.sqrt(70)


@dataclass(frozen=True)
class PhotonTransfer:
    """The noise of a pixel whose expectation is m: variance = ``floor`` + ``gain`` * (m -
    ``dark``), in units of the data. ``mean``: of all pixels."""

    gain: float
    floor: float
    dark: float
    mean: float

    @property
    def sigma(self) -> float:
        """Root-mean-square standard deviation of all pixels."""
        return math.sqrt(self.floor + self.gain * max(self.mean - self.dark, 0.0))


def measure_photon_transfer(y: Tensor) -> PhotonTransfer:
    """Gain and read noise of (tilt, y, x) views, noise white within a view (Janesick's photon
    transfer, from one exposure per view).

    Pixels of neighbouring views are sorted by the mean of the 5 x 5 around them; each bin's
    variance is the mean square of fourth differences, which see next to nothing of smooth
    structure. The darkest bins give the floor (read noise, dark current), the others the gain: a
    low quantile of all bins', because structure only ever adds. As counting noise is linear in the
    mean, a bin may mix bright and dark, and vacuum around a specimen cannot hide its noise. Stacks
    of fewer than 5 rows use x only.
    """
    views = y.numpy(force=True)
    mean = float(views.mean(dtype=np.float64))
    levels, squares = _local(views)
    group = max(1, -(-BINS * BIN_PIXELS // max(1, levels[0].size)))
    m, v = [], []
    for first in range(0, len(levels), group):
        level, square = (
            levels[first : first + group].ravel(),
            squares[first : first + group].ravel(),
        )
        for part in np.array_split(np.argsort(level, kind="stable"), BINS):
            if part.size:
                m.append(level[part].mean(dtype=np.float64))
                v.append(square[part].mean(dtype=np.float64))
    means, variances = np.array(m), np.array(v)
    darkest = means <= np.quantile(means, 1.5 / BINS)
    dark, floor = float(np.median(means[darkest])), float(np.median(variances[darkest]))
    above = means - dark
    bright = above > ABOVE_DARK * above.max()
    gain = 0.0
    if bright.any():
        gain = float(np.quantile((variances[bright] - floor) / above[bright], CLEAN))
    if gain <= 0:  # the same everywhere, as in simulated white noise
        return PhotonTransfer(0.0, float(np.quantile(variances, CLEAN)), dark, mean)
    return PhotonTransfer(gain, floor, dark, mean)


def _local(views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(tilt, y, x) means around each pixel and squares of the fourth difference there, without the
    outermost two pixels."""
    tall = views.shape[1] >= 5
    rough = ndimage.convolve1d(views, _FOURTH, axis=2)
    level = ndimage.uniform_filter1d(views, 5, axis=2)
    if tall:
        rough = ndimage.convolve1d(rough, _FOURTH, axis=1)
        level = ndimage.uniform_filter1d(level, 5, axis=1)
    inner = (slice(None), slice(2, -2) if tall else slice(None), slice(2, -2))
    return level[inner], rough[inner] ** 2
