"""A film that is wider than any view: matter along the rays grows as 1 / cos; grains that project
exactly; the bars of the grid that carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy import special

from recon.errors import UserError
from recon.geometry import Geometry, centre
from recon.progress import track_each
from recon.simulate.applied import Applied, recording


@dataclass(frozen=True)
class Film:
    """``thickness_nm``: of a support film under the specimen, at the bottom of its box; 0 for none.
    ``density``: where the specimen's is 1.

    ``bar_from_deg``: tilt from which, on either side, a bar of the grid shadows the view; 90:
    never. ``bar_nm``: how far the bar's edge stands off the specimen's plane; the larger, the
    faster its shadow moves in.
    """

    thickness_nm: float = 0.0
    density: float = 0.05
    bar_from_deg: float = 90.0
    bar_nm: float = 2000.0

    def __post_init__(self) -> None:
        if not (0 <= self.thickness_nm < np.inf and 0 <= self.density < np.inf):
            raise UserError(
                f"film.thickness_nm={self.thickness_nm}, film.density={self.density} given, "
                f"numbers >= 0 wanted"
            )
        if not 0 < self.bar_from_deg <= 90 or not 0 < self.bar_nm < np.inf:
            raise UserError(
                f"film.bar_from_deg={self.bar_from_deg}, film.bar_nm={self.bar_nm} given, 0 to 90 "
                f"and a length > 0 wanted"
            )


@dataclass(frozen=True, eq=False)
class Grains:
    """Gaussian blobs. ``centre_nm``: (n, 3) as (z, y, x); ``sigma_nm``: (n,); ``density``: (n,) at
    the centre, added where they overlap."""

    centre_nm: np.ndarray
    sigma_nm: np.ndarray
    density: np.ndarray


def slab_length(thickness_nm: float, angle_deg: float) -> float:
    """Of a ray in an endless slab, nm: thickness / cos.

    Raises ``UserError`` at 90 degrees, where it has no end.
    """
    cosine = float(np.cos(np.deg2rad(angle_deg)))
    if thickness_nm > 0 and cosine < 0.017:
        raise UserError(
            f"a tilt of {angle_deg:.4g} degrees given with a film, less than 89 wanted: along it a "
            f"ray never leaves"
        )
    return thickness_nm / max(cosine, 0.017)


def random_grains(
    rng: np.random.Generator,
    per_um2: float,
    film_nm: float,
    field_nm: tuple[float, float],
    contrast: float,
) -> Grains:
    """Texture of a film: ``per_um2`` blobs on a ``field_nm`` (y, x), sigma 2.5 to 20 nm, lighter
    and denser than the film's 1.

    ``contrast``: standard deviation of their densities. One in fifty is a dense stain granule of
    sigma 2.5 to 5 nm.
    """
    n = int(per_um2 * field_nm[0] * field_nm[1] / 1e6)
    sigma = np.exp(rng.uniform(np.log(2.5), np.log(20.0), n))
    density = contrast * rng.normal(size=n)
    stain = rng.random(n) < 0.02
    sigma[stain], density[stain] = (
        2.5 + (sigma[stain] - 2.5) / 7,
        4 * contrast * (1 + rng.random(int(stain.sum()))),
    )
    room = np.maximum(film_nm / 2 - 1.5 * sigma, 0)
    at = np.stack(
        [room * rng.uniform(-1, 1, n), *(w * rng.uniform(-0.5, 0.5, n) for w in field_nm)], axis=1
    )
    return Grains(at, sigma, density)


def grain_mass(
    shape: tuple[int, int], centres_px: np.ndarray, sigma_px: np.ndarray, amount: np.ndarray
) -> np.ndarray:
    """(y, x) sum of ``amount`` exp(-r^2 / 2 sigma^2) about ``centres_px`` (n, 2).

    A Gaussian of density d projects along every ray direction to d sigma sqrt(2 pi) exp(-r^2 / 2
    sigma^2).
    """
    out = np.zeros(shape, np.float32)
    _stamp(out, centres_px, sigma_px, amount)
    return out


def grain_voxels(shape: tuple[int, int, int], grains: Grains, voxel_nm: float) -> np.ndarray:
    """(z, y, x) float32 densities at the voxels' centres, blobs cut at three sigma as in
    ``grain_mass``."""
    out = np.zeros(shape, np.float32)
    at = grains.centre_nm / voxel_nm + (np.array(shape) - 1) / 2
    sigma = grains.sigma_nm / voxel_nm
    for plane in track_each("making the film's truth", range(shape[0])):
        near = np.abs(at[:, 0] - plane) < REACH * sigma
        weight = grains.density[near] * np.exp(-0.5 * ((at[near, 0] - plane) / sigma[near]) ** 2)
        _stamp(out[plane], at[near, 1:], sigma[near], weight)
    return out


REACH = 3.5  # sigmas


@numba.njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _stamp(out: np.ndarray, at: np.ndarray, sigma: np.ndarray, amount: np.ndarray) -> None:
    """Adds ``amount`` exp(-r^2 / 2 sigma^2), as the product of two lines, within ``REACH``
    sigma."""
    rows, columns = out.shape
    line = np.empty(columns, np.float32)
    for i in range(len(at)):
        reach = REACH * sigma[i]
        r0, r1 = (
            max(0, int(np.ceil(at[i, 0] - reach))),
            min(rows, int(np.floor(at[i, 0] + reach)) + 1),
        )
        c0, c1 = (
            max(0, int(np.ceil(at[i, 1] - reach))),
            min(columns, int(np.floor(at[i, 1] + reach)) + 1),
        )
        if r0 >= r1 or c0 >= c1:
            continue
        for c in range(c0, c1):
            line[c] = amount[i] * np.exp(-0.5 * ((c - at[i, 1]) / sigma[i]) ** 2)
        for r in range(r0, r1):
            factor = np.float32(np.exp(-0.5 * ((r - at[i, 0]) / sigma[i]) ** 2))
            for c in range(c0, c1):
                out[r, c] += factor * line[c]


def bar_transmission(
    film: Film,
    shape: tuple[int, int],
    geometry: Geometry,
    applied: Applied,
    view: int,
    blur_px: float = 1.0,
) -> np.ndarray:
    """(y, x) share of the beam that passes the grid's bars in one recorded view: 1, and 0 where a
    bar is in the way.

    Two straight bars run along the tilt axis at x = +-X, h = ``bar_nm`` off the specimen's plane.
    Equation (1) puts their edges at columns +-(X cos t - h sin |t|), so X follows from the edges
    reaching the half width w/2 at the tilt ``bar_from_deg``.
    """
    if film.bar_from_deg >= 90:
        return np.ones(shape)
    pixel = 1.0 if geometry.pixel_nm is None else geometry.pixel_nm
    first, t = np.deg2rad(film.bar_from_deg), np.deg2rad(geometry.angles_deg[view])
    height = film.bar_nm / pixel
    at = (shape[1] / 2 + height * np.sin(first)) / np.cos(first)
    edge = at * np.cos(t) - height * np.sin(abs(t))
    undo = np.linalg.inv(recording(geometry.axis_deg, applied, view))
    rows, columns = (np.arange(n) - centre(n) for n in shape)
    shift = 0.0 if geometry.shifts_px is None else geometry.shifts_px[view, 1]
    # Equation (3) backwards: the aligned column that every recorded pixel shows.
    x = undo[1, 0] * rows[:, None] + undo[1, 1] * columns + shift
    outside = x * (1 if t >= 0 else -1) - edge
    return np.asarray(0.5 * special.erfc(outside / (np.sqrt(2) * blur_px)))


def field_in_view(width: float, largest_tilt_deg: float, thickness: float) -> float:
    """Width of the strip of film of which a view of ``width`` shows some part at some tilt: (w + t
    sin) / cos."""
    a = np.deg2rad(largest_tilt_deg)
    return float((width + thickness * np.sin(a)) / np.cos(a))
