"""Simulated tracks with a known answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from recon.align.bundle.model import MAGNIFICATION, ROTATION, TILT, Cameras, X, Y, nominal, project
from recon.align.bundle.threads import one_blas_thread
from recon.align.bundle.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Truth:
    """``tilts``: (view,) as written down; the cameras' own may differ."""

    cameras: Cameras
    beads_px: np.ndarray
    tilts: np.ndarray

    def tracks(
        self, noise_px: float = 0.0, seen: float = 1.0, outliers: float = 0.0, seed: int = 0
    ) -> Tracks:
        """``seen``: part of all observations that exist. ``outliers``: part of these that are 10 to
        40 px off."""
        rng = np.random.default_rng(seed)
        positions = project(self.cameras, self.beads_px)
        view, bead = np.nonzero(rng.uniform(size=positions.shape[:2]) < seen)
        found = positions[view, bead] + noise_px * rng.normal(size=(len(view), 2))
        wrong = rng.uniform(size=len(view)) < outliers
        direction = rng.uniform(0, 2 * np.pi, len(view))
        far = rng.uniform(10, 40, len(view))[:, None] * np.stack(
            [np.sin(direction), np.cos(direction)], 1
        )
        return Tracks(bead, view, found + np.where(wrong[:, None], far, 0), len(self.tilts))


@pytest.fixture(autouse=True)
def one_thread_each() -> Iterator[None]:
    with one_blas_thread():
        yield


@pytest.fixture
def truth() -> Callable[..., Truth]:
    """As METHODS.md's B10, smaller: drift of 5 px, axis 85.3 deg, magnification .2 %, tilt error .2
    deg, a film of beads."""

    def make(
        n_beads: int = 15,
        n_views: int = 31,
        *,
        tilt_error_deg: float = 0.2,
        magnification: float = 0.002,
        rotation_deg: float = 0.05,
        axis_deg: float = 85.3,
        half_width_px: float = 200.0,
        thickness_px: float = 75.0,
        seed: int = 0,
    ) -> Truth:
        rng = np.random.default_rng(seed)
        tilts = np.linspace(-60, 60, n_views)
        p = nominal(tilts, axis_deg).parameters.copy()
        p[:, [X, Y]] = np.cumsum(rng.normal(0, 5, (n_views, 2)), axis=0) / 2
        p[:, MAGNIFICATION] = magnification * rng.normal(size=n_views)
        p[:, ROTATION] += np.deg2rad(rotation_deg) * rng.normal(size=n_views)
        # Smooth tilt errors, which a curve can follow.
        p[:, TILT] += (
            np.deg2rad(tilt_error_deg)
            * np.sqrt(2)
            * np.sin(np.linspace(0, 2 * np.pi, n_views) + rng.uniform(0, 6))
        )
        p[:, MAGNIFICATION] -= p[:, MAGNIFICATION].mean()
        p[:, TILT] += np.deg2rad(tilts).mean() - p[:, TILT].mean()
        beads = rng.uniform(-1, 1, (n_beads, 3)) * [thickness_px, half_width_px, half_width_px]
        return Truth(Cameras(p), beads, tilts)

    return make


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((np.asarray(values) ** 2).mean()))


def misplacement(found: Cameras, found_beads: np.ndarray, truth: Truth) -> float:
    """rms distance in px between the predictions of two solutions for the same beads, in any gauge:
    what an alignment error is."""
    difference = project(found, found_beads) - project(truth.cameras, truth.beads_px)
    return float(np.sqrt((difference**2).sum(-1).mean()))
