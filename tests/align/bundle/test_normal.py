"""Eliminating the beads gives the step that the whole system gives."""

from __future__ import annotations

import numpy as np

from recon.align.bundle.freedom import Freedom
from recon.align.bundle.gauge import allowed
from recon.align.bundle.minimise import Seen
from recon.align.bundle.model import nominal
from recon.align.bundle.normal import assemble, linearised, step


def test_schur_step_equals_dense_least_squares(truth) -> None:
    true = truth(n_beads=7, n_views=13)
    tracks = true.tracks(noise_px=2.0, seen=0.8)
    seen = Seen(tracks.bead, tracks.view, tracks.position_px[:, ::-1], 7)
    given = nominal(true.tilts, 84.0)
    space, start = allowed(
        given, given, Freedom(scan_skew="global"), np.bincount(seen.view, minlength=13)
    )
    points = true.beads_px[:, ::-1] + 1.0
    residual, to_view, to_bead = linearised(
        start, points, seen.bead, seen.view, seen.xy, space.columns
    )
    weight = np.random.default_rng(0).uniform(0.2, 1, len(seen.bead))

    n, active = len(seen.bead), len(space.columns)
    dense = np.zeros((n, 2, space.n_unknowns + 21))
    dense[:, :, : space.n_unknowns] = np.einsum(
        "oia,oau->oiu", to_view, space.basis.reshape(13, active, -1)[seen.view]
    )
    for o in range(n):
        at = space.n_unknowns + 3 * seen.bead[o]
        dense[o, :, at : at + 3] = to_bead[o]
    root = np.sqrt(np.repeat(weight, 2))
    expected = np.linalg.lstsq(
        dense.reshape(2 * n, -1) * root[:, None], residual.ravel() * root, rcond=None
    )[0]

    views, beads = step(
        assemble(residual, to_view, to_bead, weight, seen.bead, seen.view, space, 7)
    )
    np.testing.assert_allclose(
        np.concatenate([views, beads.ravel()]), expected, rtol=1e-6, atol=1e-7
    )
