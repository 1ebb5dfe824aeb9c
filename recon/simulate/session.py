"""What every recording starts with: the tilts, the stage's errors, and which way round the specimen
lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from recon.geometry import Geometry, centre
from recon.phantoms.base import Phantom
from recon.progress import track
from recon.projectors.native import NativeProjector
from recon.simulate.applied import Applied, recording
from recon.simulate.goniometer import Goniometer, draw_drift, draw_view_errors
from recon.simulate.randomness import check_seed
from recon.simulate.views import Axis, Views, draw_tilts

# projections are made on a grid this much finer than the reconstruction's, then binned: no inverse
# crime
FINER = 2


@dataclass(frozen=True, eq=False)
class Session:
    """``angles_deg``: (tilt,) as written down. ``geometry``: the true tilts, axis and shifts.
    ``rng``: what comes next in the old order."""

    angles_deg: np.ndarray
    geometry: Geometry
    applied: Applied
    rng: np.random.Generator
    seed: int


def begin_session(pixel_nm: float, *, views: Views, stage: Goniometer, seed: int) -> Session:
    """Draw what the stage does. Raises ``UserError`` for a negative seed."""
    check_seed(seed)
    # The second series drifts and counts anew.
    own = seed if views.axis == "a" else seed + (1 << 32)
    rng = np.random.default_rng(own)
    angles = draw_tilts(views, own)
    true_angles = angles + stage.tilt_error_deg * rng.normal(size=angles.size)
    shifts = draw_drift(rng, angles.size, stage.drift_px) + np.array([0.0, stage.axis_error_px])
    applied = draw_view_errors(angles.size, stage, views.sweep_deg, own)
    geometry = Geometry(true_angles, pixel_nm, stage.axis_deg, shifts)
    return Session(angles, geometry, applied, rng, own)


def turn_phantom(phantom: Phantom) -> Phantom:
    """The specimen turned by 90 degrees in its plane: a point (z, y, x) comes to (z, -x, y). No
    value changes."""

    def turn(part: Tensor | None) -> Tensor | None:
        return None if part is None else torch.rot90(part, 1, (-2, -1)).contiguous()

    density, labels = turn(phantom.density), turn(phantom.labels)
    assert density is not None
    assert labels is not None
    points = phantom.positions_px
    return replace(
        phantom,
        density=density,
        labels=labels,
        instances=turn(phantom.instances),
        elements=turn(phantom.elements),
        positions_px=None if points is None else points[:, [0, 2, 1]] * [1, -1, 1],
    )


def make_specimen(family: Callable[..., Phantom], axis: Axis) -> tuple[Phantom, Phantom]:
    """(on the reconstruction's grid, on one ``FINER``), as the series ``axis`` has it."""
    with track("making the phantom", 1 + FINER**3) as phase:
        with phase.part():
            coarse = family()
        with phase.part(FINER**3):
            fine = family(size=FINER * int(coarse.density.shape[2]))
    return (coarse, fine) if axis == "a" else (turn_phantom(coarse), turn_phantom(fine))


def sweep_angles(session: Session, view: int, width: int) -> np.ndarray:
    """(n,) angles whose mean stands for what a view records while the stage turns: the middles of
    equal parts of ``sweep_deg``.

    So many that the outermost point moves by no more than half a pixel from one to the next, three
    at least. One if the stage is still.
    """
    span = session.applied.sweep_deg
    n = 1 if span == 0 else max(3, int(np.ceil(np.deg2rad(span) * width)))
    return np.asarray(session.geometry.angles_deg[view] + span * ((np.arange(n) + 0.5) / n - 0.5))


def record_mass(
    density: Tensor, voxel_nm: float, session: Session, view: int, angle_deg: float
) -> np.ndarray:
    """(y, x) mass along each ray in nm on the fine grid, as recorded at ``angle_deg``: turned,
    magnified and shifted as view ``view`` is.

    ``density``: (z, y, x) on a grid ``FINER`` than the detector's, of ``voxel_nm``.
    """
    n_z, n_y, n_x = density.shape
    A = NativeProjector(Geometry(np.array([angle_deg]), None), (n_z, n_x), n_x)
    aligned = A(density)[0].numpy() * voxel_nm
    assert session.geometry.shifts_px is not None
    # Equation (3) of applied.py the other way: the recorded pixel p shows what lies at R p / m +
    # shift.
    matrix = recording(session.geometry.axis_deg, session.applied, view)
    undo = matrix.T / session.applied.magnifications[view] ** 2
    middle = np.array([centre(n_y), centre(n_x)])
    offset = middle + FINER * session.geometry.shifts_px[view] - undo @ middle
    return np.asarray(
        np.maximum(
            ndimage.affine_transform(aligned, undo, offset=offset, order=3, mode="constant"), 0
        )
    )


def bin_image(image: np.ndarray) -> np.ndarray:
    """(y, x) of the fine grid averaged to the detector's."""
    n_y, n_x = image.shape
    return np.asarray(image.reshape(n_y // FINER, FINER, n_x // FINER, FINER).mean((1, 3)))
