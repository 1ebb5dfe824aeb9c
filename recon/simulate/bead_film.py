"""A plastic section with gold beads in bright field, at any size: no volume is projected, every
grain and bead has a closed form.

What fiducial tracking is tested on (METHODS.md L, B10): low dose, drift, an axis near 90 degrees,
views that rotate and breathe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.base import free_gb
from recon.progress import track_each
from recon.series import PER_NM, TiltSeries, Volume
from recon.simulate.applied import Applied, Fiducials, recorded_positions
from recon.simulate.detector import count_electrons
from recon.simulate.fiducials import Beads, bead_chords, bead_voxels, hide_beads, place, track
from recon.simulate.film import (
    Film,
    Grains,
    bar_transmission,
    field_in_view,
    grain_mass,
    grain_voxels,
    random_grains,
    slab_length,
)
from recon.simulate.fresnel import propagate, wavelength_nm
from recon.simulate.goniometer import Goniometer, draw_drift, draw_view_errors
from recon.simulate.groups import check_groups
from recon.simulate.randomness import BEADS, COUNTS, DRIFT, GRAINS, TILTS, check_seed, generator_of
from recon.simulate.sample import Sample
from recon.simulate.views import Views, draw_tilts

# Attenuation of resin and of gold behind a small objective aperture, and phase shift per length:
# mean inner potentials of about 8 and 25 V times 6.5e-3 rad / (V nm) at 300 kV. Our choice, of the
# order that sections and gold have.
FILM_FREE_PATH_NM, GOLD_FREE_PATH_NM = 200.0, 12.0
FILM_PHASE, GOLD_PHASE = 0.05, 0.16
MARGIN = (
    16  # pixels drawn around a view, so that propagation, which is periodic, wraps nothing into it
)


@dataclass(frozen=True)
class Section:
    """A plastic section on a grid. ``film_nm``: its thickness; ``texture``: standard deviation of
    its grains' densities, where the film's is 1 (0: none). ``tilt_blur_px``: energy loss in it
    blurs by this times (1 / cos - 1). ``bar_from_deg``: tilt at which the grid's bars come in (90:
    never)."""

    film_nm: float = 150.0
    texture: float = 0.4
    tilt_blur_px: float = 0.7
    bar_from_deg: float = 57.0

    def __post_init__(self) -> None:
        if not 0 < self.film_nm < np.inf or not 0 <= self.texture <= 2:
            raise UserError(
                f"section.film_nm={self.film_nm}, section.texture={self.texture} given, a "
                f"thickness > 0 and 0 to 2 wanted"
            )
        if not 0 <= self.tilt_blur_px <= 20 or not 0 < self.bar_from_deg <= 90:
            raise UserError(
                f"section.tilt_blur_px={self.tilt_blur_px}, "
                f"section.bar_from_deg={self.bar_from_deg} given, 0 to 20 and 0 to 90 wanted"
            )


VIEWS = Views(max_tilt_deg=60.0, dose_e_nm2=150.0)
STAGE = Goniometer(
    drift_px=5.0,
    axis_deg=85.3,
    tilt_error_deg=0.2,
    rotation_error_deg=0.05,
    magnification_error=0.002,
)
SECTION = Section()


def beads(
    *,
    size: int = 512,
    pixel_nm: float = 1.0,
    views: Views = VIEWS,
    stage: Goniometer = STAGE,
    n_beads: int = 40,
    bead_nm: float = 10.0,
    clustered: float = 0.1,
    section: Section = SECTION,
    defocus_um: float = 4.0,
    seed: int = 0,
) -> Sample:
    """A tilt series of ``size``^2 pixels of a ``section`` with ``n_beads`` in its untilted field;
    more come in at high tilt.

    ``views``: tilts and dose (150 is 1.5 e/A^2), each at one angle and of the first axis;
    ``stage``: drift and errors that alignment has to find in every view. The truth is -log of
    transmission per nm in a slab that holds film and beads.

    Raises ``UserError`` for what cannot be recorded.
    """
    check_groups(
        "sample", views=(views, Views), stage=(stage, Goniometer), section=(section, Section)
    )
    _check(size, pixel_nm, views, stage, section)
    check_seed(seed)
    film_nm, angles = section.film_nm, draw_tilts(views, seed)
    true_angles = angles + stage.tilt_error_deg * generator_of(TILTS, seed).normal(size=angles.size)
    shifts = draw_drift(generator_of(DRIFT, seed), angles.size, stage.drift_px)
    shifts[:, 1] += stage.axis_error_px
    applied = draw_view_errors(angles.size, stage, 0.0, seed)
    geometry = Geometry(true_angles, pixel_nm, stage.axis_deg, shifts)

    field = _field(size, geometry, film_nm)
    positions, diameters = _beads(
        Beads(n_beads, bead_nm, clustered=clustered), film_nm, size * pixel_nm, field, seed
    )
    gold = track(positions, diameters, bead_nm, geometry, applied, (size, size))
    grains = random_grains(generator_of(GRAINS, seed), 8000.0, film_nm, field, section.texture)
    dose, film = views.dose_e_nm2, Film(film_nm, 1.0, section.bar_from_deg, 1000.0)

    rng = generator_of(COUNTS, seed)
    data, open_share = np.empty((2, angles.size, size, size), np.float32)
    where = recorded_positions(grains.centre_nm, geometry, applied, (size, size))
    for view in track_each("recording the beads", range(angles.size)):
        image = _cross_film(
            film, grains, where[view], gold, geometry, applied, view, defocus_um, size
        )
        blur = section.tilt_blur_px * (1 / np.cos(np.deg2rad(true_angles[view])) - 1)
        image = ndimage.gaussian_filter(image, blur)[MARGIN:-MARGIN, MARGIN:-MARGIN]
        passed = bar_transmission(film, (size, size), geometry, applied, view)
        open_share[view] = passed
        data[view] = count_electrons(np.maximum(dose * pixel_nm**2 * image * passed, 0), rng)
    gold = hide_beads(gold, open_share)
    applied = replace(applied, shadowed=1 - open_share.mean((1, 2)))

    step = (
        f"simulated: {n_beads} gold beads of {bead_nm:g} nm on a film of {film_nm:g} nm, bright "
        f"field at {dose:g} e/nm2 a view, "
        f"{angles.size} views to {np.abs(angles).max():g} deg, drift {stage.drift_px:g} px, axis "
        f"{stage.axis_deg:g} deg, seed {seed}"
    )
    series = TiltSeries(torch.from_numpy(data), Geometry(angles, pixel_nm), "beads", (step,))
    truth = Volume(
        _truth(grains, gold, film_nm, size, pixel_nm), pixel_nm, "beads truth", (step,), PER_NM
    )
    return Sample(series, truth, geometry, gold, applied)


def _beads(
    wanted: Beads, film_nm: float, width_nm: float, field: tuple[float, float], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Those of the untilted field first, then as many per area in the rest of ``field``."""
    rng = generator_of(BEADS, seed)
    inner, sizes = place(wanted, film_nm, (width_nm, width_nm), rng)
    more = round(wanted.count * field[0] * field[1] / width_nm**2)
    outer, outer_sizes = place(replace(wanted, count=more), film_nm, field, rng)
    apart = (np.abs(outer[:, 1:]) > width_nm / 2 + wanted.diameter_nm).any(1)
    return np.vstack([inner, outer[apart]]), np.concatenate([sizes, outer_sizes[apart]])


