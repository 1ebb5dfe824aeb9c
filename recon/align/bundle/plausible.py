"""How large a parameter can be: a Gaussian prior, for what tracks determine badly.

Tracks of beads through many tilts know every parameter far better than this and do not feel it.
Short tracks of one thin layer leave some to noise: these stay near what the microscope said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.align.bundle.freedom import COLUMNS
from recon.align.bundle.gauge import Space
from recon.align.bundle.model import ROTATION, Cameras

# Standard deviations of a view's value: from the one given, of the rotation from its mean. What
# stages, lenses, scans and specimens do: degrees for angles (of skews too), parts for the others.
PLAUSIBLE: dict[str, float] = {
    "rotation": np.deg2rad(0.5),
    "magnification": 0.01,
    "tilt": np.deg2rad(0.5),
    "x_tilt": np.deg2rad(1.0),
    "stretch": 0.01,
    "skew": 0.01,
    "thinning": 0.1,
    "scan_skew": 0.005,
}


@dataclass(frozen=True, eq=False)
class Prior:
    """``noise_px^2 / 2 sum_k (n_k / n) sum_v (change_vk / width_k)^2`` beside the sum of squared
    residuals / 2, with n_k the unknowns that parameter k has for its n views.

    A priori a node, a step or a view's own value has the spread ``PLAUSIBLE``. ``given``: from
    where changes count. ``noise_px``: standard deviation of a coordinate; 0: no prior.
    """

    given: Cameras
    noise_px: float = 0.0

    def value(self, cameras: Cameras, space: Space) -> float:
        return float((self._scaled(space) * self._changes(cameras, space) ** 2).sum() / 2)

    def slope(self, cameras: Cameras, space: Space) -> np.ndarray:
        """(unknown,) derivative of ``value``."""
        pull = self._scaled(space) * self._changes(cameras, space)
        return np.asarray(space.basis.T @ pull.ravel())

    def curvature(self, space: Space) -> np.ndarray:
        """(unknown, unknown) second derivative of ``value``."""
        by_view = space.basis.reshape(self.given.n_views, len(space.columns), -1).copy()
        mean = space.columns == ROTATION
        by_view[:, mean] -= by_view[:, mean].mean(0)
        flat = by_view.reshape(space.basis.shape)
        weight = np.tile(self._scaled(space), self.given.n_views)
        return np.asarray(flat.T @ (weight[:, None] * flat))

    def _changes(self, cameras: Cameras, space: Space) -> np.ndarray:
        """(view, active) from what was given, the rotation's mean taken off."""
        change = (cameras.parameters - self.given.parameters)[:, space.columns]
        mean = space.columns == ROTATION
        change[:, mean] -= change[:, mean].mean(0)
        return np.asarray(change)

    def _scaled(self, space: Space) -> np.ndarray:
        """(active,) what a squared change costs."""
        cost = np.zeros(len(space.columns))
        for name, width in PLAUSIBLE.items():
            share = space.names.count(name) / self.given.n_views
            cost[space.columns == COLUMNS[name]] = share * (self.noise_px / width) ** 2
        return cost
