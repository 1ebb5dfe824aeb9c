"""Element maps: characteristic X-rays counted by four detectors, which the holder shadows as it
tilts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.progress import track_each
from recon.series import PER_NM, TiltSeries, Volume
from recon.simulate.acquire import acquire
from recon.simulate.detector import count_electrons
from recon.simulate.goniometer import Goniometer
from recon.simulate.groups import check_groups
from recon.simulate.randomness import FIRST_ELEMENT, generator_of
from recon.simulate.sample import Sample
from recon.simulate.session import (
    begin_session,
    bin_image,
    make_specimen,
    record_mass,
    sweep_angles,
)
from recon.simulate.views import Views

AZIMUTHS_DEG = (
    45.0,
    135.0,
    225.0,
    315.0,
)  # of the four detectors about the beam, from +x (across the tilt axis) towards +y
TAKE_OFF_DEG = (
    18.0  # their elevation above the untilted specimen, that of common four-detector systems
)
HALF_WIDTH_DEG = 13.5  # each sees 0.17 sr
HOLDER_DEG = 5.0  # elevation of the holder's walls, seen from the specimen
VIEWS, STAGE = Views(step_deg=6.0), Goniometer()


def shadowing(angles_deg: np.ndarray) -> np.ndarray:
    """(tilt, detector) share of each detector that the specimen sees over the walls of its holder:
    0 to 1.

    A detector in the direction d (elevation ``TAKE_OFF_DEG``, azimuth phi) stands at the elevation
    e, sin e = n d, above the holder's plane, whose normal n tilts to (z, y, x) = (cos t, 0, sin t),
    equation (1). A wall of elevation h hides all of the detector's disc, of half width w, below it:
    with u = (e - h) / w between -1 and 1, the share 1/2 + (u sqrt(1 - u^2) + asin u) / pi is left.
    """
    t, elevation, azimuth = (
        np.deg2rad(angles_deg)[:, None],
        np.deg2rad(TAKE_OFF_DEG),
        np.deg2rad(AZIMUTHS_DEG),
    )
    sine = np.cos(t) * np.sin(elevation) + np.sin(t) * np.cos(elevation) * np.cos(azimuth)
    u = np.clip((np.rad2deg(np.arcsin(np.clip(sine, -1, 1))) - HOLDER_DEG) / HALF_WIDTH_DEG, -1, 1)
    return np.asarray(0.5 + (u * np.sqrt(1 - u**2) + np.arcsin(u)) / np.pi)


def self_absorbed(mass: np.ndarray, per_nm: float) -> np.ndarray:
    """Share of a ray's X-rays that leave the specimen: (1 - exp(-m L)) / (m L), L = mass /
    sin(take-off), where it is thick.

    The mean of exp(-m s) over sources spread evenly along the ray: each leaves towards a detector
    through the share of the ray's matter that lies above it, lengthened by its slant. That is a
    flat specimen; small particles lose less.
    """
    depth = per_nm * mass / np.sin(np.deg2rad(TAKE_OFF_DEG))
    return np.asarray(np.where(depth > 1e-9, -np.expm1(-depth) / np.maximum(depth, 1e-9), 1.0))


def acquire_edx(
    family: Callable[..., Phantom],
    *,
    element: str | None = None,
    views: Views = VIEWS,
    stage: Goniometer = STAGE,
    counts_per_nm: float = 0.2,
    continuum: float = 0.01,
    absorption_per_nm: float = 0.0,
    free_path_nm: float = 500.0,
    seed: int = 0,
) -> Sample:
    """One channel of a spectrum image of ``family``: counts of ``element`` (one of the phantom's;
    null: its first), or ``element=HAADF``, the dark-field series that is recorded with them. All
    channels of a seed share drift, axis and tilts; their noise is their own.

    ``counts_per_nm``: X-rays a pixel counts from 1 nm of pure matter, with all four detectors in
    sight; ``continuum``: bremsstrahlung in the element's window, as a share of that, from all
    matter; ``absorption_per_nm``: of the X-rays in matter of density 1 (0: none). The dose of
    ``views`` is the dark field's, as is ``free_path_nm``. The detectors' shares are returned in
    ``applied.collected``.

    Raises ``UserError`` for a phantom without elements or an element it does not have.
    """
    check_groups("simulate", views=(views, Views), stage=(stage, Goniometer))
    limits = (counts_per_nm > 0, 0 <= continuum <= 10, 0 <= absorption_per_nm <= 10)
    if not all(limits) or not np.isfinite(counts_per_nm):
        raise UserError(
            f"simulate.counts_per_nm={counts_per_nm}, continuum={continuum}, "
            f"absorption_per_nm={absorption_per_nm} given, a positive number and "
            "two from 0 to 10 wanted"
        )
    if element == "HAADF":
        return acquire(family, views=views, stage=stage, free_path_nm=free_path_nm, seed=seed)
    coarse, fine = make_specimen(family, views.axis)
    channel = _channel(coarse, element)
    name, pixel = coarse.element_names[channel], coarse.voxel_nm
    session = begin_session(pixel, views=views, stage=stage, seed=seed)
    assert fine.elements is not None
    assert coarse.elements is not None
    amount, seen = fine.elements[channel], shadowing(session.geometry.angles_deg)
    expected = np.zeros((session.angles_deg.size, *coarse.density.shape[1:]))
    for view, image in enumerate(track_each("recording the phantom", expected)):
        angles = sweep_angles(session, view, int(coarse.density.shape[2]))
        for angle in angles:
            own = bin_image(record_mass(amount, fine.voxel_nm, session, view, float(angle)))
            mass = bin_image(record_mass(fine.density, fine.voxel_nm, session, view, float(angle)))
            image += (own + continuum * mass) * self_absorbed(mass, absorption_per_nm) / angles.size
        image *= counts_per_nm * seen[view].mean()
    rng = generator_of(FIRST_ELEMENT + channel, session.seed)
    step = (
        f"simulated: {coarse.name}, EDX of {name}, {counts_per_nm:g} counts per nm and view, "
        f"continuum {continuum:g}, absorption "
        f"{absorption_per_nm:g} / nm, {views.scheme} scheme of {session.angles_deg.size} views to "
        f"{np.abs(session.angles_deg).max():g} deg, "
        f"drift {stage.drift_px:g} px, axis {stage.axis_deg:g} deg, seed {seed}"
    )
    history = (*coarse.history, step)
    data = torch.from_numpy(count_electrons(expected, rng).astype(np.float32))
    series = TiltSeries(data, Geometry(session.angles_deg, pixel), f"{coarse.name}_{name}", history)
    truth = Volume(
        (counts_per_nm * coarse.elements[channel]).contiguous(),
        pixel,
        f"{coarse.name} {name} truth",
        history,
        PER_NM,
    )
    return Sample(series, truth, session.geometry, None, replace(session.applied, collected=seen))


def _channel(phantom: Phantom, element: str | None) -> int:
    names = phantom.element_names
    if phantom.elements is None or not names:
        raise UserError(
            f"simulate=edx given for {phantom.name}, which has no elements, phantom=core_shell or "
            f"quantum_dot wanted; or use simulate=haadf"
        )
    if element is not None and element not in names:
        raise UserError(
            f"simulate.element={element} given, one of {', '.join(names)} or HAADF wanted"
        )
    return 0 if element is None else names.index(element)
