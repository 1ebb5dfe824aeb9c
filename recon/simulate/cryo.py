"""A specimen in ice: phase contrast at low dose, counted by a camera."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.progress import track_each
from recon.series import TiltSeries, Volume
from recon.simulate.ctf import Optics, imaged
from recon.simulate.detector import check_dose, electrons
from recon.simulate.film import slab_length
from recon.simulate.sample import Sample
from recon.simulate.session import Axis, Scheme, begin, binned, recorded, specimen

STANDARD = Optics()
ICE_FREE_PATH_NM = 380.0  # inelastic, at 300 kV, with an energy filter: METHODS.md K


def acquire_cryo(
    family: Callable[..., Phantom],
    *,
    scheme: Scheme = "dose_symmetric",
    max_tilt_deg: float = 60.0,
    step_deg: float = 3.0,
    missing_views: int = 0,
    axis: Axis = "a",
    optics: Optics = STANDARD,
    phase_per_nm: float = 0.01,
    ice_nm: float | None = None,
    dose_e_nm2: float = 300.0,
    drift_px: float = 2.0,
    axis_deg: float = 86.5,
    axis_error_px: float = 0.0,
    tilt_error_deg: float = 0.0,
    rotation_error_deg: float = 0.0,
    magnification_error: float = 0.0,
    seed: int = 0,
) -> Sample:
    """Record ``family``, whose density is contrast above the ice, as a weak phase object through
    ``optics``. Use preprocess=brightfield.

    ``phase_per_nm``: phase shift (rad) of 1 nm of density 1; protein stands out of ice by about
    0.01. ``ice_nm``: thickness of the layer, whose exp(-ice / (380 nm cos t)) of the beam passes
    the energy filter; null: the box. ``dose_e_nm2``: per view, before the specimen (300 is 3 e/A^2,
    and 41 views 123 e/A^2). The truth is 2 ``phase_per_nm`` times the density: what -log of
    intensity measures where the transfer is -1.

    Raises ``UserError`` for what no microscope can do.
    """
    check_dose(dose_e_nm2, "simulate")
    if not 0 <= phase_per_nm <= 1 or not (ice_nm is None or 0 <= ice_nm < np.inf):
        raise UserError(
            f"simulate.phase_per_nm={phase_per_nm}, simulate.ice_nm={ice_nm} given, 0 to 1 and a "
            f"thickness >= 0 wanted"
        )
    if not isinstance(optics, Optics):
        raise UserError(
            f"simulate.optics={optics} given, its options wanted one by one, such as "
            f"simulate.optics.defocus_um=3"
        )
    coarse, fine = specimen(family, axis)
    pixel = coarse.voxel_nm
    ice = pixel * coarse.density.shape[0] if ice_nm is None else ice_nm
    session = begin(
        pixel,
        scheme=scheme,
        max_tilt_deg=max_tilt_deg,
        step_deg=step_deg,
        missing_views=missing_views,
        drift_px=drift_px,
        axis_deg=axis_deg,
        axis_error_px=axis_error_px,
        tilt_error_deg=tilt_error_deg,
        rotation_error_deg=rotation_error_deg,
        magnification_error=magnification_error,
        sweep_deg=0.0,
        axis=axis,
        seed=seed,
    )
    views = []
    angles_deg = track_each("recording the phantom", session.geometry.angles_deg)
    for view, angle in enumerate(angles_deg):
        phase = phase_per_nm * recorded(fine.density, fine.voxel_nm, session, view, float(angle))
        passed = np.exp(-slab_length(ice, float(angle)) / ICE_FREE_PATH_NM)
        views.append(passed * binned(imaged(phase, fine.voxel_nm, optics)))
    counts = electrons(dose_e_nm2 * pixel**2 * np.stack(views), session.rng)
    step = (
        f"simulated: {coarse.name}, cryo at {dose_e_nm2:g} e/nm2 a view through {ice:g} nm of ice, "
        f"{optics}, {scheme} scheme of "
        f"{session.angles_deg.size} views to {np.abs(session.angles_deg).max():g} deg, drift "
        f"{drift_px:g} px, axis {axis_deg:g} deg, seed {seed}"
    )
    history = (*coarse.history, step)
    series = TiltSeries(
        torch.from_numpy(counts.astype(np.float32)),
        Geometry(session.angles_deg, pixel),
        coarse.name,
        history,
    )
    truth = Volume(2 * phase_per_nm * coarse.density, pixel, f"{coarse.name} truth", history)
    return Sample(series, truth, session.geometry, None, session.applied)
