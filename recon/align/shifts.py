"""Rough shifts of every view, before any reconstruction: neighbours, common line, centre of mass.

All functions take a stack (tilt, y, x) whose tilt axis is close to +y, and return shifts *to add*.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage

from recon.align.axis import edge_window
from recon.geometry import centre


def band_pass(shape: tuple[int, int], low: float = 0.02, high: float = 0.15) -> np.ndarray:
    """(y, x // 2 + 1) Gaussian band-pass for ``rfft2``, in cycles per pixel: no background, no
    pixel noise."""
    f2 = np.fft.fftfreq(shape[0])[:, None] ** 2 + np.fft.rfftfreq(shape[1])[None] ** 2
    return np.asarray((1 - np.exp(-f2 / (2 * low**2))) * np.exp(-f2 / (2 * high**2)))


def shift_between(
    reference: np.ndarray, image: np.ndarray, pass_band: np.ndarray, window: np.ndarray
) -> np.ndarray:
    """(dy, dx) to add to ``image`` so that it lies on ``reference``: peak of the cross-correlation,
    to a fraction of a pixel."""
    spectra = [np.fft.rfft2((a - a.mean()) * window) * pass_band for a in (reference, image)]
    correlation = np.fft.irfft2(spectra[0] * np.conj(spectra[1]), s=reference.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    found = []
    for axis, n in enumerate(correlation.shape):
        line = np.take(correlation, peak[1 - axis], axis=1 - axis)
        found.append(_vertex(line, int(peak[axis]), n))
    return np.array(found)


def correlation_shifts(stack: np.ndarray, angles_deg: np.ndarray) -> np.ndarray:
    """(tilt, 2) by cross-correlating each view with its neighbour, outward from the lowest tilt.

    The neighbour farther out is stretched across the axis by cos(inner) / cos(outer), so that a
    flat specimen matches (Guckenberger 1982, doi:10.1016/0304-3991(82)90038-X); the found x shift
    is scaled back.
    """
    shape = stack.shape[1:]
    window, pass_band = edge_window(shape, 8), band_pass((shape[0], shape[1]))
    order = np.argsort(angles_deg)
    first = int(np.argmin(np.abs(angles_deg[order])))
    shifts = np.zeros((len(stack), 2))
    for direction in (order[first:], order[first::-1]):
        for inner, outer in itertools.pairwise(direction):
            stretch = _cos(angles_deg[inner]) / _cos(angles_deg[outer])
            start = shifts[inner] * (1, 1 / stretch)
            moved = _stretched(stack[outer], stretch, start)
            step = shift_between(
                _stretched(stack[inner], 1.0, shifts[inner]), moved, pass_band, window
            )
            shifts[outer] = start + step * (1, 1 / stretch)
    return shifts


def profile_shifts(stack: np.ndarray, start_px: np.ndarray, rounds: int = 4) -> np.ndarray:
    """(tilt,) shifts along y that make the views' sums over x agree: all equal the specimen's
    projection onto the axis."""
    n = stack.shape[1]
    profiles = stack.sum(2)
    profiles = profiles / profiles.sum(1, keepdims=True)
    window = edge_window((n, 2), 10)[:, 0] * 2
    f = np.fft.rfftfreq(2 * n)
    pass_band = (1 - np.exp(-((f / 0.01) ** 2))) * np.exp(-((f / 0.15) ** 2) / 2)
    shifts = start_px.copy()
    for _ in range(rounds):
        moved = np.stack(
            [
                ndimage.shift(p, s, order=1, mode="nearest")
                for p, s in zip(profiles, shifts, strict=True)
            ]
        )
        # The median profile is not pulled by the few views that the first guess left far off.
        reference = np.fft.rfft(np.median(moved, axis=0) * window, 2 * n) * pass_band
        correlation = np.fft.irfft(
            reference * np.conj(np.fft.rfft(moved * window, 2 * n) * pass_band)
        )
        shifts += [_vertex(c, int(np.argmax(c)), 2 * n) for c in correlation]
    return np.asarray(shifts - shifts.mean())


def mass_shifts(stack: np.ndarray, shifts_y_px: np.ndarray) -> np.ndarray:
    """(tilt,) shifts along x that put every view's centre of mass on the axis, from the rows that
    all views show.

    A point at (z, x) moves as x cos t + z sin t, and so does the centre of mass: putting it at 0 in
    every view puts the specimen's own centre of mass on the axis. Only for a specimen that no view
    cuts off in x (``isolated``).
    """
    rows = _common_rows(stack.shape[1], shifts_y_px)
    x = np.arange(stack.shape[2]) - centre(stack.shape[2])
    shifts = np.empty(len(stack))
    for t, (view, dy) in enumerate(zip(stack, shifts_y_px, strict=True)):
        columns = ndimage.shift(view, (dy, 0), order=1, mode="nearest")[rows].sum(0)
        shifts[t] = -(columns * x).sum() / columns.sum()
    return shifts


def from_surroundings(stack: np.ndarray) -> np.ndarray:
    """Views counted from the median of their border, upwards: a dark specimen on bright ground is
    turned into a bright one."""
    border = np.concatenate([stack[:, 0], stack[:, -1], stack[:, :, 0], stack[:, :, -1]], axis=1)
    views = stack - np.median(border, axis=1)[:, None, None].astype(stack.dtype)
    return np.asarray(views if views.sum() >= 0 else -views)


def isolated(stack: np.ndarray) -> bool:
    """True when the specimen is surrounded by vacuum in x in every view, as a needle or a particle
    is and a film is not."""
    columns = ndimage.gaussian_filter1d(stack.sum(1), 2, axis=1)
    margin = max(2, stack.shape[2] // 25)
    border = np.maximum(columns[:, :margin].mean(1), columns[:, -margin:].mean(1))
    most = columns.max(1)
    return bool(
        most.all() and np.quantile(border / most, 0.9) < 0.03
    )  # an empty view shows nothing


def _common_rows(n: int, shifts_y_px: np.ndarray) -> slice:
    """Rows that are inside every view after its shift; all rows when hardly any are."""
    low, high = (
        int(np.ceil(max(0.0, shifts_y_px.max()))),
        int(np.floor(min(0.0, shifts_y_px.min()))) + n,
    )
    return slice(low, high) if high - low > n // 4 else slice(0, n)


def _cos(angle_deg: float) -> float:
    return max(float(np.cos(np.deg2rad(angle_deg))), 0.05)


def _stretched(view: np.ndarray, stretch: float, shift_px: np.ndarray) -> np.ndarray:
    """View shifted, then stretched in x about the centre."""
    middle = centre(view.shape[1])
    matrix = np.array([1.0, 1 / stretch])
    offset = np.array([-shift_px[0], middle - middle / stretch - shift_px[1]])
    return np.asarray(
        ndimage.affine_transform(view, matrix, offset=offset, order=1, mode="nearest")
    )


def _vertex(line: np.ndarray, peak: int, n: int) -> float:
    """Signed position of a periodic correlation's peak, by a parabola through three values."""
    left, top, right = line[(peak - 1) % n], line[peak], line[(peak + 1) % n]
    bend = left - 2 * top + right
    position = peak + (0.5 * float(np.clip((left - right) / bend, -1, 1)) if bend < 0 else 0.0)
    return position - n if position > n / 2 else position