def _field(size: int, geometry: Geometry, film_nm: float) -> tuple[float, float]:
    """(y, x) extent in nm of all that some view shows."""
    assert geometry.pixel_nm is not None
    assert geometry.shifts_px is not None
    a = np.deg2rad(geometry.axis_deg)
    turned = 1.02 * (size + 2 * MARGIN) * (abs(np.cos(a)) + abs(np.sin(a))) + 2 * float(
        np.abs(geometry.shifts_px).max()
    )
    steepest = float(np.abs(geometry.angles_deg).max())
    return turned * geometry.pixel_nm, field_in_view(
        turned, steepest, film_nm / geometry.pixel_nm
    ) * geometry.pixel_nm


def _cross_film(
    film: Film,
    grains: Grains,
    where: np.ndarray,
    gold: Fiducials,
    geometry: Geometry,
    applied: Applied,
    view: int,
    defocus_um: float,
    size: int,
) -> np.ndarray:
    """(y, x) intensity behind film and beads with ``MARGIN`` around the frame, 1 for the open
    beam."""
    shape = (size + 2 * MARGIN, size + 2 * MARGIN)
    assert geometry.pixel_nm is not None
    magnified = applied.magnifications[view] / geometry.pixel_nm  # pixels in the frame per nm
    matter = slab_length(film.thickness_nm, geometry.angles_deg[view]) + grain_mass(
        shape,
        where + MARGIN,
        grains.sigma_nm * magnified,
        grains.density * grains.sigma_nm * np.sqrt(2 * np.pi),
    )
    metal = (
        bead_chords(shape, gold.tracks_px[view] + MARGIN, gold.diameters_nm * magnified) / magnified
    )
    exponent = np.maximum(matter, 0) / FILM_FREE_PATH_NM + metal / GOLD_FREE_PATH_NM
    if defocus_um == 0:
        return np.asarray(np.exp(-exponent))
    phase = FILM_PHASE * matter + GOLD_PHASE * metal
    return propagate(exponent, phase, 1e3 * defocus_um, wavelength_nm(300.0), geometry.pixel_nm)


