"""A phantom in the microscope: projections, contrast, dose, detector, drift. Returns the series with everything that was applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from scipy import ndimage

from recon.errors import UserError
from recon.geometry import Geometry, axis_rotation, centre
from recon.phantoms.base import Phantom
from recon.projectors.native import NativeProjector
from recon.samples import Sample
from recon.series import TiltSeries, Volume
from recon.simulate.detector import cosmic_rays, electrons, read_out
from recon.simulate.schemes import dose_symmetric, equal, saxton, with_gaps

FINER = 2  # projections are made on a grid this much finer than the reconstruction's, then binned: no inverse crime


def acquire(
    family: Callable[..., Phantom],
    *,
    scheme: Literal["equal", "saxton", "dose_symmetric"] = "equal",
    max_tilt_deg: float = 66.0,
    step_deg: float = 2.0,
    missing_views: int = 0,
    contrast: Literal["haadf", "bright_field"] = "haadf",
    free_path_nm: float = 500.0,
    dose_e_nm2: float = 20000.0,
    dark_level: float = 20.0,
    read_noise: float = 1.0,
    cosmic_rays_per_view: float = 0.3,
    drift_px: float = 3.0,
    axis_deg: float = 86.5,
    axis_error_px: float = 0.0,
    tilt_error_deg: float = 0.0,
    seed: int = 0,
) -> Sample:
    """Record ``family`` (a phantom function with its options filled in).

    A ray that meets the mass t = integral of density along it (nm) scatters the fraction 1 - exp(-t / ``free_path_nm``) of its electrons:
    what HAADF counts, saturating for thick and dense matter; bright field counts the rest. ``dose_e_nm2``: per view. ``drift_px``: standard
    deviation of a random walk over the views, along and across the axis; ``axis_error_px``: where the axis lies off the centre;
    ``tilt_error_deg``: standard deviation of the true tilts about those that are written down.

    Raises ``UserError`` for what no microscope can do.
    """
    _check(free_path_nm, dose_e_nm2, drift_px, tilt_error_deg)
    rng = np.random.default_rng(seed)
    makers = {"equal": equal, "saxton": saxton, "dose_symmetric": dose_symmetric}
    if scheme not in makers:
        raise UserError(f"simulate.scheme={scheme} given, one of {', '.join(makers)} wanted")
    angles = with_gaps(makers[scheme](max_tilt_deg=max_tilt_deg, step_deg=step_deg), missing=missing_views, seed=seed)
    true_angles = angles + tilt_error_deg * rng.normal(size=angles.size)

    coarse = family()
    size = int(coarse.density.shape[2])
    fine = family(size=FINER * size)
    shifts = _walk(rng, angles.size, drift_px) + np.array([0.0, axis_error_px])
    mass = _recorded(fine, true_angles, axis_deg, shifts)

    pixel = coarse.voxel_nm
    scattered = 1 - np.exp(-mass / free_path_nm)
    incident = dose_e_nm2 * pixel**2
    counts = electrons(incident * (scattered if contrast == "haadf" else 1 - scattered), rng)
    data = cosmic_rays(read_out(counts, dark_level, read_noise, rng), cosmic_rays_per_view, 20 * incident, rng)

    step = (
        f"simulated: {coarse.name}, {contrast} at {dose_e_nm2:g} e/nm2 a view, {scheme} scheme of {angles.size} views to "
        f"{np.abs(angles).max():g} deg, drift {drift_px:g} px, axis {axis_deg:g} deg, seed {seed}"
    )
    series = TiltSeries(torch.from_numpy(data.astype(np.float32)), Geometry(angles, pixel), coarse.name, (*coarse.history, step))
    # In units of the reconstruction: counts per nm where little is scattered, or (after -log) per nm.
    grey = coarse.density * ((incident if contrast == "haadf" else 1.0) / free_path_nm)
    truth = Volume(grey, pixel, f"{coarse.name} truth", (*coarse.history, step))
    return Sample(series, truth, Geometry(true_angles, pixel, axis_deg, shifts))


def _walk(rng: np.random.Generator, count: int, sigma: float) -> np.ndarray:
    """(tilt, 2) random walk of standard deviation ``sigma``; what alignment has to add."""
    walk = np.cumsum(rng.normal(size=(count, 2)), axis=0)
    walk -= walk.mean(0)
    return np.asarray(walk * (sigma / np.maximum(walk.std(0), 1e-12)))


def _recorded(fine: Phantom, angles_deg: np.ndarray, axis_deg: float, shifts_px: np.ndarray) -> np.ndarray:
    """(tilt, y, x) mass along each ray in nm, as recorded: turned by the axis, shifted, binned by ``FINER`` from the finer grid."""
    n_z, n_y, n_x = fine.density.shape
    A = NativeProjector(Geometry(angles_deg, None), (n_z, n_x), n_x)
    turn, out = axis_rotation(axis_deg), []
    for view in range(angles_deg.size):
        aligned = A.views(np.array([view]))(fine.density)[0].numpy() * fine.voxel_nm
        # Equation (2) of geometry.py the other way: the recorded pixel p shows what lies at R p + shift.
        middle_in, middle_out = np.array([centre(n_y), centre(n_x)]), np.array([centre(n_y), centre(n_x)])
        offset = middle_in + FINER * shifts_px[view] - turn @ middle_out
        moved = ndimage.affine_transform(aligned, turn, offset=offset, order=3, mode="constant")
        out.append(np.maximum(moved, 0).reshape(n_y // FINER, FINER, n_x // FINER, FINER).mean((1, 3)))
    return np.stack(out)


def _check(free_path_nm: float, dose_e_nm2: float, drift_px: float, tilt_error_deg: float) -> None:
    if not (np.isfinite(dose_e_nm2) and dose_e_nm2 > 0):
        raise UserError(f"simulate.dose_e_nm2={dose_e_nm2} given, a positive dose wanted; without electrons there is no image")
    if not (np.isfinite(free_path_nm) and free_path_nm > 0):
        raise UserError(f"simulate.free_path_nm={free_path_nm} given, a positive length wanted; some 100 nm are usual")
    if drift_px < 0 or tilt_error_deg < 0:
        raise UserError(f"drift_px={drift_px} and tilt_error_deg={tilt_error_deg} given, standard deviations >= 0 wanted")
