"""A phantom in the microscope: projections, contrast, dose, detector, drift. Returns the series
with everything that was applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.progress import track_each
from recon.series import PER_NM, TiltSeries, Volume
from recon.simulate.applied import Applied, Fiducials, recorded_positions
from recon.simulate.bragg import Bragg, beam_directions, in_zone_axis
from recon.simulate.detector import (
    Detector,
    add_cosmic_rays,
    count_electrons,
    draw_bad_pixels,
    put_bad_pixels,
    read_out,
)
from recon.simulate.fiducials import Beads, bead_chords, bead_voxels, hide_beads, place, track
from recon.simulate.film import Film, bar_transmission, slab_length
from recon.simulate.fresnel import propagate, wavelength_nm
from recon.simulate.goniometer import Goniometer
from recon.simulate.groups import check_groups
from recon.simulate.randomness import BAD_PIXELS, BEADS, BRAGG, SCAN, generator_of
from recon.simulate.sample import Sample
from recon.simulate.scan import Scan, scan_errors, scan_image, scanned_positions
from recon.simulate.session import (
    Session,
    begin_session,
    bin_image,
    make_specimen,
    record_mass,
    sweep_angles,
)
from recon.simulate.views import Axis, Views

VIEWS, STAGE, DETECTOR = Views(), Goniometer(), Detector()
STEADY, NO_BEADS, NO_FILM, AMORPHOUS = Scan(), Beads(), Film(), Bragg()
FILM_HEIGHT = -0.4  # of the support film's middle, in boxes from the specimen's centre
# Phase shift per factor e of attenuation, for the halo: gold shifts by 0.16 rad / nm and loses 1/e
# behind an aperture in about 12 nm.
PHASE_PER_E_FOLD = 2.0


def acquire(
    family: Callable[..., Phantom],
    *,
    views: Views = VIEWS,
    stage: Goniometer = STAGE,
    contrast: Literal["haadf", "bright_field"] = "haadf",
    free_path_nm: float = 500.0,
    defocus_um: float = 0.0,
    bragg: Bragg = AMORPHOUS,
    film: Film = NO_FILM,
    beads: Beads = NO_BEADS,
    detector: Detector = DETECTOR,
    scan: Scan = STEADY,
    seed: int = 0,
) -> Sample:
    """Record ``family`` (a phantom function with its options filled in).

    A ray that meets the mass t = integral of density along it (nm) scatters the fraction 1 - exp(-t
    / ``free_path_nm``) of its electrons: what HAADF counts, saturating for thick and dense matter;
    bright field counts the rest. ``defocus_um``: bright field only, gives edges and beads their
    fringes.

    ``views``: tilts and dose; ``stage``: what the goniometer does wrong. Specimen: ``bragg``,
    ``film``, ``beads``: crystals that darken in zone axes, a support film and its grid, gold beads;
    off by default. ``detector``, ``scan``: errors of the camera and of a scanned beam. Each group
    says what its options mean.

    Raises ``UserError`` for what no microscope can do.
    """
    check_groups(
        "simulate",
        views=(views, Views),
        stage=(stage, Goniometer),
        bragg=(bragg, Bragg),
        film=(film, Film),
        beads=(beads, Beads),
        detector=(detector, Detector),
        scan=(scan, Scan),
    )
    _check(contrast, free_path_nm, defocus_um)
    coarse, fine = make_specimen(family, views.axis)
    pixel, box_nm = coarse.voxel_nm, coarse.voxel_nm * coarse.density.shape[2]
    session = begin_session(pixel, views=views, stage=stage, seed=seed)
    rng, shape = session.rng, (int(coarse.density.shape[1]), int(coarse.density.shape[2]))
    session = _with_crystals(session, fine, bragg, views.axis, seed)
    gold = (
        None if beads.count == 0 else _gold(beads, film, box_nm, session, views.axis, shape, seed)
    )

    scattered = np.stack(
        [
            _scatter(fine, session, v, shape, film, gold, beads, bragg, free_path_nm, defocus_um)
            for v in track_each("recording the phantom", range(session.angles_deg.size))
        ]
    )
    reaching = scattered if contrast == "haadf" else 1 - scattered
    if film.bar_from_deg < 90:
        bars = [
            bar_transmission(film, shape, session.geometry, session.applied, v)
            for v in range(len(reaching))
        ]
        reaching = reaching * np.stack(bars)
        session = _mark_shadow(session, np.stack(bars))
        gold = gold and hide_beads(gold, np.stack(bars))
    errors = scan_errors(scan, len(reaching), shape, generator_of(SCAN, session.seed))
    if errors is not None:
        reaching = np.clip(
            np.stack(
                [scan_image(image, error) for image, error in zip(reaching, errors, strict=True)]
            ),
            0,
            None,
        )
        session = replace(session, applied=replace(session.applied, scan_px=errors))
        gold = gold and _scanned_gold(gold, errors, pixel)

    incident = views.dose_e_nm2 * pixel**2
    data = add_cosmic_rays(
        read_out(count_electrons(incident * reaching, rng), detector, rng),
        detector.cosmic_rays_per_view,
        20 * incident,
        rng,
    )
    bad = draw_bad_pixels(shape, detector.bad_pixels, generator_of(BAD_PIXELS, seed))
    if bad is not None:
        data = put_bad_pixels(data, bad, detector.dark_level + 5 * incident)
        session = replace(session, applied=replace(session.applied, bad_pixels=bad))

    angles = session.angles_deg
    step = (
        f"simulated: {coarse.name}, {contrast} at {views.dose_e_nm2:g} e/nm2 a view, {views.scheme} scheme of "
        f"{angles.size} views to "
        f"{np.abs(angles).max():g} deg, drift {stage.drift_px:g} px, axis {stage.axis_deg:g} deg, seed {seed}"
    )
    more = {
        "second axis": views.axis == "b",
        f"sweep {views.sweep_deg:g} deg": views.sweep_deg > 0,
        f"defocus {defocus_um:g} um": defocus_um != 0,
        f"tilt, rotation, magnification errors {stage.tilt_error_deg:g} deg, "
        f"{stage.rotation_error_deg:g} deg, {stage.magnification_error:g}": (
            stage.rotation_error_deg > 0 or stage.magnification_error > 0
        ),
        str(bragg): bragg != AMORPHOUS,
        str(film): film != NO_FILM,
        str(beads): beads != NO_BEADS,
        str(scan): scan != STEADY,
        f"bad pixels {detector.bad_pixels:g}": bad is not None,
    }
    history = (*coarse.history, ", ".join([step, *(words for words, on in more.items() if on)]))
    series = TiltSeries(
        torch.from_numpy(data.astype(np.float32)), Geometry(angles, pixel), coarse.name, history
    )
    # In units of the reconstruction: counts per nm where little is scattered, or (after -log) per
    # nm.
    grey = _with_support(coarse, film, beads, gold) * (
        (incident if contrast == "haadf" else 1.0) / free_path_nm
    )
    truth = Volume(grey, pixel, f"{coarse.name} truth", history, PER_NM)
    atoms_nm = None if coarse.positions_px is None else coarse.positions_px * pixel
    return Sample(series, truth, session.geometry, gold, session.applied, coarse.labels, atoms_nm)


def _scatter(
    fine: Phantom,
    session: Session,
    view: int,
    shape: tuple[int, int],
    film: Film,
    gold: Fiducials | None,
    beads: Beads,
    bragg: Bragg,
    free_path_nm: float,
    defocus_um: float,
) -> np.ndarray:
    """(y, x) fraction that is scattered out of the beam, averaged over the angles of an
    exposure."""
    density, pixel = _weigh_crystals(fine, session, view, bragg), session.geometry.pixel_nm
    assert pixel is not None
    angles = sweep_angles(session, view, shape[1])
    total = np.zeros(shape, np.float32)
    for angle in angles:
        mass = bin_image(record_mass(density, fine.voxel_nm, session, view, float(angle)))
        if film.thickness_nm > 0:
            mass = mass + film.density * slab_length(film.thickness_nm, float(angle))
        if gold is not None:
            magnified = session.applied.magnifications[view] / pixel
            where = _one_view(gold, session, view, float(angle), shape)
            mass = (
                mass
                + beads.density
                * bead_chords(shape, where, gold.diameters_nm * magnified)
                / magnified
            )
        if defocus_um == 0:
            total += np.asarray(1 - np.exp(-mass / free_path_nm), np.float32)
        else:
            exponent = mass / free_path_nm
            total += np.asarray(1 - _propagate_mirrored(exponent, defocus_um, pixel), np.float32)
    return np.asarray(total / angles.size)


def _propagate_mirrored(exponent: np.ndarray, defocus_um: float, pixel_nm: float) -> np.ndarray:
    """Transmitted intensity out of focus; mirrored borders, because propagation is periodic."""
    margin = min(32, min(exponent.shape) - 1)
    wide = np.pad(exponent, margin, mode="symmetric")
    image = propagate(
        wide, PHASE_PER_E_FOLD * wide, 1e3 * defocus_um, wavelength_nm(300.0), pixel_nm
    )
    return image[margin:-margin, margin:-margin]


def _weigh_crystals(fine: Phantom, session: Session, view: int, bragg: Bragg) -> torch.Tensor:
    """The density as this view sees it: instances in a zone axis weigh 1 + ``strength`` times as
    much."""
    events = session.applied.bragg
    if events is None or not events[view].any():
        return fine.density
    assert fine.instances is not None
    gain = torch.from_numpy(
        np.concatenate([[1.0], 1 + bragg.strength * events[view]]).astype(np.float32)
    )
    return fine.density * gain[fine.instances.long()]


def _with_crystals(session: Session, fine: Phantom, bragg: Bragg, axis: Axis, seed: int) -> Session:
    if bragg.strength == 0:
        return session
    if fine.instances is None:
        raise UserError(
            f"bragg.strength={bragg.strength} given for {fine.name}, a phantom with countable "
            f"particles wanted, such as phantom=supported_catalyst"
        )
    beams = beam_directions(session.geometry.angles_deg, second_axis=axis == "b")
    events = in_zone_axis(
        int(fine.instances.max()), beams, bragg.width_deg, generator_of(BRAGG, seed)
    )
    return replace(session, applied=replace(session.applied, bragg=events))


def _gold(
    beads: Beads,
    film: Film,
    box_nm: float,
    session: Session,
    axis: Axis,
    shape: tuple[int, int],
    seed: int,
) -> Fiducials:
    """On the two faces of a layer about the specimen or, where there is a support film and no layer
    is asked for, of that film."""
    on_film = film.thickness_nm > 0 and beads.layer_nm is None
    layer = (
        film.thickness_nm if on_film else 0.8 * box_nm if beads.layer_nm is None else beads.layer_nm
    )
    positions, diameters = place(
        beads, layer, (0.95 * box_nm, 0.95 * box_nm), generator_of(BEADS, seed)
    )
    positions[:, 0] += FILM_HEIGHT * box_nm if on_film else 0.0
    if axis == "b":
        positions = positions[:, [0, 2, 1]] * [1, -1, 1]  # as session.turn_phantom
    return track(positions, diameters, beads.diameter_nm, session.geometry, session.applied, shape)


def _one_view(
    gold: Fiducials, session: Session, view: int, angle_deg: float, shape: tuple[int, int]
) -> np.ndarray:
    """(bead, 2) positions in a view at one angle of its exposure."""
    shifts, applied = session.geometry.shifts_px, session.applied
    assert shifts is not None
    geometry = Geometry(
        np.array([angle_deg]),
        session.geometry.pixel_nm,
        session.geometry.axis_deg,
        shifts[view : view + 1],
    )
    still = Applied(applied.rotations_deg[view : view + 1], applied.magnifications[view : view + 1])
    return np.asarray(recorded_positions(gold.positions_nm, geometry, still, shape)[0])


def _scanned_gold(gold: Fiducials, errors: np.ndarray, pixel_nm: float) -> Fiducials:
    tracks = [
        scanned_positions(at, gold.diameters_nm / pixel_nm, error)
        for at, error in zip(gold.tracks_px, errors, strict=True)
    ]
    return replace(gold, tracks_px=np.stack(tracks))


def _mark_shadow(session: Session, bars: np.ndarray) -> Session:
    return replace(session, applied=replace(session.applied, shadowed=1 - bars.mean((1, 2))))


def _with_support(
    coarse: Phantom, film: Film, beads: Beads, gold: Fiducials | None
) -> torch.Tensor:
    """Specimen, film and beads as densities on the reconstruction's grid."""
    density = coarse.density
    if film.thickness_nm > 0:
        n_z = density.shape[0]
        z = np.abs(np.arange(n_z) - (n_z - 1) / 2 - FILM_HEIGHT * n_z)
        share = np.clip(film.thickness_nm / coarse.voxel_nm / 2 - z + 0.5, 0, 1).astype(np.float32)
        density = density + film.density * torch.from_numpy(share)[:, None, None]
    if gold is not None:
        shape = (int(density.shape[0]), int(density.shape[1]), int(density.shape[2]))
        filled = bead_voxels(
            shape, gold.positions_nm / coarse.voxel_nm, gold.diameters_nm / coarse.voxel_nm
        )
        density = density + beads.density * torch.from_numpy(filled)
    return density


def _check(contrast: str, free_path_nm: float, defocus_um: float) -> None:
    if contrast not in ("haadf", "bright_field"):
        raise UserError(f"simulate.contrast={contrast} given, haadf or bright_field wanted")
    if not (np.isfinite(free_path_nm) and free_path_nm > 0):
        raise UserError(
            f"simulate.free_path_nm={free_path_nm} given, a positive length wanted; some 100 nm "
            f"are usual"
        )
    if defocus_um != 0 and (contrast == "haadf" or not abs(defocus_um) <= 100):
        raise UserError(
            f"simulate.defocus_um={defocus_um} given with contrast={contrast}, up to 100 um in "
            f"bright field wanted; a dark-field probe has no fringes"
        )
