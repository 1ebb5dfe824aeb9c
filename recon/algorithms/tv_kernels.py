"""The two loops of PDHG-TV that are not projections, fused: one pass over memory each instead of a
dozen.

Volumes are C-ordered (a, b, c) float32 in any axis order; differences are forward, zero across the
last plane.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_OPTIONS = {"fastmath": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit(parallel=True, **_OPTIONS)
def ascend(xbar, q, step, radius, over, along_c):
    """q <- q + over * (q_new - q), q_new = q + step * grad(xbar), each voxel's 3-vector scaled back
    to length <= radius. ``q``: (3, a, b, c)."""
    n_a, n_b, n_c = xbar.shape
    for i in prange(n_a):
        # One line of q_new.
        na, nb, nc = np.empty(n_c, np.float32), np.empty(n_c, np.float32), np.empty(n_c, np.float32)
        for j in range(n_b):
            x = xbar[i, j]
            below = xbar[i + 1, j] if i + 1 < n_a else x
            beside = xbar[i, j + 1] if j + 1 < n_b else x
            qa, qb, qc = q[0, i, j], q[1, i, j], q[2, i, j]
            for k in range(n_c):
                na[k] = qa[k] + step * (below[k] - x[k])
                nb[k] = qb[k] + step * (beside[k] - x[k])
                nc[k] = qc[k]
            if along_c:
                for k in range(n_c - 1):
                    nc[k] += step * (x[k + 1] - x[k])
            for k in range(n_c):
                length2 = na[k] * na[k] + nb[k] * nb[k] + nc[k] * nc[k]
                scale = radius / np.sqrt(max(length2, radius * radius))
                qa[k] += over * (scale * na[k] - qa[k])
                qb[k] += over * (scale * nb[k] - qb[k])
                qc[k] += over * (scale * nc[k] - qc[k])


@njit(parallel=True, **_OPTIONS)
def descend(x, xbar, back, q, step, over, low, high):
    """x <- x + over * (x_new - x), x_new = clamp(x - step * (back + grad'(q))); xbar <- 2 x_new -
    x."""
    n_a, n_b, n_c = x.shape
    for i in prange(n_a):
        for j in range(n_b):
            qa, qb, qc = q[0, i, j], q[1, i, j], q[2, i, j]
            row, bar, b = x[i, j], xbar[i, j], back[i, j]
            # grad' q = -(divergence): q of the last plane is zero along its own axis, so no case is
            # needed there.
            above = q[0, i - 1, j] if i > 0 else qa
            before = q[1, i, j - 1] if j > 0 else qb
            from_above = np.float32(1) if i > 0 else np.float32(0)
            from_before = np.float32(1) if j > 0 else np.float32(0)
            for k in range(n_c):
                bar[k] = from_above * above[k] - qa[k] + from_before * before[k] - qb[k] - qc[k]
            for k in range(1, n_c):
                bar[k] += qc[k - 1]
            for k in range(n_c):
                new = min(max(row[k] - step * (b[k] + bar[k]), low), high)
                bar[k] = 2 * new - row[k]
                row[k] += over * (new - row[k])
