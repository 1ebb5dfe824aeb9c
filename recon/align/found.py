"""What an alignment stage found, besides the geometry: for the record, the report and the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from recon.as_json import REST
from recon.series import TiltSeries

ALIGN, FIDUCIALS = "align", "fiducials"  # their names among a series' facts


@dataclass(frozen=True)
class Tried:
    """A hypothesis that was judged: ``said`` in words, its axis, and what it leaves of withheld
    views (a fraction of their norm)."""

    said: str = ""
    axis_deg: float | None = None
    withheld: float | None = None


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How a series was aligned and how well, in (binned) raw pixels; rows of numbers are over the
    views in file order, NaN where there is none.

    ``method``: the stage that found it; what another stage has nothing to say of keeps its default.
    ``warning``: a sentence that the user must see, or empty. ``error_px_per_view``: distance of
    each view from its reprojection, ``reprojection_residual``: what reprojections leave of the
    data. ``freedom``: what was solved for, in words; ``rotation_deg``, ``magnification``,
    ``tilt_deg``: of each view. ``residual_px``, ``leave_out_px``: mean distance of tracked points
    from their prediction, with and without the point itself. ``fallback``: why the stage ``asked``
    for kept the result of ``method``. ``hypotheses``: what was judged by withheld views, the axes
    among themselves and, apart from them, the series as given. ``further``: what a stage from elsewhere has to say.
    """

    method: str = ""
    warning: str = ""
    path: str = ""
    axis_deg: float | None = None
    axis_given: bool | None = None
    axis_error_deg: float | None = None
    shifts_px: tuple[tuple[float, float], ...] = ()
    notes: tuple[str, ...] | None = None
    # of whole views
    axis_contrast: float | None = None
    specimen_isolated: bool | None = None
    reprojection_residual: float | None = None
    error_px_per_view: tuple[float, ...] = ()
    hypotheses: tuple[Tried, ...] = ()
    as_given: tuple[Tried, ...] = ()
    asked: str = ""
    fallback: str = ""
    refined_by_px: float | None = None
    # of points followed through the views
    freedom: str = ""
    residual_px: float | None = None
    leave_out_px: float | None = None
    rotation_deg: tuple[float, ...] = ()
    magnification: tuple[float, ...] = ()
    tilt_deg: tuple[float, ...] = ()
    # of patches
    patch_px: int | None = None
    n_patches: int | None = None
    views_per_patch: float | None = None
    correlation: float | None = None
    reprojection_residual_xcorr: float | None = None
    # of beads
    classifier: str = ""
    bead_px: float | None = None
    beads_are: str = ""
    n_beads: int | None = None
    views_per_bead: float | None = None
    observations: int | None = None
    before_px: float | None = None
    residual_nm: float | None = None
    residual_px_per_view: tuple[float, ...] = ()
    residual_px_per_bead: tuple[float, ...] = ()
    tilt_change_deg: tuple[float, ...] = ()
    tilt_error_deg: tuple[float, ...] = ()
    further: Mapping[str, object] = field(default_factory=dict, metadata=REST)


@dataclass(frozen=True, eq=False)
class BeadTracks:
    """What becomes the files of ``align=fiducial``. ``bead``, ``view``: (obs,) of each observation;
    ``position_px``, ``residual_px``: (obs, 2) as (y, x), from the centre of the views, and seen
    minus predicted.

    ``beads``: (bead,) their numbers; ``beads_px``: (bead, 3) as (z, y, x) from the centre of the
    volume. ``picture``: (y, x) the view ``picture_view``; ``sign``: 1 for bright beads, -1 for
    dark ones. All in (binned) raw pixels.
    """

    bead: np.ndarray
    view: np.ndarray
    position_px: np.ndarray
    residual_px: np.ndarray
    beads: np.ndarray
    beads_px: np.ndarray
    picture: np.ndarray
    picture_view: int
    sign: int


def alignment_of(series: TiltSeries) -> Alignment:
    """What the stage that aligned ``series`` says; an empty one where none says anything."""
    found = series.facts.get(ALIGN)
    return found if isinstance(found, Alignment) else Alignment()


def bead_tracks_of(series: TiltSeries) -> BeadTracks | None:
    found = series.facts.get(FIDUCIALS)
    return found if isinstance(found, BeadTracks) else None


def round_rows(values: np.ndarray, digits: int) -> tuple[tuple[float, float], ...]:
    """(view, 2) rounded, as a record has it."""
    return tuple((float(a), float(b)) for a, b in np.round(values, digits))


def round_row(values: np.ndarray, digits: int) -> tuple[float, ...]:
    """(view,) rounded, as a record has it."""
    return tuple(float(v) for v in np.round(values, digits))
