"""Where the tilt axis points, from the line that all views have in common.

The Fourier transform of every projection, along the direction of the tilt axis, equals that of the
specimen's projection onto the axis: the common line (DeRosier and Klug 1968, doi:10.1038/217130a0).
Its amplitude does not depend on shifts, which finds the axis of a drifting series; with phases, and
the drift roughly removed, the same line gives the angle to a tenth of a degree.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from recon.geometry import centre

# frequencies (in units of one per frame) below this hold the background and the frame, not the
# specimen
LOW_INDEX = 2.0
CANDIDATES_DEG = np.arange(-90.0, 90.0)


def fold_deg(axis_deg: float) -> float:
    """The axis as a line, in [-90, 90)."""
    return (axis_deg + 90) % 180 - 90


def apart_deg(a_deg: float, b_deg: float) -> float:
    """Angle between two axes as lines, 0 to 90."""
    return abs(fold_deg(a_deg - b_deg))


def axis_from_spectra(stack: np.ndarray) -> tuple[float, float]:
    """(axis_deg in [-90, 90), contrast) of a stack (tilt, y, x) that may drift, its surroundings at
    zero."""
    return contrast_of(spread_over_axes(stack))


def contrast_of(spread: np.ndarray) -> tuple[float, float]:
    """(axis_deg in [-90, 90), contrast) of ``spread_over_axes``: the least spread over the least
    one more than 15 degrees away: near 0 is certain, near 1 means that another direction is as
    good."""
    best = int(np.argmin(spread))
    away = np.abs((CANDIDATES_DEG - CANDIDATES_DEG[best] + 90) % 180 - 90) > 15
    return float(CANDIDATES_DEG[best]), float(spread[best] / np.min(spread[away]))


def spread_over_axes(stack: np.ndarray) -> np.ndarray:
    """Spread of |F| over the views of (tilt, y, x), relative to its mean, on the line along each of
    ``CANDIDATES_DEG``.

    The views' surroundings are at zero: a level that went on beyond the frame would put the frame's
    own cross into the spectrum, alike in all views.
    """
    size = 2 * max(stack.shape[1:])
    views = stack * edge_window(stack.shape[1:], 8)
    spectra = np.fft.fftshift(np.abs(np.fft.fft2(views, s=(size, size))), axes=(1, 2))
    spectra /= np.sqrt((views**2).sum((1, 2), keepdims=True))
    k = np.arange(1.5 * LOW_INDEX, size / 4, 0.7)
    spread = []
    for axis_deg in CANDIDATES_DEG:
        line = _along(spectra, axis_deg, k, order=1)
        spread.append((line.var(0) / line.mean(0)).sum() / line.mean(0).sum())
    return np.asarray(spread)


def deepest(spread: np.ndarray, count: int = 4, apart: float = 8.0) -> list[float]:
    """The axes (degrees) of the ``count`` deepest minima of ``spread_over_axes``, ``apart`` degrees
    from each other, and the line across the first: a round needle looks alike from all sides across
    itself, too."""
    low = (spread <= np.roll(spread, 1)) & (spread <= np.roll(spread, -1))
    found: list[float] = []
    for k in sorted(np.flatnonzero(low), key=lambda k: float(spread[k])):
        if all(apart_deg(float(CANDIDATES_DEG[k]), other) >= apart for other in found):
            found.append(float(CANDIDATES_DEG[k]))
    found = found[:count]
    across = fold_deg(found[0] + 90) if found else 0.0
    return found + [across] * all(apart_deg(across, other) >= apart / 2 for other in found)


def refine_axis(aligned: np.ndarray, *, reach_deg: float = 3.0, step_deg: float = 0.25) -> float:
    """The angle by which the axis of a roughly aligned stack (tilt, y, x) still departs from +y, in
    degrees.

    Minimises over angles the variance of the complex common line between the views, each with its
    own best shift along the axis; frequencies are weighted by the inverse of their amplitude, and
    the minimum is interpolated by a parabola.
    """
    n_y, n_x = aligned.shape[1:]
    size = 2 * max(n_y, n_x)
    views = aligned * edge_window((n_y, n_x), 6)
    views /= views.sum((1, 2), keepdims=True)
    f = np.fft.fftfreq(size)
    about_centre = np.exp(2j * np.pi * (f[:, None] * centre(n_y) + f[None] * centre(n_x)))
    spectra = np.fft.fftshift(np.fft.fft2(views, s=(size, size)) * about_centre, axes=(1, 2))
    splines = ndimage.spline_filter1d(
        ndimage.spline_filter1d(spectra, axis=1, output=complex), axis=2, output=complex
    )
    k = np.arange(LOW_INDEX, 0.2 * size, 0.5)
    angles = np.arange(-reach_deg, reach_deg + step_deg / 2, step_deg)
    cost = np.array(
        [_spread_of_line(_along(splines, a, k, order=3), 2 * np.pi * k / size) for a in angles]
    )
    best = int(np.argmin(cost))
    near = slice(max(0, best - 3), best + 4)
    curvature, slope, _ = np.polyfit(angles[near], cost[near], 2)
    if curvature <= 0:
        return float(angles[best])
    return float(np.clip(-slope / (2 * curvature), angles[0], angles[-1]))


def edge_window(shape: tuple[int, ...], part: int) -> np.ndarray:
    """(y, x) window that falls to zero as a cosine over 1/``part`` of each side."""
    rows, columns = (_ramp_ends(n, max(2, n // part)) for n in shape)
    return np.asarray(rows[:, None] * columns[None], np.float32)


def _ramp_ends(n: int, width: int) -> np.ndarray:
    window = np.ones(n)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)
    window[:width] *= rise
    window[-width:] *= rise[::-1]
    return window


def _along(spectra: np.ndarray, axis_deg: float, k: np.ndarray, order: int) -> np.ndarray:
    """(tilt, k) values of centred spectra on the line through the origin along the axis."""
    middle = spectra.shape[1] // 2
    a = np.deg2rad(axis_deg)
    where = np.array([middle + k * np.cos(a), middle - k * np.sin(a)])
    return np.stack(
        [ndimage.map_coordinates(s, where, order=order, prefilter=False) for s in spectra]
    )


def _spread_of_line(line: np.ndarray, k: np.ndarray) -> float:
    """Weighted variance over the views of (tilt, k) complex lines after the best shift of each
    (three Gauss-Newton steps)."""
    weight = 1 / np.sqrt((np.abs(line) ** 2).mean(0))
    shift = np.zeros(len(line))
    for _ in range(3):
        moved = line * np.exp(1j * k * shift[:, None])
        product = moved.mean(0) * np.conj(moved) * weight
        curvature = (product.real * k * k).sum(1)
        step = (product.imag * k).sum(1) / np.where(curvature > 0, curvature, np.inf)
        shift += step
    moved = line * np.exp(1j * k * shift[:, None])
    return float((np.abs(moved - moved.mean(0)) ** 2 * weight).mean(0).sum())
