"""A plane of some thickness through the depths at which there is structure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from recon.geometry import centre
from recon.section.depth import Depths

PRETILT_DEG, X_TILT_DEG = 25.0, 12.0  # the steepest that are looked for
STEP_DEG, FINEST_DEG = 1.0, 0.06
GROUPS = 8  # parts that are left out in turn, for the error bars
EDGE, FAINT = 0.5, 0.1  # of the layer's plateau: its faces, and where there is hardly anything more
SMOOTH_PX = 1.0  # else slopes of 0, which need no interpolation, would look the sharpest
GAP = 4  # depths below the faint level that end it
SHARE = 0.25  # of the patches that must be in view for a depth to count


@dataclass(frozen=True, eq=False)
class Layer:
    """Along z = x tan(pretilt) + y tan(x_tilt), from the volume's centre, in binned pixels.

    ``faces``, ``reach``: (lowest, highest) z above that plane of its two faces, and of all that
    there is. ``contrast``: its plateau over the scatter away from it. ``filled``: (along y, along x)
    mean of each patch between the faces, as a share of the plateau. ``agreeing``: share of the
    patches that are strongest at a depth within its reach.
    """

    pretilt_deg: float
    x_tilt_deg: float
    faces: tuple[float, float]
    reach: tuple[float, float]
    contrast: float
    filled: np.ndarray
    agreeing: float

    @property
    def thickness(self) -> float:
        """Across the layer."""
        slopes = np.tan(np.deg2rad([self.pretilt_deg, self.x_tilt_deg]))
        return float((self.faces[1] - self.faces[0]) / np.sqrt(1 + (slopes**2).sum()))


def fit_layer(
    depths: Depths, start: tuple[float, float] | None = None, *, free: bool = True
) -> Layer:
    """The plane along which the covariance is most concentrated: the sum of the squares of its mean
    is the largest. ``start``: (pretilt, x-tilt) near it, or, not ``free``, its own; None: all are
    tried."""
    slopes = _try_all(depths) if start is None else start
    pretilt, x_tilt = _refine(depths, slopes) if free else slopes
    along = sheared(depths, pretilt, x_tilt)
    profile = _mean(along) - _base(_mean(along))
    plateau = _plateau(profile)
    low, high = _faces(profile, EDGE * plateau)
    bottom, top = _reach(profile, FAINT * plateau, low, high)
    away = np.concatenate([profile[: int(bottom)], profile[int(top) + 2 :]])
    scatter = float(np.sqrt((away**2).mean())) if away.size > 4 else np.inf
    filled = _nanmean(along[int(np.ceil(low)) : int(high) + 1], 0) / max(plateau, 1e-30)
    middle = centre(len(profile))
    return Layer(
        pretilt,
        x_tilt,
        (low - middle, high - middle),
        (bottom - middle, top - middle),
        plateau / max(scatter, 1e-30),
        filled,
        _agreeing(along, bottom, top),
    )


def jackknife(depths: Depths, layer: Layer) -> tuple[float, float, float]:
    """Standard errors of (pretilt in degrees, x-tilt in degrees, thickness in pixels): the patches
    are left out in ``GROUPS`` parts in turn."""
    n_y, n_x = depths.y_px.size, depths.x_px.size
    part = (np.arange(n_y)[:, None] * 3 + np.arange(n_x)[None]) % GROUPS
    found = []
    for group in range(GROUPS):
        without = np.where(part == group, np.nan, depths.covariance)
        one = fit_layer(
            Depths(without, depths.y_px, depths.x_px, depths.bin),
            (layer.pretilt_deg, layer.x_tilt_deg),
        )
        found.append((one.pretilt_deg, one.x_tilt_deg, one.thickness))
    spread = np.array(found).std(0) * np.sqrt(GROUPS - 1)
    return float(spread[0]), float(spread[1]), float(spread[2])


def residual_slopes(depths: Depths, layer: Layer) -> tuple[float, float]:
    """(along x, along y) degrees by which the middles of the patches go on rising along the plane:
    of the least-squares plane through them, each weighted by what it holds. A second opinion: where
    it differs, the slopes are not certain."""
    along = np.nan_to_num(sheared(depths, layer.pretilt_deg, layer.x_tilt_deg))
    z = np.arange(len(along)) - centre(len(along))
    near = (z >= layer.reach[0] - GAP) & (z <= layer.reach[1] + GAP)
    held = np.maximum(along[near], 0)
    weight = held.sum(0)
    middle = (held * z[near][:, None, None]).sum(0) / np.maximum(weight, 1e-30)
    root = np.sqrt(np.minimum(weight, np.median(weight))).ravel()
    y, x = np.broadcast_arrays(depths.y_px[:, None], depths.x_px[None])
    design = np.stack([np.ones(root.size), x.ravel(), y.ravel()], 1)
    plane = np.linalg.lstsq(design * root[:, None], middle.ravel() * root, rcond=None)[0]
    return float(np.rad2deg(plane[1])), float(np.rad2deg(plane[2]))


def sheared(depths: Depths, pretilt_deg: float, x_tilt_deg: float) -> np.ndarray:
    """(z, patch, patch) the covariance by depth from the plane of these slopes, interpolated; NaN
    where it is not known."""
    slope_x, slope_y = np.tan(np.deg2rad([pretilt_deg, x_tilt_deg]))
    known = depths.covariance
    z = np.arange(len(known))[:, None, None] + (
        depths.y_px[:, None] * slope_y + depths.x_px[None] * slope_x
    )
    below = np.floor(z).astype(np.int64)
    share = z - below
    inside = (below >= 0) & (below < len(known) - 1)
    below = np.clip(below, 0, len(known) - 2)
    lower, upper = (np.take_along_axis(known, i, 0) for i in (below, below + 1))
    return np.where(inside, lower * (1 - share) + upper * share, np.nan)


def _score(depths: Depths, slopes_deg: tuple[float, float]) -> float:
    profile = ndimage.gaussian_filter1d(_mean(sheared(depths, *slopes_deg)), SMOOTH_PX)
    return float((np.maximum(profile - _base(profile), 0) ** 2).sum())


def _try_all(depths: Depths) -> tuple[float, float]:
    """Each slope in turn, twice."""
    pretilt = x_tilt = 0.0
    tried = [np.arange(-most, most + STEP_DEG / 2, STEP_DEG) for most in (PRETILT_DEG, X_TILT_DEG)]
    for _ in range(2):
        pretilt = max(tried[0], key=lambda angle: _score(depths, (angle, x_tilt)))
        if depths.y_px.size > 1:
            x_tilt = max(tried[1], key=lambda angle: _score(depths, (pretilt, angle)))
    return float(pretilt), float(x_tilt)


def _refine(depths: Depths, start: tuple[float, float]) -> tuple[float, float]:
    """To the top of the hill, by steps that are halved."""
    best, step = start, STEP_DEG / 2
    sides = (-1, 0, 1) if depths.y_px.size > 1 else (0,)
    for _ in range(60):
        near = [
            (best[0] + i * step, best[1] + j * step)
            for i, j in itertools.product((-1, 0, 1), sides)
            if abs(best[0] + i * step) <= PRETILT_DEG and abs(best[1] + j * step) <= X_TILT_DEG
        ]
        highest = max(near, key=lambda slopes: _score(depths, slopes))
        if highest == best:
            step /= 2
        if step < FINEST_DEG:
            break
        best = highest
    return best


def _mean(along: np.ndarray) -> np.ndarray:
    """(z,) over the patches; 0 where too few of them are in view."""
    known = np.isfinite(along)
    count = known.sum((1, 2))
    total = np.where(known, along, 0).sum((1, 2))
    return np.asarray(np.where(count >= SHARE * count.max(), total / np.maximum(count, 1), 0.0))


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0).sum(axis) / np.maximum(known.sum(axis), 1))


def _agreeing(along: np.ndarray, bottom: float, top: float) -> float:
    strongest = ndimage.gaussian_filter1d(np.nan_to_num(along), SMOOTH_PX, axis=0).argmax(0)
    return float(((strongest >= bottom - 1) & (strongest <= top + 1)).mean())


def _base(profile: np.ndarray) -> float:
    """Far from the middle, an eighth on either side."""
    n = max(1, len(profile) // 8)
    return float(np.median(np.concatenate([profile[:n], profile[-n:]])))


def _plateau(profile: np.ndarray) -> float:
    """The mean of what is above half of the highest."""
    return float(profile[profile >= 0.5 * profile.max()].mean())


def _faces(profile: np.ndarray, level: float) -> tuple[float, float]:
    """The outermost crossings of ``level``, between the depths."""
    above = np.flatnonzero(profile >= level)
    return _crossing(profile, level, int(above[0]), -1), _crossing(
        profile, level, int(above[-1]), 1
    )


def _reach(profile: np.ndarray, level: float, low: float, high: float) -> tuple[float, float]:
    """Outwards from the faces to where the profile stays below ``level``."""
    ends = []
    for start, side in ((int(np.ceil(low)), -1), (int(high), 1)):
        last = at = start
        while 0 <= at < len(profile) and abs(at - last) <= GAP:
            last = at if profile[at] >= level else last
            at += side
        ends.append(_crossing(profile, level, last, side))
    return ends[0], ends[1]


def _crossing(profile: np.ndarray, level: float, last: int, side: int) -> float:
    """Where the profile falls below ``level`` between ``last`` and its neighbour."""
    beyond = last + side
    if not 0 <= beyond < len(profile):
        return float(last)
    fall = float(profile[last] - profile[beyond])
    return (
        last + side * float(np.clip((profile[last] - level) / fall, 0, 1))
        if fall > 0
        else float(last)
    )
