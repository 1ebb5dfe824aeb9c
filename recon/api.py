"""What a notebook imports, as ``tiltwise``: read, clean, align, reconstruct, score, write, show.

Every function takes and returns the two data objects, ``TiltSeries`` and ``Volume``; numbers are
those of the command line, bit for bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from recon.algorithms.noise import measure_photon_transfer
from recon.align.found import alignment_of
from recon.align.resample import resample
from recon.align.xcorr import XCORR
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.given import (
    as_float32,
    as_series,
    bind_method,
    bind_step,
    check_number,
    check_path,
    use_threads,
)
from recon.io import read_tilt_series, write_tilt_series, write_volume
from recon.io.angle_text import angles_from_user
from recon.machine import free_memory_gb
from recon.options import check_options
from recon.picture import Picture
from recon.plausible import doubt_geometry, doubt_order
from recon.preprocess import PREPROCESS
from recon.progress import report_to
from recon.projectors.auto import auto
from recon.projectors.base import Projector, ProjectorFactory, check_geometry
from recon.projectors.masked import masked
from recon.run.in_memory import reconstruct_in_memory
from recon.run.plan import set_up
from recon.section.estimate import estimate_section
from recon.section.found import Section
from recon.series import PER_NM, PER_VOXEL, TiltSeries, Volume
from recon.sinogram.counts import TRANSFER, with_noise
from recon.sinogram.none import NONE
from recon.sinogram.restoration import (
    DENOISE,
    INPAINT,
    Restoration,
    parts_of,
    remaining_noise,
)
from recon.stage import BoundMethod, BoundStep
from recon.trust.scores import TrustScores
from recon.trust.standard import standard

NOISE = "noise_per_pixel"  # of an aligned series, as the raw one showed it


def read(
    path: str | Path,
    *,
    angles_deg: str | Sequence[float] | None = None,
    pixel_nm: float | None = None,
    exclude: Sequence[int | str] = (),
    dataset: str | int | None = None,
) -> TiltSeries:
    """A tilt series (tilt, y, x) from a file or a folder: MRC, TIFF, HDF5, DM3/DM4, SER ...

    ``angles_deg``: a list, ``"-60:60:2"`` or an angle file; ``pixel_nm``: of the detector at the
    specimen; None: what the file and its neighbours say. ``exclude``: views to drop, from 0, "4-6"
    for a range. ``dataset``: which of several stacks in the file (detectors, channels), by name or
    number. Raises ``UserError`` (a sentence with the fix) for what cannot be read.
    """
    check_path(path)
    check_number(pixel_nm, "pixel_nm")
    if isinstance(exclude, int | str) or not all(isinstance(v, int | str) for v in exclude):
        raise UserError(f"exclude={exclude!r} given, a list of view numbers from 0 wanted, [0, 41]")
    if isinstance(angles_deg, Path):
        angles_deg = str(angles_deg)
    if isinstance(angles_deg, int | float):
        raise UserError(f"angles_deg={angles_deg!r} given, one angle for each view wanted")
    angles: Any = (
        angles_deg if angles_deg is None or isinstance(angles_deg, str) else list(angles_deg)
    )
    return read_tilt_series(
        Path(path).expanduser(),
        angles=angles,
        pixel_nm=pixel_nm,
        exclude=tuple(exclude),
        dataset=None if dataset is None else str(dataset),
    )


def series(
    views: ArrayLike, angles_deg: ArrayLike, *, pixel_nm: float | None = None, name: str = "series"
) -> TiltSeries:
    """A tilt series of any array (tilt, y, x) of numbers and its angles (tilt,) in degrees.

    NumPy, torch, Zarr, HDF5, Dask: whatever NumPy can take. ``pixel_nm``: of the detector at the
    specimen. Raises ``UserError`` for another shape, other numbers of views and angles, and pixels
    that are not finite.
    """
    check_number(pixel_nm, "pixel_nm")
    angles = angles_from_user(angles_deg) if isinstance(angles_deg, str) else None
    try:
        degrees = np.asarray(angles_deg if angles is None else angles.values_deg, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"angles_deg={angles_deg!r} given, numbers in degrees wanted") from error
    return TiltSeries(as_float32(views, name), Geometry(degrees, pixel_nm), name)


def volume(x: ArrayLike, *, voxel_nm: float | None = None, name: str = "volume") -> Volume:
    """A volume (z, y, x) of what an algorithm returned, which is (projection value / voxel): with
    ``voxel_nm`` it is divided by it, to (projection value / nm)."""
    data = as_float32(x, name)
    check_number(voxel_nm, "voxel_nm")
    if voxel_nm is None:
        return Volume(data, None, name, unit=PER_VOXEL)
    return Volume(data / voxel_nm, voxel_nm, name, unit=PER_NM)


def clean(of: TiltSeries, step: BoundStep | None = None, **options: Any) -> TiltSeries:
    """Outliers, vacuum level, contrast, binning: ``clean(s, bin=2)``, ``clean(s, log=True)`` for
    bright field. Options as of ``tiltwise.PREPROCESS``, by name."""
    done = bind_step(step, options, PREPROCESS)(as_series(of))
    for doubt in done.warnings[len(of.warnings) :]:
        warnings.warn(doubt, stacklevel=2)
    # What was known of the noise was that of other pixels.
    return replace(done, facts={k: v for k, v in done.facts.items() if k not in (NOISE, TRANSFER)})


def align(
    of: TiltSeries, step: BoundStep | None = None, *, threads: int | None = None, **options: Any
) -> TiltSeries:
    """Find the views' geometry and resample once: y runs along the tilt axis then, nothing is left
    to move. ``align(s)``, ``align(s, tiltwise.FIDUCIAL(bead_nm=10))``, ``align(s, axis_deg=-3)``.

    ``step``: XCORR (the default, without markers), FIDUCIAL, PATCH, AUTO or FIXED.
    """
    threads = use_threads(threads)
    with _shown():
        solved = bind_step(step, options, XCORR)(as_series(of), threads=threads)
    for doubt in (*doubt_geometry(of.geometry), doubt_order(of), alignment_of(solved).warning):
        if doubt:
            warnings.warn(doubt, stacklevel=2)
    done, noise = with_noise(resample(solved, threads=threads), of, solved.geometry)
    return replace(done, facts={**done.facts, NOISE: noise})


def denoise(of: TiltSeries, step: BoundStep | None = None, **options: Any) -> TiltSeries:
    """Noise taken out of an aligned series; its total counts stay. ``denoise(s)``,
    ``denoise(s, tiltwise.NLM(strength=0.8))``.

    A score needs the measured series: ``score(s, method, denoise=tiltwise.NLM())``.
    """
    return _restored(of, Restoration(denoise=bind_step(step, options, NONE)))


def inpaint(of: TiltSeries, step: BoundStep | None = None, **options: Any) -> TiltSeries:
    """An aligned series with the views that are missing in a half-turn, invented behind its own,
    which stay as they are; ``precision`` says how far each pixel can be believed. ``inpaint(s)``,
    ``inpaint(s, tiltwise.GAN(strength=0.5))``.

    A score needs the measured series: ``score(s, method, inpaint=tiltwise.GAN())``.
    """
    from recon.sinogram.gan import GAN  # not before it is wanted: MONAI takes seconds

    return _restored(of, Restoration(inpaint=bind_step(step, options, GAN)))


def _restored(of: TiltSeries, restoration: Restoration) -> TiltSeries:
    check_geometry(as_series(of).geometry)
    with _shown():
        done = restoration(of)
    for doubt in done.warnings[len(of.warnings) :]:
        warnings.warn(doubt, stacklevel=3)
    if done is of:
        return of
    return replace(done, facts={**done.facts, NOISE: remaining_noise(done, _noise(of))})


def projector(
    of: TiltSeries,
    *,
    thickness_px: int | Literal["auto"] | None = None,
    make: ProjectorFactory = auto,
) -> Projector:
    """The linear operator A of an aligned series: ``A(x)`` projects a volume (z, y, x), ``A.T(y)``
    is the adjoint; both are differentiable by torch. Units of voxels, not nm.

    ``thickness_px``: z size of the volume; None: as wide as the views; "auto": the section that is
    found, laid flat, with a margin, and wider than the views (``section(of).window``), or as None where there is none.
    """
    return _projectors(of, thickness_px, make)(of.geometry)


def _projectors(
    of: TiltSeries, thickness_px: int | Literal["auto"] | None, make: ProjectorFactory
) -> Callable[[Geometry], Projector]:
    """The operators of ``projector`` for other views of the same specimen."""
    check_geometry(as_series(of).geometry)
    width = of.data.shape[2]
    if thickness_px == "auto":
        window = estimate_section(of).window
        thickness = width if window.thickness_px is None else window.thickness_px
        wide = width + 2 * window.extend_px
        return lambda geometry: make(window.geometry(geometry), (thickness, wide), width)
    check_number(thickness_px, "thickness_px", whole=True)
    whole = width if thickness_px is None else thickness_px
    if not 1 <= whole <= 4 * width:
        raise UserError(f"thickness_px={thickness_px} given, 1 to {4 * width} wanted")
    return lambda geometry: make(geometry, (whole, width), width)


def section(of: TiltSeries) -> Section:
    """Whether an aligned series shows a section (film, slice, lamella), its thickness, pre-tilt and
    x-tilt with their errors, and the part of z that ``thickness_px="auto"`` takes."""
    check_geometry(as_series(of).geometry)
    return estimate_section(of)


def reconstruct(
    of: TiltSeries,
    method: BoundMethod | None = None,
    *,
    thickness_px: int | Literal["auto"] | None = None,
    memory_gb: float | None = None,
    threads: int | None = None,
    make: ProjectorFactory = auto,
) -> Volume:
    """A volume (z, y, x) in (projection value / nm) of an aligned series.

    ``method``: ``SIRT()`` (the default), ``TV(weight=3)``, ``IRDM()``, or ``Method(function)()`` of
    your own. ``memory_gb``: what may be used; None: 60 % of what is free. Progress shows in
    terminals and notebooks.
    """
    method = bind_method(method)
    A = projector(of, thickness_px=thickness_px, make=make)
    use_threads(threads)
    check_number(memory_gb, "memory_gb")
    memory = 0.6 * free_memory_gb() if memory_gb is None else memory_gb
    with _shown():
        return reconstruct_in_memory(A, of, method, noise=_noise(of), memory_gb=memory)[0]


def score(
    of: TiltSeries,
    method: BoundMethod | None = None,
    *,
    thickness_px: int | Literal["auto"] | None = None,
    threads: int | None = None,
    denoise: BoundStep | None = None,
    inpaint: BoundStep | None = None,
) -> TrustScores:
    """What no fit can prove, on the 16 rows with most structure: errors on withheld views beside
    WBP's, SIRT's and TV's, what was measured and what was invented. As in the report.

    ``of``: as measured. ``denoise``, ``inpaint``: what is done to the views for ``method``, and
    anew to those of every trial. Raises ``UserError`` for views that were restored already.
    """
    method = bind_method(method)
    if done := [group for group in (DENOISE, INPAINT) if group in as_series(of).facts]:
        raise UserError(
            f"a series after {' and '.join(done)} given to score, the measured one wanted: withheld "
            f"views are compared with what was measured; score(measured, method, {done[0]}=...)"
        )
    make = _projectors(of, thickness_px, auto)
    use_threads(threads)
    noise = _noise(of)
    steps = {DENOISE: denoise, INPAINT: inpaint}
    restoration = Restoration(
        **{group: bind_step(step, {}, NONE) for group, step in steps.items() if step is not None}
    )
    with _shown():
        if not restoration.steps:
            job, settled = set_up(make(of.geometry), of, method, noise)
            return standard(job.A, job.y, job.method, noise=noise, tv_weight=settled.tv_weight)
        views = restoration(of)
        job, _ = set_up(make(views.geometry), views, method, remaining_noise(views, noise))
        A, y = masked(make(of.geometry), of.data, of.precision)
        return standard(A, y, job.method, noise=noise, parts=parts_of(of, restoration, make))


def write(what: TiltSeries | Volume, path: str | Path) -> Path:
    """Write a series or a volume; the suffix says how: .mrc .rec .st .ali, .tif, .ome.zarr.

    Voxel size, angles, axes and history go with it. Returns the path.
    """
    check_path(path)
    path = Path(path).expanduser()
    if isinstance(what, Volume):
        write_volume(what, path)
    elif isinstance(what, TiltSeries):
        write_tilt_series(what, path)
    else:
        raise UserError(
            f"{type(what).__name__} given to write, a Volume or a TiltSeries wanted; "
            "volume(x, voxel_nm=...) makes a Volume of what an algorithm returned"
        )
    return path


def show(what: TiltSeries | Volume, *, width_px: int = 900) -> Picture:
    """A picture: the three middle slices of a volume, or three views of a series. Notebooks draw
    it; ``.save("a.png")`` keeps it."""
    check_number(width_px, "width_px", whole=True)
    if isinstance(what, Volume | TiltSeries):
        return what.picture(width_px)
    raise UserError(f"{type(what).__name__} given to show, a Volume or a TiltSeries wanted")


def report(*folders: str | Path, to: str | Path | None = None) -> Path:
    """One self-contained page that compares finished runs of the command; returns its path.

    ``folders``: each with its ``run.json``. ``to``: where the page goes; None: into the first.
    """
    from recon.report.page import write_report
    from recon.run.folder import check_report

    if not folders:
        raise UserError("no folder given to report, one or more with a run.json wanted")
    for folder in (*folders, *([] if to is None else [to])):
        check_path(folder)
    paths = [Path(f).expanduser() for f in folders]
    for path in paths:
        if not (path / "run.json").is_file():
            raise UserError(f"{path} given to report, a folder with the run.json of a run wanted")
    page = paths[0] if to is None else Path(to).expanduser()
    check_report(page)
    return write_report(page, paths)


def sample(**options: Any) -> TiltSeries:
    """The built-in sample: a small, drifting, noisy series of a supported catalyst. Options as of
    ``recon.simulate.ellipsoids.phantom``: size, step_deg, dose, drift_px, seed ..."""
    from recon.simulate.ellipsoids import phantom

    check_options(phantom, options, name="sample")
    return phantom(**options).series


@contextmanager
def _shown() -> Iterator[None]:
    """Progress of what is under way, in a terminal, a log or a notebook."""
    with report_to(Console().show):
        yield


def _noise(of: TiltSeries) -> float:
    noise = of.facts.get(NOISE)
    return noise if isinstance(noise, float) else measure_photon_transfer(of.data).sigma
