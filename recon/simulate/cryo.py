"""A specimen in ice: phase contrast at low dose, counted by a camera."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.progress import track_each
from recon.series import PER_NM, TiltSeries, Volume
from recon.simulate.ctf import Optics, image_phase
from recon.simulate.detector import count_electrons
from recon.simulate.film import slab_length
from recon.simulate.goniometer import Goniometer
from recon.simulate.groups import check_groups
from recon.simulate.sample import Sample
from recon.simulate.session import (
    FINER,
    Session,
    begin_session,
    bin_image,
    make_specimen,
    record_mass,
    sweep_angles,
)
from recon.simulate.views import Views

STANDARD = Optics()
VIEWS = Views(scheme="dose_symmetric", max_tilt_deg=60.0, step_deg=3.0, dose_e_nm2=300.0)
STAGE = Goniometer(drift_px=2.0)
ICE_FREE_PATH_NM = 380.0  # inelastic, at 300 kV, with an energy filter: METHODS.md K


def acquire_cryo(
    family: Callable[..., Phantom],
    *,
    views: Views = VIEWS,
    stage: Goniometer = STAGE,
    optics: Optics = STANDARD,
    phase_per_nm: float = 0.01,
    ice_nm: float | None = None,
    seed: int = 0,
) -> Sample:
    """Record ``family``, whose density is contrast above the ice, as a weak phase object through
    ``optics``. Use preprocess=brightfield.

    ``phase_per_nm``: phase shift (rad) of 1 nm of density 1; protein stands out of ice by about
    0.01. ``ice_nm``: thickness of the layer, whose exp(-ice / (380 nm cos t)) of the beam passes
    the energy filter; null: the box. The dose of ``views``: 300 is 3 e/A^2, and 41 views 123 e/A^2.
    The truth is 2 ``phase_per_nm`` times the density: what -log of
    intensity measures where the transfer is -1.

    Raises ``UserError`` for what no microscope can do.
    """
    check_groups(
        "simulate", views=(views, Views), stage=(stage, Goniometer), optics=(optics, Optics)
    )
    if not 0 <= phase_per_nm <= 1 or not (ice_nm is None or 0 <= ice_nm < np.inf):
        raise UserError(
            f"simulate.phase_per_nm={phase_per_nm}, simulate.ice_nm={ice_nm} given, 0 to 1 and a "
            f"thickness >= 0 wanted"
        )
    coarse, fine = make_specimen(family, views.axis)
    pixel = coarse.voxel_nm
    ice = pixel * coarse.density.shape[0] if ice_nm is None else ice_nm
    session = begin_session(pixel, views=views, stage=stage, seed=seed)
    expected = np.stack(
        [
            _expose(fine, session, v, phase_per_nm, ice, optics)
            for v in track_each("recording the phantom", range(session.angles_deg.size))
        ]
    )
    counts = count_electrons(views.dose_e_nm2 * pixel**2 * expected, session.rng)
    step = (
        f"simulated: {coarse.name}, cryo at {views.dose_e_nm2:g} e/nm2 a view through {ice:g} nm of ice, "
        f"{optics}, {views.scheme} scheme of "
        f"{session.angles_deg.size} views to {np.abs(session.angles_deg).max():g} deg, drift "
        f"{stage.drift_px:g} px, axis {stage.axis_deg:g} deg, seed {seed}"
    )
    history = (*coarse.history, step)
    series = TiltSeries(
        torch.from_numpy(counts.astype(np.float32)),
        Geometry(session.angles_deg, pixel),
        coarse.name,
        history,
    )
    truth = Volume(
        2 * phase_per_nm * coarse.density, pixel, f"{coarse.name} truth", history, PER_NM
    )
    return Sample(series, truth, session.geometry, None, session.applied)


def _expose(
    fine: Phantom, session: Session, view: int, phase_per_nm: float, ice_nm: float, optics: Optics
) -> np.ndarray:
    """(y, x) share of the beam that reaches the camera, averaged over the angles of an exposure."""
    images = []
    for angle in sweep_angles(session, view, int(fine.density.shape[2]) // FINER):
        mass = record_mass(fine.density, fine.voxel_nm, session, view, float(angle))
        passed = np.exp(-slab_length(ice_nm, float(angle)) / ICE_FREE_PATH_NM)
        images.append(passed * bin_image(image_phase(phase_per_nm * mass, fine.voxel_nm, optics)))
    return np.asarray(np.mean(images, axis=0))
