"""Scores against a known truth. Every function says its peak, its range, its units; none accepts
volumes it cannot score."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from recon.errors import UserError
from recon.geometry import centre


def psnr(volume: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(peak^2 / mean squared error); the peak is the
    range of the truth, max - min."""
    a, b = _comparable(volume, truth)
    error = float(np.mean((a - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(float(np.ptp(b)) ** 2 / error)


def ssim(volume: Tensor, truth: Tensor) -> float:
    """Structural similarity (Wang et al. 2004, doi:10.1109/TIP.2003.819861): scikit-image's default
    7-voxel window, averaged over the slices across the tilt axis; ``data_range`` is the range of
    the truth."""
    from skimage.metrics import structural_similarity

    a, b = _comparable(volume, truth)
    if min(a.shape[0], a.shape[2]) < 7:
        raise UserError(
            f"a volume of {a.shape} given for SSIM, at least 7 voxels in z and x wanted; its "
            f"window does not fit"
        )
    scores = [
        structural_similarity(a[:, row], b[:, row], data_range=float(np.ptp(b)))
        for row in range(a.shape[1])
    ]
    return float(np.mean(scores))


def nrmse(volume: Tensor, truth: Tensor) -> float:
    """||volume - truth|| / ||truth||, Euclidean."""
    a, b = _comparable(volume, truth)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def fsc(first: Tensor, second: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Fourier shell correlation of two volumes: (frequency in cycles per voxel, correlation) for
    shells one sample of the shorter of z and x wide.

    Harauz and van Heel 1986, Optik 73, 146. Frequencies run to 0.5; the shell at 0 is left out.
    Volumes are compared as they are: a common mask or a common artefact counts as agreement.
    """
    a, b = _comparable(first, second)
    spectra = [np.fft.rfftn(v - v.mean()) for v in (a, b)]
    radius2 = sum(
        np.reshape(
            np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n),
            [-1 if k == axis else 1 for k in range(3)],
        )
        ** 2
        for axis, n in enumerate(a.shape)
    )
    step = 1 / min(
        a.shape[0], a.shape[2]
    )  # a slab of few rows still has fine frequencies across them
    shell = np.rint(np.sqrt(radius2) / step).astype(int).ravel()
    count = int(0.5 / step) + 1
    # The half spectrum stands for both halves: all columns but the first (and the last, for an even
    # size) count twice.
    twice = np.full(spectra[0].shape, 2.0)
    twice[..., 0] = 1
    if a.shape[2] % 2 == 0:
        twice[..., -1] = 1

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(shell, (values * twice).ravel(), minlength=count)[1:count]

    cross = total((spectra[0] * np.conj(spectra[1])).real)
    power = total(np.abs(spectra[0]) ** 2) * total(np.abs(spectra[1]) ** 2)
    return np.arange(1, count) * step, cross / np.sqrt(np.maximum(power, 1e-300))


def crossing(frequency: np.ndarray, correlation: np.ndarray, threshold: float) -> float:
    """The frequency (linearly interpolated) where the correlation first falls below ``threshold``;
    0.5 or the last one if it never does."""
    below = np.flatnonzero(correlation < threshold)
    if below.size == 0:
        return float(frequency[-1])
    i = int(below[0])
    if i == 0:
        return float(frequency[0])
    part = (correlation[i - 1] - threshold) / (correlation[i - 1] - correlation[i])
    return float(frequency[i - 1] + part * (frequency[i] - frequency[i - 1]))


def wedge_elongation(max_tilt_deg: float) -> float:
    """sqrt((a + sin a cos a) / (a - sin a cos a)): how much a missing wedge stretches a point along
    the beam, for tilts to +-a.

    Radermacher 1988, J. Electron Microsc. Tech. 9, 359: 1.55 at 60 degrees, 1.31 at 70.
    """
    a = math.radians(max_tilt_deg)
    if not 0 < max_tilt_deg <= 90:
        raise UserError(f"a largest tilt of {max_tilt_deg} degrees given, 0 to 90 wanted")
    return math.sqrt((a + math.sin(a) * math.cos(a)) / (a - math.sin(a) * math.cos(a)))


def elongation(blob: Tensor) -> float:
    """Width along z over width along x of one blob in a (z, y, x) volume: ratio of the standard
    deviations of its positive density."""
    values = np.maximum(_checked(blob, "a blob"), 0)
    if values.sum() == 0:
        raise UserError(
            "a blob without positive density given, one bright body on zero ground wanted"
        )
    widths = []
    for axis in (0, 2):
        profile = values.sum(tuple(k for k in range(3) if k != axis))
        at = np.arange(profile.size) - centre(profile.size)
        mean = (profile * at).sum() / profile.sum()
        widths.append(math.sqrt(float((profile * (at - mean) ** 2).sum() / profile.sum())))
    return widths[0] / max(widths[1], 1e-12)


def _comparable(volume: Tensor, truth: Tensor) -> tuple[np.ndarray, np.ndarray]:
    if volume.shape != truth.shape:
        raise UserError(
            f"volumes of {tuple(volume.shape)} and {tuple(truth.shape)} given to compare, one "
            f"shape wanted; crop or bin one of them"
        )
    a, b = _checked(volume, "a volume"), _checked(truth, "a reference volume")
    if np.ptp(b) == 0:
        raise UserError(
            f"a reference volume that is {float(b.flat[0]):g} everywhere given, one with structure "
            f"wanted"
        )
    return a, b


def _checked(volume: Tensor, what: str) -> np.ndarray:
    if volume.ndim != 3:
        raise UserError(f"{what} of shape {tuple(volume.shape)} given, (z, y, x) wanted")
    values = volume.numpy(force=True).astype(np.float64)
    if not np.isfinite(values).all():
        raise UserError(
            f"{what} with {int((~np.isfinite(values)).sum())} values that are not finite given, "
            f"numbers wanted"
        )
    return values


def crowther_frequency(angles_deg: np.ndarray, width: float) -> float | None:
    """1 / (pi D / N) = N / (pi D) in cycles per voxel, for D the ``width`` in voxels and N the
    views that 180 degrees would have.

    Crowther, DeRosier and Klug 1970, doi:10.1098/rspa.1970.0119. A specimen narrower than D is
    resolved farther. None where there is no step.
    """
    steps = np.diff(np.unique(angles_deg[np.isfinite(angles_deg)]))
    if steps.size == 0 or not width > 0:
        return None
    return float(180 / np.median(steps) / (np.pi * width))
