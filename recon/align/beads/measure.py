"""Where exactly a bead is: the average bead fitted to its surroundings, its neighbours taken
off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from recon.align.beads.profile import Profile

WINDOW = 0.95  # diameters: radius of what is fitted
STEPS = 6  # Gauss-Newton, for a bead on its own
HEIGHT_SWEEPS, SWEEPS = (
    3,
    6,
)  # over beads that overlap, each with the others as the sweep before left them
LONGEST_STEP = 0.1  # diameters
LEAST_SHARE = 0.3  # of the window that has to be in the frame


@dataclass(frozen=True, eq=False)
class Measured:
    """Of n beads in one view. ``index_px``: (n, 2) row and column. ``height``: (n,) fitted, in grey
    values. ``error_px``: (n,) standard deviation

    of a coordinate, from the misfit. ``correlation``: (n,) of the fitted bead with what is left
    when neighbours and background are off.
    """

    index_px: np.ndarray
    height: np.ndarray
    error_px: np.ndarray
    correlation: np.ndarray


def measure(view: np.ndarray, index_px: np.ndarray, profile: Profile) -> Measured:
    """Least squares of ``height * profile + a + b y + c x`` around each of (n, 2) positions (row,
    column) at once, in a view (y, x).

    Beads whose windows touch are fitted in turn with the others' fits subtracted, as crowded stars
    are (Stetson 1987, doi:10.1086/131977). A window that is mostly outside the frame gives an
    infinite error.
    """
    n = len(index_px)
    if n == 0:
        return Measured(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0))
    reach = int(np.ceil(WINDOW * profile.diameter_px)) + 1
    offset = np.arange(-reach, reach + 1)
    whole = np.rint(index_px).astype(int)
    rows = (whole[:, 0, None, None] + offset[:, None]) + np.zeros_like(offset)  # (n, w, w)
    columns = (whole[:, 1, None, None] + offset) + np.zeros_like(offset)[:, None]
    rows, columns = rows.reshape(n, -1), columns.reshape(n, -1)
    inside = (rows >= 0) & (rows < view.shape[0]) & (columns >= 0) & (columns < view.shape[1])
    values = view[rows.clip(0, view.shape[0] - 1), columns.clip(0, view.shape[1] - 1)].astype(
        np.float64
    )
    window = (
        np.hypot(rows - index_px[:, :1], columns - index_px[:, 1:]) <= WINDOW * profile.diameter_px
    )
    weight = (inside & window).astype(np.float64)

    at, height, error, correlation = (
        index_px.astype(np.float64),
        np.zeros(n),
        np.full(n, np.inf),
        np.zeros(n),
    )

    def fit(chosen: np.ndarray, taken_off: np.ndarray, steps: int) -> None:
        part = (
            taken_off,
            weight[chosen],
            rows[chosen],
            columns[chosen],
            at[chosen],
            index_px[chosen],
        )
        at[chosen], height[chosen], error[chosen], correlation[chosen] = _fit(*part, profile, steps)

    pairs = cKDTree(index_px).query_pairs(2 * WINDOW * profile.diameter_px, output_type="ndarray")
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    crowded = np.unique(pairs)
    lone = np.setdiff1d(np.arange(n), crowded)
    if len(lone):
        fit(lone, values[lone], STEPS)
    # Heights first, where the beads should be: of two unknown heights, neither bead would know what
    # to give way to.
    for steps in (0,) * HEIGHT_SWEEPS + (2,) * SWEEPS if len(crowded) else ():
        own = values.copy()
        for mine, other in pairs:
            radius = np.hypot(rows[mine] - at[other, 0], columns[mine] - at[other, 1])
            own[mine] -= height[other] * profile.sign * profile.at(radius)
        fit(crowded, own[crowded], steps)
    return Measured(at, height, error, correlation)


def _fit(
    values: np.ndarray,
    weight: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    at: np.ndarray,
    start: np.ndarray,
    profile: Profile,
    steps: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(positions, heights, errors, correlations) after ``steps`` steps from ``at``, never farther
    than 0.6 diameters from ``start``."""
    at, scale = at.copy(), profile.diameter_px
    across = [np.ones_like(values), (rows - start[:, :1]) / scale, (columns - start[:, 1:]) / scale]
    height = np.zeros(len(at))
    for step in range(steps + 1):
        dy, dx = rows - at[:, :1], columns - at[:, 1:]
        radius = np.hypot(dy, dx)
        shape = profile.sign * profile.at(radius)
        slope = profile.sign * profile.slope(radius) / np.maximum(radius, 1e-9)
        # Heights and background are linear: they are solved for at every position; the position
        # moves by its own columns.
        design = np.stack([shape, *across, -slope * dy, -slope * dx], axis=2)  # (n, pixel, 6)
        linear = _solve(design[..., :4], weight, values)
        height = linear[:, 0]
        misfit = values - np.einsum("npk,nk->np", design[..., :4], linear)
        if step == steps:
            break
        design[..., 4:] *= height[:, None, None]
        move = _solve(design, weight, misfit)[:, 4:]
        length = np.hypot(*move.T)
        move *= np.minimum(1, LONGEST_STEP * scale / np.maximum(length, 1e-12))[:, None]
        at += move
        away = np.hypot(*(at - start).T)
        at = start + (at - start) * np.minimum(1, 0.6 * scale / np.maximum(away, 1e-12))[:, None]
    design[..., 4:] *= height[:, None, None]
    used = weight.sum(1)
    variance = (weight * misfit**2).sum(1) / np.maximum(used - 6, 1)
    inverse = np.linalg.inv(_normal(design, weight))
    error = np.sqrt(np.maximum(variance * (inverse[:, 4, 4] + inverse[:, 5, 5]) / 2, 0))
    error[(used < LEAST_SHARE * np.pi * (WINDOW * scale) ** 2) | (height <= 0)] = np.inf
    bead = height[:, None] * shape
    bead -= (weight * bead).sum(1, keepdims=True) / np.maximum(used, 1)[:, None]
    power = (weight * bead**2).sum(1)
    return (
        at,
        height,
        error,
        np.sign(height) * np.sqrt(power / np.maximum(power + (weight * misfit**2).sum(1), 1e-300)),
    )


def _normal(design: np.ndarray, weight: np.ndarray) -> np.ndarray:
    normal = np.matmul((design * weight[..., None]).transpose(0, 2, 1), design)
    size = np.trace(normal, axis1=1, axis2=2)
    return np.asarray(normal + (1e-9 * size + 1e-12)[:, None, None] * np.eye(normal.shape[1]))


def _solve(design: np.ndarray, weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    right = np.matmul((design * weight[..., None]).transpose(0, 2, 1), values[..., None])
    return np.asarray(np.linalg.solve(_normal(design, weight), right)[..., 0])
