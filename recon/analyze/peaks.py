"""Bright spots of a volume, to a small part of a voxel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from recon.progress import track_each


def band_pass(data: np.ndarray, sigma_px: float) -> np.ndarray:
    """(z, y, x) float32: smoothed by a Gaussian, minus smoothed by one twice as wide; spots of that
    size stand out, slopes vanish.

    The difference of Gaussians (Marr and Hildreth 1980, doi:10.1098/rspb.1980.0020): its peak is a
    spot's height above its surroundings.
    """
    values = np.asarray(data, np.float32)
    smooth: np.ndarray = ndimage.gaussian_filter(values, sigma_px, mode="nearest")
    smooth -= ndimage.gaussian_filter(values, 2 * sigma_px, mode="nearest")
    return smooth


def local_maxima(volume: np.ndarray, *, distance_px: float, margin: int) -> np.ndarray:
    """(n, 3) voxels that are positive and largest of their 26 neighbours, highest first, none
    nearer than ``distance_px`` to a higher one, none within ``margin`` voxels of a face."""
    top = (volume == ndimage.maximum_filter(volume, 3, mode="nearest")) & (volume > 0)
    inner = np.zeros(volume.shape, bool)
    inner[tuple(slice(margin, n - margin) for n in volume.shape)] = True
    at = np.argwhere(top & inner)
    at = at[np.argsort(-volume[tuple(at.T)], kind="stable")]
    if len(at) == 0:
        return at
    # Pairs come as (i, j), i < j: the higher first. Deciding in that order, a peak that fell to a
    # higher one removes nothing itself.
    pairs = cKDTree(at).query_pairs(distance_px * (1 - 1e-9), output_type="ndarray")
    keep = np.ones(len(at), bool)
    for higher, lower in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]:
        if keep[higher]:
            keep[lower] = False
    return np.asarray(at[keep])


def refine(volume: np.ndarray, at: np.ndarray, *, radius_px: float) -> np.ndarray:
    """(n, 3) float64: the centre of the Gaussian that fits the voxels within ``radius_px`` of each
    maximum ``at`` (n, 3).

    log f is a quadratic form in the position for any ellipsoidal Gaussian, so its ten coefficients
    are a linear least-squares problem; weighted by f^2, since an error e of f is one of e / f in
    log f (Caruana et al. 1986, Anal. Chem. 58, 1162; the weights as in Guo 2011, IEEE Signal
    Process. Mag. 28, 134). Where that is no peak, or more than a voxel away, the maximum itself
    stays.
    """
    reach = int(np.ceil(radius_px))
    side = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(side, side, side, indexing="ij"), -1).reshape(-1, 3)
    offsets = offsets[(offsets**2).sum(1) <= radius_px**2]
    z, y, x = offsets.T.astype(float)
    terms = np.stack([np.ones_like(z), z, y, x, z * z, y * y, x * x, z * y, z * x, y * x], 1)
    out = at.astype(np.float64)
    # So that the windows of a million atoms need not fit into memory.
    for first in track_each("fitting atoms", range(0, len(at), 4096)):
        part = slice(first, first + 4096)
        where = at[part, None, :] + offsets
        values = volume[tuple(np.moveaxis(where, 2, 0))].astype(np.float64)
        values /= volume[tuple(at[part].T)].astype(np.float64)[:, None]
        weight = np.where(values > 0.1, values, 0.0) ** 2
        normal = np.einsum("np,pi,pj->nij", weight, terms, terms) + 1e-9 * np.eye(10)
        right = np.einsum("np,pi->ni", weight * np.log(np.maximum(values, 0.1)), terms)
        c = np.linalg.solve(normal, right[..., None])[..., 0]
        curvature = np.stack(
            [
                np.stack([2 * c[:, 4], c[:, 7], c[:, 8]], 1),
                np.stack([c[:, 7], 2 * c[:, 5], c[:, 9]], 1),
                np.stack([c[:, 8], c[:, 9], 2 * c[:, 6]], 1),
            ],
            1,
        )
        peak = np.linalg.eigvalsh(curvature)[:, -1] < -1e-6
        curvature[~peak] = -np.eye(3)
        moved = -np.linalg.solve(curvature, c[:, 1:4, None])[..., 0]
        moved[~peak | (np.abs(moved).max(1) > 1)] = 0
        out[part] += moved
    return out
