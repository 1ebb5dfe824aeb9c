"""The native projector's two loops, on (z * x, row) volumes and (tilt * x, row) tilt series; see
``native.py`` for the model.

A voxel at signed distance d from a ray (d in detector columns) contributes with weight

    w(d) = max(0, 1 - |d| / m) / m,    m = max(|cos t|, |sin t|)

which is linear interpolation along the voxel grid's axis that is nearer to the detector, times the
path length through one grid line: Joseph 1982, doi:10.1109/TMI.1982.4307572. A voxel meets at most
two columns, so the adjoint gathers two taps per tilt. The forward direction gathers too, so that no
two threads ever write to one row.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from recon.projectors.simd import FEW_ROWS, LINES, MOST_ROWS, gather_lines, gather_rows

TILE = 32  # voxels along z and x: the columns that they meet at all tilts stay in the cache
Z_BLOCK = 8  # volume lines that a forward pass keeps in cache while it goes through the tilts

_OPTIONS = {"fastmath": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit(inline="always", **_OPTIONS)
def _block_rows(n_rows):
    """Rows of a block: as few blocks as can be, about alike, of whole vectors."""
    count = (n_rows + MOST_ROWS - 1) // MOST_ROWS
    return max(16, ((n_rows + count - 1) // max(count, 1) + 15) // 16 * 16)


@njit(inline="always", **_OPTIONS)
def _voxel_taps(z, x, cosine, sine, inverse_width, axis_column, n_u, tap, weight):
    """The two columns of every tilt that the voxel at (z, x) from the centre meets."""
    n_t = cosine.size
    for t in range(n_t):
        u = axis_column[t] + z * sine[t] + x * cosine[t]
        below = math.floor(u)
        i = int(below)
        f = np.float32(u - below)
        g = inverse_width[t]
        inside0 = (i >= 0) & (i < n_u)
        inside1 = (i >= -1) & (i < n_u - 1)
        # Taps off the detector point at a valid row with weight zero: cheaper than a branch.
        weight[t] = max(np.float32(0), g - f * g * g) if inside0 else np.float32(0)
        weight[n_t + t] = (
            max(np.float32(0), g - (np.float32(1) - f) * g * g) if inside1 else np.float32(0)
        )
        tap[t] = t * n_u + (i if inside0 else 0)
        tap[n_t + t] = t * n_u + (i + 1 if inside1 else 0)


@njit(parallel=True, **_OPTIONS)
def back_project(sinogram, cosine, sine, inverse_width, axis_column, n_u, volume, n_z, n_x):
    """volume[z * n_x + x] = sum over tilts and columns of w(u - column) * sinogram[t * n_u + u],
    with 1 / m = inverse_width[t] >= 1, float32."""
    n_taps = 2 * cosine.size
    n_rows = volume.shape[1]
    block = _block_rows(n_rows)
    n_across = (n_x + TILE - 1) // TILE
    for tile in prange((n_z + TILE - 1) // TILE * n_across):
        z0, x0 = tile // n_across * TILE, tile % n_across * TILE
        x1 = min(x0 + TILE, n_x)
        tap = np.empty(LINES * n_taps, np.int64)
        weight = np.empty(LINES * n_taps, np.float32)
        for first in range(0, n_rows, block):
            last = min(first + block, n_rows)
            together = LINES if last - first <= FEW_ROWS else 1
            for z in range(z0, min(z0 + TILE, n_z)):
                x = x0
                while x < x1:
                    n_lines = together if x1 - x >= together else 1
                    for i in range(n_lines):
                        of_line = slice(i * n_taps, (i + 1) * n_taps)
                        _voxel_taps(
                            z - (n_z - 1) / 2, x + i - (n_x - 1) / 2, cosine, sine, inverse_width,
                            axis_column, n_u, tap[of_line], weight[of_line],
                        )  # fmt: skip
                    voxel = z * n_x + x
                    if n_lines == LINES:
                        gather_lines(
                            volume, voxel, sinogram, tap, weight, n_taps, first, last, False
                        )
                    else:
                        gather_rows(
                            volume, voxel, sinogram, tap, weight, n_taps, first, last, False
                        )
                    x += n_lines


@njit(inline="always", **_OPTIONS)
def _shallow_taps(u, c, s, axis, z0, z1, n_z, n_x, tap, weight):
    """|cos| >= |sin|: the ray of column u crosses each line z once, between two neighbouring x.
    Returns the number of taps."""
    g = np.float32(1 / abs(c))
    n = z1 - z0
    x_at_z0 = (u - axis - (z0 - (n_z - 1) / 2) * s) / c + (n_x - 1) / 2
    for k in range(n):
        x = x_at_z0 - k * (s / c)
        below = math.floor(x)
        i = int(below)
        f = np.float32(x - below)
        inside0 = (i >= 0) & (i < n_x)
        inside1 = (i >= -1) & (i < n_x - 1)
        weight[k] = g - f * g if inside0 else np.float32(0)
        weight[n + k] = f * g if inside1 else np.float32(0)
        tap[k] = (z0 + k) * n_x + (i if inside0 else 0)
        tap[n + k] = (z0 + k) * n_x + (i + 1 if inside1 else 0)
    return 2 * n


@njit(inline="always", **_OPTIONS)
def _steep_taps(u, c, s, axis, z0, z1, n_z, n_x, tap, weight):
    """|sin| > |cos|: of each line z, all x whose voxel lies within m = |sin| of the ray. Returns
    the number of taps."""
    m = abs(s)
    g = np.float32(1 / m)
    n = 0
    for z in range(z0, z1):
        column0 = axis + (z - (n_z - 1) / 2) * s - (n_x - 1) / 2 * c
        if abs(c) * n_x < 1e-9:  # the line is parallel to the ray
            low, high = 0, n_x - 1 if abs(u - column0) < m else -1
        else:
            a, b = (u - m - column0) / c, (u + m - column0) / c
            low = math.ceil(max(min(a, b), 0.0))
            high = math.floor(min(max(a, b), n_x - 1.0))
        for x in range(low, high + 1):
            weight[n] = max(np.float32(0), g - np.float32(abs(u - column0 - c * x)) * g * g)
            tap[n] = z * n_x + x
            n += 1
    return n


@njit(parallel=True, **_OPTIONS)
def project(volume, cosine, sine, axis_column, n_u, sinogram, n_z, n_x, n_threads):
    """sinogram[t * n_u + u] = sum over voxels of w(u - column) * volume[z * n_x + x]. Thread i
    takes every n-th tilt from i."""
    n_t = cosine.size
    n_rows = volume.shape[1]
    block = _block_rows(n_rows)
    for thread in prange(n_threads):
        tap = np.empty(Z_BLOCK * max(n_x, 2), np.int64)
        weight = np.empty(Z_BLOCK * max(n_x, 2), np.float32)
        for t in range(thread, n_t, n_threads):
            sinogram[t * n_u : (t + 1) * n_u, :] = 0
        for first in range(0, n_rows, block):
            last = min(first + block, n_rows)
            for z0 in range(0, n_z, Z_BLOCK):
                z1 = min(z0 + Z_BLOCK, n_z)
                for t in range(thread, n_t, n_threads):
                    c, s, axis = cosine[t], sine[t], axis_column[t]
                    a = axis + (z0 - (n_z - 1) / 2) * s
                    b = axis + (z1 - 1 - (n_z - 1) / 2) * s
                    reach = abs(c) * (n_x - 1) / 2 + max(abs(c), abs(s))
                    for u in range(
                        max(0, math.ceil(min(a, b) - reach)),
                        min(n_u - 1, math.floor(max(a, b) + reach)) + 1,
                    ):
                        if abs(c) >= abs(s):
                            n_taps = _shallow_taps(u, c, s, axis, z0, z1, n_z, n_x, tap, weight)
                        else:
                            n_taps = _steep_taps(u, c, s, axis, z0, z1, n_z, n_x, tap, weight)
                        gather_rows(
                            sinogram, t * n_u + u, volume, tap, weight, n_taps, first, last, True
                        )