def _truth(
    grains: Grains, gold: Fiducials, film_nm: float, size: int, pixel_nm: float
) -> torch.Tensor:
    thick = slab_thickness_px(film_nm, gold.diameter_nm, pixel_nm)
    shape = (thick, size, size)
    out = grain_voxels(shape, grains, pixel_nm)
    z = np.abs(np.arange(thick) - (thick - 1) / 2) * pixel_nm
    out += np.clip((film_nm / 2 - z) / pixel_nm + 0.5, 0, 1)[:, None, None].astype(np.float32)
    np.maximum(out, 0, out=out)
    out *= 1 / FILM_FREE_PATH_NM
    out += bead_voxels(
        shape, gold.positions_nm / pixel_nm, gold.diameters_nm / pixel_nm
    ) / np.float32(GOLD_FREE_PATH_NM)
    return torch.from_numpy(out)


def slab_thickness_px(film_nm: float, bead_nm: float, pixel_nm: float) -> int:
    """Planes of the truth: the film and the beads on either face, with room for those of more than
    average size."""
    return int(np.ceil((film_nm + 2.5 * bead_nm) / pixel_nm))


def _check(size: int, pixel_nm: float, views: Views, stage: Goniometer, section: Section) -> None:
    if not 64 <= size <= 8192 or not (np.isfinite(pixel_nm) and pixel_nm > 0):
        raise UserError(
            f"sample.size={size}, sample.pixel_nm={pixel_nm} given, 64 to 8192 pixels of a "
            f"positive size wanted"
        )
    if views.max_tilt_deg > 80:
        raise UserError(
            f"sample.views.max_tilt_deg={views.max_tilt_deg} given, at most 80 wanted: a film's "
            f"views have no end at 90 degrees"
        )
    if views.sweep_deg != 0 or views.axis != "a":
        raise UserError(
            f"sample.views.sweep_deg={views.sweep_deg}, sample.views.axis={views.axis} given, 0 "
            f"and a wanted; use simulate=fiducials with a phantom for the others"
        )
    if not (stage.drift_px < size / 4 and stage.tilt_error_deg < 5):
        raise UserError(
            f"sample.stage.drift_px={stage.drift_px}, "
            f"sample.stage.tilt_error_deg={stage.tilt_error_deg} given, 0 to {size / 4:g} and 0 to "
            f"5 wanted"
        )
    wanted = 4e-9 * size**2 * (4 * section.film_nm / pixel_nm + 150)
    if wanted > free_gb():
        raise UserError(
            f"sample.size={size} given, which needs {wanted:.1f} GB and {free_gb():.1f} GB are "
            f"free; pass a smaller sample.size=..."
        )
