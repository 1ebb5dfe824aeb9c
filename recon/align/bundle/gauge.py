"""The gauge: what no track can tell, and how it is fixed.

Moving, turning or scaling the specimen while the views undo it changes no prediction. Left alone,
these motions make the normal equations singular; so they are fixed by linear constraints on the
views' parameters, one for each motion that the free parameters can undo:

* three translations: ``sum_v M_v' s_v = 0``, with M_v the projection of view v where the solution
  starts. It spreads over all views what a fixed reference view would put into one, so that no
  view's noise enters the others' error bars. Afterwards the volume's origin is put (``centred``)
  where the view at the lowest tilt has its centre, at the beads' mean height.
* the turn about the tilt axis, when tilts are grouped or free: ``sum_v (t_v - nominal) = 0``;
* the turn about x, when x-tilts are: ``sum_v (a_v - nominal) = 0``; and the turn about the beam,
  when rotations are too: ``sum_v (a_v - nominal) sin t_v = 0``, since turning the specimen by d
  about z adds ``d tan t`` to the x-tilts and ``d / cos t`` to the rotations;
* the scale, when magnifications are: ``sum_v log m_v = 0``, so that a pixel keeps its size on
  average; likewise the scales along x and y, the skew and the thickness when stretch, skew and
  thinning are.

All follow from how ``R(r) Ry(t) Rx(a) K`` of ``model.py`` takes in a factor on its right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr

from recon.align.bundle.freedom import COLUMNS, TOLD_AS_ONE, Freedom, curve
from recon.align.bundle.model import MAGNIFICATION, ROTATION, TILT, X_TILT, Cameras, X, Y, matrices
from recon.errors import UserError


@dataclass(frozen=True, eq=False)
class Space:
    """The allowed changes of the views' parameters: ``parameters[:, columns] += (basis @
    unknowns)``.

    ``columns``: (active,) of ``Cameras.parameters``. ``basis``: (view * active, unknown), views
    slowest. ``names``: (unknown,) of which parameter each unknown is.
    """

    columns: np.ndarray
    basis: np.ndarray
    names: tuple[str, ...]

    @property
    def n_unknowns(self) -> int:
        return int(self.basis.shape[1])

    def change(self, cameras: Cameras, unknowns: np.ndarray) -> Cameras:
        parameters = cameras.parameters.copy()
        parameters[:, self.columns] += (self.basis @ unknowns).reshape(len(parameters), -1)
        return Cameras(parameters)


def allowed(
    cameras: Cameras, given: Cameras, freedom: Freedom, beads_in_view: np.ndarray
) -> tuple[Space, Cameras]:
    """(space, start): the space of ``freedom`` with the gauge fixed, and ``cameras`` moved into it
    (as differences from ``given``).

    ``beads_in_view``: (view,) observations. A view needs one bead for a shift of its own; for other
    parameters of its own, more numbers (2 a bead) than it has parameters. Otherwise it follows its
    neighbours. Raises ``UserError`` when no view has beads enough.
    """
    n = cameras.n_views
    tilts = given.parameters[:, TILT]
    own = 2 + sum(freedom.mode(name) == "free" for name in COLUMNS)
    carrying = 2 * beads_in_view > own
    if own > 2 and not carrying.any():
        raise UserError(
            f"no view shows more than {int(beads_in_view.max())} beads, {own // 2 + 1} wanted for "
            f"{freedom.said()}; solve for less or "
            "track more beads"
        )
    columns: list[int] = [X, Y]
    blocks: list[tuple[str, np.ndarray]] = []
    start = given.parameters.copy()

    shifts = np.kron(curve("free", 0, tilts, beads_in_view > 0), np.eye(2))  # (view * 2, unknown)
    views = matrices(cameras)
    blocks.append(("shift", shifts @ _null((views.reshape(2 * n, 3)).T @ shifts)))
    start[:, [X, Y]] = cameras.parameters[:, [X, Y]]
    for name, column in COLUMNS.items():
        shape = curve(freedom.mode(name), freedom.spacing(name), tilts, carrying)
        shape = shape @ _null(_unseen(name, freedom, tilts) @ shape)
        if shape.shape[1] == 0:
            continue
        columns.append(column)
        blocks.append((name, shape))
        difference = cameras.parameters[:, column] - given.parameters[:, column]
        start[:, column] += shape @ np.linalg.lstsq(shape, difference, rcond=None)[0]

    active = len(columns)
    basis = np.zeros((n, active, sum(b.shape[1] for _, b in blocks)))
    names: list[str] = []
    for k, (name, block) in enumerate(blocks):
        here = slice(len(names), len(names) + block.shape[1])
        if name == "shift":
            basis[:, :2, here] = block.reshape(n, 2, -1)
        else:
            basis[:, k + 1, here] = block
        names += [name] * block.shape[1]
    return Space(np.array(columns), basis.reshape(n * active, -1), tuple(names)), Cameras(start)


def _unseen(name: str, freedom: Freedom, tilts_rad: np.ndarray) -> np.ndarray:
    """(constraint, view) the combinations of a parameter that only move the specimen."""
    if name in TOLD_AS_ONE:
        return np.zeros((0, len(tilts_rad)))
    rows = [np.ones(len(tilts_rad))]
    if name == "x_tilt" and freedom.rotation in ("grouped", "free"):
        rows.append(np.sin(tilts_rad))
    return np.stack(rows)


def _null(constraints: np.ndarray) -> np.ndarray:
    """(unknown, fewer) orthonormal basis of what satisfies ``constraints`` (constraint,
    unknown)."""
    count = constraints.shape[1]
    if count == 0 or constraints.shape[0] == 0:
        return np.eye(count)
    turned, triangle, _ = qr(constraints.T, pivoting=True)
    size = np.abs(np.diag(triangle))
    rank = int((size > 1e-9 * size.max()).sum()) if size.max() > 0 else 0
    return np.asarray(turned[:, rank:])


def moved(cameras: Cameras, beads_px: np.ndarray, by_px: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """The specimen moved by (dz, dy, dx) and the views' shifts with it: every prediction stays."""
    by = np.asarray(by_px, np.float64)
    parameters = cameras.parameters.copy()
    parameters[:, [X, Y]] -= matrices(cameras) @ by[::-1]
    return Cameras(parameters), beads_px + by


