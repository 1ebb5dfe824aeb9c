"""What the beads of a series look like: their size, whether they are dark or bright, and how they
fall off from the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# The least standard deviation of the Laplacian of Gaussian that is tried; a disc of diameter d
# answers best at d / (2 sqrt 2).
LEAST_SIGMA_PX = 1.2
LARGEST_SIGMA_PX = 16.0  # larger beads than 45 pixels across have to be given, or binned
HALF_WIDTH = np.sqrt(3) / 2  # full width at half maximum of a sphere's chords, in diameters
REACH = 1.5  # radius in diameters up to which the fall-off is kept
STEP = 0.05  # of the diameter, between its samples
STRONGEST = (
    5  # the n-th best answer in a view stands for its beads: a few hot pixels or stains do not
)


@dataclass(frozen=True, eq=False)
class Profile:
    """``diameter_px``; ``sign``: +1 for beads brighter than their surroundings, -1 for darker ones.

    ``values``: (n,) at radii 0, ``STEP``, ... diameters: 1 in the middle, 0 far out. ``contrast``:
    the answer of the LoG at the beads over its spread elsewhere; noise alone gives about 4.
    """

    diameter_px: float
    sign: int
    values: np.ndarray
    contrast: float

    def at(self, radius_px: np.ndarray) -> np.ndarray:
        return np.asarray(
            np.interp(radius_px / self.diameter_px, STEP * np.arange(len(self.values)), self.values)
        )

    def slope(self, radius_px: np.ndarray) -> np.ndarray:
        """Derivative of ``at`` by the radius, per pixel."""
        radii = STEP * np.arange(len(self.values))
        slopes = np.gradient(self.values, radii)
        slopes[0] = 0
        return np.asarray(np.interp(radius_px / self.diameter_px, radii, slopes) / self.diameter_px)


def find_profile(
    stack: np.ndarray, tilt_deg: np.ndarray, *, diameter_px: float | None = None, n_views: int = 5
) -> Profile:
    """From the views (tilt, y, x) nearest to no tilt. Without ``diameter_px``: of the scale at
    which a Laplacian of Gaussian stands out most.

    The scale-normalised LoG (Lindeberg 1998, doi:10.1023/A:1008045108935) is compared with its own
    spread (median absolute deviation) in the view; the strongest answers of the best scale and sign
    are averaged around their centres, and the diameter follows from the width of the average at
    half its height.
    """
    lowest = np.argsort(np.abs(tilt_deg))[: max(n_views, 1)]
    views = [np.ascontiguousarray(stack[v], np.float32) for v in np.sort(lowest)]
    if diameter_px is None:
        largest = min(min(stack.shape[1:]) / 24, LARGEST_SIGMA_PX)
        sigmas = LEAST_SIGMA_PX * 1.25 ** np.arange(
            max(1, int(np.log(max(largest / LEAST_SIGMA_PX, 1.0)) / np.log(1.25)) + 1)
        )
    else:
        sigmas = np.array([max(diameter_px / (2 * np.sqrt(2)), 0.8)])
    answers: dict[tuple[float, int], list[float]] = {
        (float(s), sign): [] for s in sigmas for sign in (-1, 1)
    }
    for view in views:
        for sigma in sigmas:
            response = blobs(view, float(sigma))
            spread = 1.4826 * float(np.median(np.abs(response - np.median(response)))) or 1.0
            for sign in (-1, 1):
                _, values = peaks(sign * response, round(2 * sigma), margin=round(3 * sigma))
                best = np.sort(values)[-STRONGEST:]
                answers[float(sigma), sign].append(
                    float(best[0]) / spread if len(best) == STRONGEST else 0.0
                )
    contrast = {key: float(np.median(found)) for key, found in answers.items()}
    sigma, sign = max(contrast, key=lambda key: contrast[key])
    diameter = 2 * np.sqrt(2) * sigma if diameter_px is None else diameter_px
    values = np.zeros(0)
    for _ in range(3 if diameter_px is None else 1):
        values = _average(views, diameter, sigma, sign)
        if diameter_px is not None:
            break
        found = _width(values) * diameter / HALF_WIDTH
        settled = abs(found / diameter - 1) < 0.03
        diameter = float(np.clip(found, 0.6 * diameter, 1.6 * diameter))
        if settled:
            break
    return Profile(float(diameter), sign, values, contrast[sigma, sign])


def blobs(view: np.ndarray, sigma_px: float) -> np.ndarray:
    """(y, x) scale-normalised -LoG: positive where a bright blob of this size is. Borders are
    mirrored."""
    return np.asarray(
        -(sigma_px**2) * ndimage.gaussian_laplace(view, sigma_px, mode="mirror", truncate=3.5)
    )


def peaks(
    response: np.ndarray, radius_px: int, *, margin: int = 0, least: float = -np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """((n, 2) row and column, (n,) value) of what is the largest within a square of ``radius_px``
    and at least ``least``."""
    highest = response == ndimage.maximum_filter(response, 2 * max(1, radius_px) + 1)
    highest &= response >= max(least, np.finfo(response.dtype).tiny)
    if margin:
        inner = np.zeros_like(highest)
        inner[margin:-margin, margin:-margin] = True
        highest &= inner
    at = np.argwhere(highest)
    return at, response[tuple(at.T)]


def _average(views: list[np.ndarray], diameter: float, sigma: float, sign: int) -> np.ndarray:
    """Radial profile, 1 in the middle: the median over the strongest beads, each ring's mean
    first."""
    reach = int(np.ceil(REACH * diameter)) + 1
    offset = np.arange(-reach, reach + 1)
    count = round(REACH / STEP) + 1
    profiles = []
    for view in views:
        response = sign * blobs(view, sigma)
        at, values = peaks(response, round(0.5 * diameter), margin=reach + 1)
        if len(values) == 0:
            continue
        strongest = np.argsort(values)[::-1][: 6 * STRONGEST]
        strongest = strongest[
            values[strongest] > 0.5 * values[strongest[min(STRONGEST, len(strongest)) - 1]]
        ]
        for row, column in at[strongest]:
            centre = np.array([row, column]) + vertex(response, row, column)
            y, x = row + offset, column + offset
            radius = np.hypot(*np.meshgrid(y - centre[0], x - centre[1], indexing="ij")) / (
                STEP * diameter
            )
            crop = sign * view[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
            low = np.minimum(radius.astype(int), count)
            part = radius - low
            # Each pixel is shared between the two radii it lies between.
            index = np.concatenate([low.ravel(), np.minimum(low + 1, count).ravel()])
            weight = np.concatenate([(1 - part).ravel(), part.ravel()])
            total = np.bincount(index, weight * np.tile(crop.ravel(), 2), count + 1)[:count]
            share = np.bincount(index, weight, count + 1)[:count]
            known = share > 0.1
            profiles.append(
                np.interp(np.arange(count), np.flatnonzero(known), total[known] / share[known])
            )
    if not profiles:
        return np.asarray(np.clip(1 - (STEP * np.arange(count) / 0.5) ** 2, 0, None))
    values = np.median([p - np.median(p[int(1.1 / STEP) :]) for p in profiles], axis=0)
    values = ndimage.gaussian_filter1d(values, 1.0, mode="mirror")
    values[int(1.1 / STEP) :] *= np.linspace(1, 0, count - int(1.1 / STEP))  # ends at nothing
    height = float(values[: max(1, int(0.1 / STEP))].mean())
    return np.asarray(
        values / height
        if height > 0
        else np.clip(1 - (STEP * np.arange(count) / 0.5) ** 2, 0, None)
    )


def _width(values: np.ndarray) -> float:
    """Full width at half maximum, in diameters."""
    below = np.flatnonzero(values < 0.5)
    if len(below) == 0 or below[0] == 0:
        return 1.0
    k = int(below[0])
    return float(2 * STEP * (k - 1 + (values[k - 1] - 0.5) / (values[k - 1] - values[k])))


def vertex(response: np.ndarray, row: int, column: int) -> np.ndarray:
    """(dy, dx) from a peak's pixel to its top, by a parabola through three values along each axis;
    0 at the border."""
    found = np.zeros(2)
    for axis, (step_y, step_x) in enumerate(((1, 0), (0, 1))):
        a, b = (row - step_y, column - step_x), (row + step_y, column + step_x)
        if min(a) < 0 or b[0] >= response.shape[0] or b[1] >= response.shape[1]:
            continue
        left, top, right = float(response[a]), float(response[row, column]), float(response[b])
        bend = left - 2 * top + right
        found[axis] = 0.5 * np.clip((left - right) / bend, -1, 1) if bend < 0 else 0.0
    return found
