"""``align=file``: the alignment as somebody else found it, or as a person wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recon.align.found import ALIGN, Alignment, round_rows
from recon.errors import UserError
from recon.geometry import axis_rotation
from recon.series import TiltSeries
from recon.stage import Reads, Step


@dataclass(frozen=True, eq=False)
class GivenAlignment:
    """What ``align.path=`` says (read by ``recon/io/alignment/table.py``, since a stage knows no
    files).

    ``axis_deg``: as ``Geometry``'s, None where the file does not say. ``shifts_px``: (view, 2) as
    (dy, dx), raw pixels, to add after the rotation. ``matrices``: (view, 2, 2) on (dy, dx) where
    views differ in rotation or magnification. ``tilt_deg``: (view,) the tilts that the alignment
    solved for, where it says them, and ``tilt_by`` where. ``left_out``: views, from 0, that the
    other program dropped: the rows above are of the others.
    """

    name: str
    axis_deg: float | None
    shifts_px: np.ndarray
    matrices: np.ndarray | None = None
    tilt_deg: np.ndarray | None = None
    tilt_by: str = ""
    left_out: tuple[int, ...] = ()


def from_file(
    series: TiltSeries,
    *,
    path: str | None = None,
    axis_deg: float | None = None,
    given: GivenAlignment | None = None,
    threads: int = 1,
) -> TiltSeries:
    """Take shifts, and rotations where it has them, from the file ``path``; nothing is looked for.

    The engine reads ``path`` and passes ``given``. ``axis_deg``: the tilt axis where the file does
    not say it; null: 0 then. Raises ``UserError`` for a file of another number of views, and for an
    axis said twice.
    """
    if given is None:
        raise UserError(
            f"align=file align.path={path} given, the path of a .yaml, .csv, .xf or .aln file "
            f"of shifts wanted"
        )
    n = series.geometry.n_views
    kept, rejected = (series.facts.get(k) for k in ("kept_views", "rejected_views"))
    if (
        isinstance(kept, list)
        and isinstance(rejected, list)
        and len(given.shifts_px) == len(kept) + len(rejected)
    ):
        given = _rows(given, kept)  # of the views that cleaning left
    if len(given.shifts_px) != n and len(given.shifts_px) + len(given.left_out) == n:
        raise UserError(
            f"{given.name} leaves out views {', '.join(map(str, given.left_out))}, which the "
            f"series has; drop them with exclude=[{','.join(map(str, given.left_out))}]"
        )
    if len(given.shifts_px) != n:
        raise UserError(
            f"{given.name} aligns {len(given.shifts_px)} views but the series has {n}; write one "
            f"line for every view that exclude=[...] leaves"
        )
    if axis_deg is not None and given.axis_deg is not None and axis_deg != given.axis_deg:
        raise UserError(
            f"align.axis_deg={axis_deg:g} given, but {given.name} says {given.axis_deg:g}; say it "
            f"once"
        )
    axis = given.axis_deg if given.axis_deg is not None else axis_deg or 0.0
    matrices = given.matrices
    if matrices is not None and given.axis_deg is None and axis:
        matrices = matrices @ axis_rotation(axis)
    if matrices is not None:
        axis = _mean_axis(matrices)
    factor = int(str(series.facts.get("bin", 1)))
    shifts = given.shifts_px / factor
    largest = float(np.abs(given.shifts_px).max())
    angles, solved = _solved_tilts(series, given)
    differing = "" if matrices is None else ", views differing in rotation or magnification"
    return series.after(
        f"aligned as {given.name} says: axis {axis:.3f} deg, largest shift {largest:.1f} "
        f"px{differing}{solved}",
        geometry=replace(
            series.geometry,
            angles_deg=angles,
            axis_deg=axis,
            shifts_px=shifts,
            matrices=matrices,
        ),
        facts={
            ALIGN: Alignment(
                method="file",
                path=given.name,
                axis_deg=round(axis, 4),
                shifts_px=round_rows(shifts, 4),
            )
        },
    )


def _rows(given: GivenAlignment, views: list[int]) -> GivenAlignment:
    """The alignment of some of the views."""
    return replace(
        given,
        shifts_px=given.shifts_px[views],
        matrices=None if given.matrices is None else given.matrices[views],
        tilt_deg=None if given.tilt_deg is None else given.tilt_deg[views],
    )


def _solved_tilts(series: TiltSeries, given: GivenAlignment) -> tuple[np.ndarray, str]:
    """(view,) degrees to reconstruct with, and a clause on how far they moved.

    Raises ``UserError`` for tilts that are not these views' in another refinement: of another
    series, or in another order.
    """
    nominal = series.geometry.angles_deg
    if given.tilt_deg is None:
        return nominal, ""
    change = given.tilt_deg - nominal
    worst = int(np.argmax(np.abs(change - np.median(change))))
    if np.abs(change).max() > 20 or abs(change[worst] - np.median(change)) > 10:
        raise UserError(
            f"{given.tilt_by} has view {worst} at {given.tilt_deg[worst]:.1f} degrees but the "
            f"series has it at {nominal[worst]:.1f}; check that both have the same views in the "
            "same order"
        )
    if np.abs(change).max() < 1e-3:
        return nominal, ""
    return given.tilt_deg, (
        f", tilts {given.tilt_deg.min():g} to {given.tilt_deg.max():g} deg as solved "
        f"({given.tilt_by}; {np.abs(change).mean():.2f} deg from the nominal ones on average)"
    )


def _mean_axis(matrices: np.ndarray) -> float:
    """Mean over the views of the rotation nearest to each matrix, as ``axis_rotation`` takes it."""
    sine, cosine = matrices[:, 1, 0] - matrices[:, 0, 1], matrices[:, 0, 0] + matrices[:, 1, 1]
    turns = np.exp(1j * np.arctan2(sine, cosine))
    return float(np.rad2deg(np.angle(turns.mean())))


FROM_FILE = Step(
    from_file,
    reads=(
        Reads(
            "path",
            "alignment",
            passes="given",
            wanted="align=file given without align.path=, a .yaml, .csv, IMOD .xf or AreTomo .aln "
            "file of shifts wanted",
        ),
    ),
)
