"""The projection model: where a bead at (z, y, x) shows in a raw view, and how that changes with
every parameter.

With P = (X, Y, Z) from the centre of the volume and p = (x, y) from the centre of the raw image,

    p = m R(r) L [cos t, 0, sin t; 0, 1, 0] Rx(a) K P + s                                                  (1)

    R(r) = [cos r, -sin r; sin r, cos r]          in-plane rotation: r is ``geometry.py``'s axis_deg, one per view
    L = [1, 0; h, 1]                              skew of the recording: h is how the image's x leans towards its y
    Rx(a) = [1, 0, 0; 0, cos a, -sin a; 0, sin a, cos a]       x-tilt
    K = [1 + e, 0, 0; g, 1, 0; 0, 0, k]           the specimen's own change: stretch e, skew g, thinning k

t is the tilt, m the magnification, s the shift. For a = h = 0, K = 1 this is equation (2) of
``geometry.py`` turned round, with ``shift = -R(-r) s / m``. It is IMOD's model too (tiltalign: x =
aX + bY + cZ + dx, y = dX + eY + fZ + dy, with a = m cos t cos r, b = -m sin r, c = m k sin t cos r,
d = m cos t sin r, e = m cos r, f = m k sin t sin r): e and g are IMOD's ``dmag`` and skew, h its
projection skew, as its solution of real tracks shows (tests/align/bundle/test_bead_tracks.py).
IMOD's coordinates are pixel index + 1/2, so that positions counted from the centre are the same
numbers, and so are the angles.

Inside this package vectors run (x, y) and (X, Y, Z), as in (1); what goes out runs (y, x) and (z,
y, x).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Columns of ``Cameras.parameters``. Angles in radians, magnification and thinning as logarithms, so
# that all steps are additive.
X, Y, ROTATION, MAGNIFICATION, TILT, X_TILT, STRETCH, SKEW, THINNING, SCAN_SKEW = range(10)
COUNT = 10


@dataclass(frozen=True, eq=False)
class Cameras:
    """Every view's part of equation (1). ``parameters``: (view, 10), see the column numbers of this
    module."""

    parameters: np.ndarray

    @property
    def n_views(self) -> int:
        return len(self.parameters)

    @property
    def shift_px(self) -> np.ndarray:
        """(view, 2) as (dy, dx) in raw pixels: where the centre of the volume shows, from the
        centre of the image."""
        return np.asarray(self.parameters[:, [Y, X]])

    @property
    def rotation_deg(self) -> np.ndarray:
        """(view,) the tilt axis in each raw view, counter-clockwise from +y."""
        return np.asarray(np.rad2deg(self.parameters[:, ROTATION]))

    @property
    def magnification(self) -> np.ndarray:
        """(view,) factor on the volume's scale; their geometric mean is 1 when solved for."""
        return np.asarray(np.exp(self.parameters[:, MAGNIFICATION]))

    @property
    def tilt_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, TILT]))

    @property
    def x_tilt_deg(self) -> np.ndarray:
        return np.asarray(np.rad2deg(self.parameters[:, X_TILT]))

    @property
    def stretch(self) -> np.ndarray:
        """(view,) e of equation (1): the specimen is longer by this fraction across the tilt axis
        than along it."""
        return np.asarray(self.parameters[:, STRETCH])

    @property
    def skew_deg(self) -> np.ndarray:
        """(view,) g of equation (1) as an angle: by how much the specimen's x leans towards its y,
        the tilt axis."""
        return np.asarray(np.rad2deg(self.parameters[:, SKEW]))

    @property
    def scan_skew_deg(self) -> np.ndarray:
        """(view,) h of equation (1) as an angle: a scan whose lines are not square to its
        columns."""
        return np.asarray(np.rad2deg(self.parameters[:, SCAN_SKEW]))

    @property
    def thinning(self) -> np.ndarray:
        """(view,) k of equation (1): factor on z."""
        return np.asarray(np.exp(self.parameters[:, THINNING]))

    def with_column(self, column: int, values: np.ndarray | float) -> Cameras:
        """The same with one column of ``parameters`` replaced."""
        changed = self.parameters.copy()
        changed[:, column] = values
        return replace(self, parameters=changed)


def nominal(tilt_deg: np.ndarray, axis_deg: float, x_tilt_deg: float = 0.0) -> Cameras:
    """Views as the microscope says: no shift, no magnification, the given tilts and axis."""
    parameters = np.zeros((len(tilt_deg), COUNT))
    parameters[:, TILT] = np.deg2rad(tilt_deg)
    parameters[:, ROTATION] = np.deg2rad(axis_deg)
    parameters[:, X_TILT] = np.deg2rad(x_tilt_deg)
    return Cameras(parameters)


