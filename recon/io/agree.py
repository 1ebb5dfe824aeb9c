"""Choose one set of tilt angles and one pixel size when several sources speak; refuse when they
contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recon.errors import UserError
from recon.io.stack import AngleSource, PixelSource

ANGLE_TOLERANCE_DEG = 0.5
REFINED_DEG = 10.0  # an alignment that moved a tilt farther has gone wrong, or is of another series
PIXEL_TOLERANCE = 0.05


@dataclass(frozen=True, eq=False)
class ChosenAngles:
    """``values_deg``: (kept view,) degrees. ``by``: whose they are. ``notes``: sentences about the
    sources that say something else."""

    values_deg: np.ndarray
    by: str
    notes: tuple[str, ...] = ()


def choose_angles(
    sources: Sequence[AngleSource],
    given: AngleSource | None,
    *,
    n_views: int,
    keep: Sequence[int],
    name: str,
    hint: str = "",
) -> ChosenAngles:
    """One set of tilt angles.

    ``sources``: from the file and beside it, the most trusted first. ``given``: from the command
    line; it overrules them. ``keep``: views that are not excluded. A source may count the views
    before or after exclusion. ``hint``: why a source says nothing. Angles refined by alignment may
    depart from nominal ones; a neighbour of another length does not beat the file's own angles.

    Raises ``UserError`` when there is no source, when a count fits neither, when two sources differ
    by more than 0.5 degrees, and for values that are no tilt angles in degrees.
    """
    speaking = [given] if given is not None else list(sources)
    if not speaking:
        raise UserError(
            f"{name} says no tilt angles and none lie beside it{f' ({hint})' if hint else ''}; pass "
            'angles="-60:60:2" (start:stop:step in degrees) or put a .rawtlt of the same name '
            "beside it"
        )
    own = [s for s in speaking if s.own and s.values_deg.size == n_views]
    strangers = [
        s for s in speaking if own and not s.own and s.values_deg.size not in (n_views, len(keep))
    ]
    notes = [
        f"{s.name} has {s.values_deg.size} tilt angles for {n_views} views and was not used"
        for s in strangers
    ]
    speaking = [s for s in speaking if s not in strangers]
    fitted = [replace(s, values_deg=_fit(s, speaking, n_views, keep)) for s in speaking]
    for source in fitted:
        check_degrees(source)
    first, agreeing = fitted[0], fitted[:1]
    for other in fitted[1:]:
        if first.refined and not other.refined and (note := _refined_from(first, other)):
            notes.append(note)
        else:
            _check_agreement(first, other)
            agreeing.append(other)
    return ChosenAngles(first.values_deg, " and ".join(s.name for s in agreeing), tuple(notes))


def _refined_from(refined: AngleSource, nominal: AngleSource) -> str:
    """The sentence on how far alignment took the tilts from the nominal ones; empty where they
    agree, and where the one cannot come from the other."""
    difference = np.abs(refined.values_deg - nominal.values_deg)
    if difference.max() <= ANGLE_TOLERANCE_DEG or difference.max() > REFINED_DEG:
        return ""
    # A shift and small errors keep the order of the views; a reversed or shuffled list does not.
    own = np.abs(difference - np.median(difference)).max() if difference.size else 0.0
    straight = np.corrcoef(refined.values_deg, nominal.values_deg)[0, 1] > 0.99
    if not straight or own > REFINED_DEG / 2:
        return ""
    return (
        f"{nominal.name}, the nominal tilts, differs from {refined.name}, the refined ones, by "
        f"{difference.mean():.1f} degrees on average; {refined.name} is used"
    )


def choose_pixel(
    sources: Sequence[PixelSource],
    given_nm: float | None,
    *,
    name: str,
    option: str = "pixel_nm",
) -> tuple[float | None, str]:
    """Pixel size in nm and whose it is; (None, "") when nobody knows. ``given_nm``,
    the user's ``option``, overrules.

    Raises ``UserError`` for sources more than 5 % apart, and for pixels as far from square.
    """
    if given_nm is not None:
        if not (np.isfinite(given_nm) and given_nm > 0):
            raise UserError(
                f"{option}={given_nm} given, a positive number of nanometres wanted; correct "
                f"{option}"
            )
        return float(given_nm), option
    if not sources:
        return None, ""
    first = sources[0]
    for source in sources:
        if source.nm_y is not None and abs(source.nm - source.nm_y) > PIXEL_TOLERANCE * max(
            source.nm, source.nm_y
        ):
            raise UserError(
                f"{name} has pixels of {source.nm:.4g} x {source.nm_y:.4g} nm (x, y; "
                f"{source.name}), square ones wanted; "
                f"resample it, or pass {option}=... if they are square after all"
            )
    for other in sources[1:]:
        if abs(first.nm - other.nm) > PIXEL_TOLERANCE * max(first.nm, other.nm):
            raise UserError(
                f"pixel size {first.nm:.5g} nm in {first.name} but {other.nm:.5g} nm in "
                f"{other.name}; "
                f"pass the right one, for example {option}={first.nm:.5g}"
            )
    return first.nm, " and ".join(s.name for s in sources)


def check_cubes(sources: Sequence[PixelSource], *, name: str) -> None:
    """Raise ``UserError`` for voxels whose depth is more than 5 % from their width."""
    for source in sources:
        depth = source.nm if source.nm_z is None else source.nm_z
        if abs(source.nm - depth) > PIXEL_TOLERANCE * max(source.nm, depth):
            raise UserError(
                f"{name} has voxels of {source.nm:.4g} nm (x) and {depth:.4g} nm (z; "
                f"{source.name}), cubes wanted; resample it, or pass voxel_nm=... if they are "
                f"cubes after all"
            )


def check_degrees(source: AngleSource) -> None:
    """Refuse values that are no tilt angles in degrees.

    Radians: five views or more, none beyond +-pi, half a unit apart or more in all, and not on a
    grid of a quarter. A series in degrees of that kind would span less than 6.3 degrees, of which
    no tomogram can be made.
    """
    values = source.values_deg
    if not np.isfinite(values).all():
        view = int(np.flatnonzero(~np.isfinite(values))[0])
        raise UserError(
            f"tilt angle of view {view} in {source.name} is {values[view]}, finite degrees wanted; "
            f"correct it or pass angles=..."
        )
    largest = float(np.abs(values).max())
    if largest > 180:
        view = int(np.abs(values).argmax())
        raise UserError(
            f"tilt angle of view {view} in {source.name} is {values[view]:g} degrees, -180 to 180 "
            f"wanted; "
            "correct it or pass angles=..."
        )
    on_grid = np.allclose(values * 4, np.round(values * 4), atol=4e-3)
    if values.size >= 5 and largest <= 3.2 and np.ptp(values) >= 0.5 and not on_grid:
        raise UserError(
            f"tilt angles in {source.name} go from {values.min():.3g} to {values.max():.3g}, which "
            f"looks like radians; "
            "degrees wanted, multiply them by 57.29578"
        )
    if values.size >= 2 and np.ptp(values) == 0:
        raise UserError(
            f"all {values.size} tilt angles in {source.name} are {values[0]:g} degrees, a tilt "
            f"series wanted; "
            'correct it or pass angles="-60:60:2"'
        )


def _fit(
    source: AngleSource, speaking: Sequence[AngleSource], n_views: int, keep: Sequence[int]
) -> np.ndarray:
    count = source.values_deg.size
    if count == n_views:
        return np.array(source.values_deg[list(keep)])
    if count == len(keep):
        return source.values_deg
    counts = [f"{s.name} has {s.values_deg.size}" for s in speaking if s is not source]
    others = f" ({', '.join(counts)})" if counts else ""
    left = f" ({len(keep)} after exclude)" if len(keep) != n_views else ""
    fix = (
        "drop views with exclude=[...]"
        if count < n_views
        else "pass the angles of these views with angles=..."
    )
    raise UserError(
        f"{n_views} projections{left} but {count} tilt angles; check {source.name}{others}, or "
        f"{fix}"
    )


def _check_agreement(a: AngleSource, b: AngleSource) -> None:
    difference = np.abs(a.values_deg - b.values_deg)
    if difference.max() <= ANGLE_TOLERANCE_DEG:
        return
    if np.abs(a.values_deg - b.values_deg[::-1]).max() <= ANGLE_TOLERANCE_DEG:
        how = "hold the same tilt angles in reverse order"
    elif np.abs(a.values_deg + b.values_deg).max() <= ANGLE_TOLERANCE_DEG:
        how = "hold the same tilt angles with the opposite sign"
    elif np.abs(np.sort(a.values_deg) - np.sort(b.values_deg)).max() <= ANGLE_TOLERANCE_DEG:
        how = "hold the same tilt angles in another order"
    else:
        view = int(difference.argmax())
        how = (
            f"disagree on the tilt angles, most at view {view}: {a.values_deg[view]:.2f} and "
            f"{b.values_deg[view]:.2f} degrees"
        )
    raise UserError(
        f"{a.name} and {b.name} {how}; remove the wrong one, or pass the right angles with "
        f"angles=..., which overrules both"
    )