def turned(cameras: Cameras, beads_px: np.ndarray, by_deg: float) -> tuple[Cameras, np.ndarray]:
    """The specimen turned about the tilt axis by ``by_deg`` and the tilts reduced by it. Exact
    without x-tilt and strain."""
    c, s = np.cos(np.deg2rad(by_deg)), np.sin(np.deg2rad(by_deg))
    z, y, x = np.asarray(beads_px).T
    beads = np.stack([c * z - s * x, y, c * x + s * z], axis=1)
    return cameras.with_column(TILT, cameras.parameters[:, TILT] - np.deg2rad(by_deg)), beads


def leaned(cameras: Cameras, beads_px: np.ndarray, by_deg: float) -> tuple[Cameras, np.ndarray]:
    """The specimen turned about x by ``by_deg`` and the x-tilts reduced by it. Exact without
    strain."""
    c, s = np.cos(np.deg2rad(by_deg)), np.sin(np.deg2rad(by_deg))
    z, y, x = np.asarray(beads_px).T
    beads = np.stack([s * y + c * z, c * y - s * z, x], axis=1)
    return cameras.with_column(X_TILT, cameras.parameters[:, X_TILT] - np.deg2rad(by_deg)), beads


def scaled(cameras: Cameras, beads_px: np.ndarray, factor: float) -> tuple[Cameras, np.ndarray]:
    """The specimen larger by ``factor`` and the magnifications smaller."""
    smaller = cameras.parameters[:, MAGNIFICATION] - np.log(factor)
    return cameras.with_column(MAGNIFICATION, smaller), beads_px * factor


def centred(cameras: Cameras, beads_px: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Moved so that the view at the lowest tilt has no shift and the beads' mean height is zero:
    the reconstruction is where it was seen."""
    low = int(np.argmin(np.abs(cameras.parameters[:, TILT])))
    height = -float(beads_px[:, 0].mean())
    view = matrices(cameras)[low]
    want = cameras.parameters[low, [X, Y]] - height * view[:, 2]
    x, y = np.linalg.lstsq(view[:, :2], want, rcond=None)[0]
    return moved(cameras, beads_px, np.array([height, y, x]))


def opposite(cameras: Cameras, beads_px: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """The axis the other way round: rotations changed by 180 degrees and the specimen inverted
    through the origin."""
    half = -np.pi if cameras.parameters[:, ROTATION].mean() > 0 else np.pi
    return cameras.with_column(ROTATION, cameras.parameters[:, ROTATION] + half), -beads_px


def upright(cameras: Cameras, beads_px: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """With the mean axis in [-90, 90) degrees, as ``align=xcorr`` has it. No view tells an axis
    from the opposite one: this is the rule."""
    return (
        (cameras, beads_px)
        if -90 <= cameras.rotation_deg.mean() < 90
        else opposite(cameras, beads_px)
    )


def levelling_deg(cameras: Cameras, beads_px: np.ndarray) -> float:
    """By how much ``turned`` has to turn the beads' best plane to bring it level along x."""
    offset = beads_px - beads_px.mean(0)
    (slope, _), *_ = np.linalg.lstsq(offset[:, [2, 1]], offset[:, 0], rcond=None)
    return float(np.rad2deg(np.arctan(slope)))


def at_centroid(cameras: Cameras, beads_px: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Moved so that the beads' mean position is the origin."""
    return moved(cameras, beads_px, -beads_px.mean(0))


def same_frame(cameras: Cameras, other: Cameras) -> Cameras:
    """``cameras`` with mean tilt, x-tilt and log magnification of ``other``: for comparing two
    solutions parameter by parameter."""
    parameters = cameras.parameters.copy()
    for column in (TILT, X_TILT, MAGNIFICATION):
        parameters[:, column] += other.parameters[:, column].mean() - parameters[:, column].mean()
    return replace(cameras, parameters=parameters)