def matrices(cameras: Cameras) -> np.ndarray:
    """(view, 2, 3) from (X, Y, Z) to (x, y) without the shift: the product of equation (1)."""
    turn, tilted, lean, strain = _factors(cameras.parameters)
    return np.asarray(turn @ tilted @ lean @ strain)


def matrix_slopes(cameras: Cameras) -> np.ndarray:
    """(view, 10, 2, 3) derivatives of ``matrices`` to each column of the parameters (zero for the
    shift)."""
    q = cameras.parameters
    turn, tilted, lean, strain = _factors(q)
    left, right = turn @ tilted, lean @ strain
    slopes = np.zeros((len(q), COUNT, 2, 3))
    slopes[:, ROTATION] = np.array([[0.0, -1.0], [1.0, 0.0]]) @ left @ right  # R' = R(90 deg) R
    slopes[:, MAGNIFICATION] = left @ right
    slopes[:, TILT] = turn @ _project(-np.sin(q[:, TILT]), np.cos(q[:, TILT]), 0.0) @ right
    slopes[:, X_TILT] = left @ _lean(-np.sin(q[:, X_TILT]), np.cos(q[:, X_TILT]), 0.0) @ strain
    whole = left @ lean
    slopes[:, STRETCH] = whole @ np.diag([1.0, 0.0, 0.0])
    slopes[:, SKEW] = whole @ np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    slopes[:, THINNING] = whole @ (np.exp(q[:, THINNING])[:, None, None] * np.diag([0.0, 0.0, 1.0]))
    plain = np.exp(q[:, MAGNIFICATION])[:, None, None] * _rotation(q[:, ROTATION])
    slopes[:, SCAN_SKEW] = plain @ np.array([[0.0, 0.0], [1.0, 0.0]]) @ tilted @ right
    return slopes


def project(cameras: Cameras, beads_px: np.ndarray) -> np.ndarray:
    """Equation (1): (view, bead, 2) as (y, x) from the image centre, of beads (bead, 3) as (z, y,
    x) from the volume's."""
    xy = np.einsum("vij,bj->vbi", matrices(cameras), np.asarray(beads_px)[:, ::-1])
    return np.asarray((xy + cameras.parameters[:, None, [X, Y]])[..., ::-1])


def jacobian(
    cameras: Cameras, beads_xyz: np.ndarray, bead: np.ndarray, view: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((obs, 2) predictions (x, y), (obs, 2, 10) slopes to the view's parameters, (obs, 2, 3)
    slopes to the bead's (X, Y, Z)).

    These blocks are all there is: an observation depends on its own view and its own bead, so the
    whole Jacobian is sparse.
    """
    m = matrices(cameras)[view]
    points = beads_xyz[bead]
    to_view = np.einsum("oqij,oj->oiq", matrix_slopes(cameras)[view], points)
    to_view[:, 0, X] = to_view[:, 1, Y] = 1.0
    return np.einsum("oij,oj->oi", m, points) + cameras.parameters[view][:, [X, Y]], to_view, m


def _factors(q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    skewed = np.zeros((len(q), 2, 2))
    skewed[:, 0, 0] = skewed[:, 1, 1] = 1
    skewed[:, 1, 0] = q[:, SCAN_SKEW]
    turn = np.exp(q[:, MAGNIFICATION])[:, None, None] * _rotation(q[:, ROTATION]) @ skewed
    strain = np.zeros((len(q), 3, 3))
    strain[:, 0, 0], strain[:, 1, 1] = 1 + q[:, STRETCH], 1.0
    strain[:, 1, 0] = q[:, SKEW]
    strain[:, 2, 2] = np.exp(q[:, THINNING])
    tilted = _project(np.cos(q[:, TILT]), np.sin(q[:, TILT]), 1.0)
    return turn, tilted, _lean(np.cos(q[:, X_TILT]), np.sin(q[:, X_TILT]), 1.0), strain


def _rotation(angle: np.ndarray) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -s], 1), np.stack([s, c], 1)], 1)


def _project(c: np.ndarray, s: np.ndarray, one: float) -> np.ndarray:
    out = np.zeros((len(c), 2, 3))
    out[:, 0, 0], out[:, 0, 2], out[:, 1, 1] = c, s, one
    return out


def _lean(c: np.ndarray, s: np.ndarray, one: float) -> np.ndarray:
    out = np.zeros((len(c), 3, 3))
    out[:, 0, 0], out[:, 1, 1], out[:, 1, 2], out[:, 2, 1], out[:, 2, 2] = one, c, -s, s, c
    return out
