"""The safety net behind everything: what is odd about a series or a result, in sentences that the
user must see. Nothing here changes a number."""

from __future__ import annotations

import itertools

import numpy as np

from recon.acquisition import describe_acquisition
from recon.geometry import Geometry
from recon.preprocess.bad_views import in_file, likeness, small_pictures
from recon.series import TiltSeries

LEAST_RANGE_DEG = 20.0  # less tilts no tomogram
TURNED_DEG = (150.0, 181.0)  # what a needle that was turned around is recorded over
PIXEL_NM = (1e-3, 1e3)
FEW_ROWS = 16  # less are too few to find a tilt axis by
ALIKE = 0.5  # from here on neighbours resemble each other beyond noise
UNLIKE = 2.0  # times as much that neighbours in angle differ, from which the angles are in doubt
EMPTY = 0.02  # of the data's power; a volume that explains less is empty
WEDGE = 0.6  # of the energy where no view measured, where more than a third is hardly ever right


def doubt_geometry(geometry: Geometry) -> list[str]:
    """Of tilts and pixel size, whatever the pixels show."""
    said = []
    angles = geometry.angles_deg
    low, high = float(angles.min()), float(angles.max())
    if max(-low, high) > 90 and not TURNED_DEG[0] <= high - low <= TURNED_DEG[1]:
        said.append(
            f"tilt angles from {low:g} to {high:g} degrees, beyond +-90 as only needles allow; "
            "check them, or pass angles=..."
        )
    if high - low < LEAST_RANGE_DEG:
        said.append(
            f"tilt angles from {low:g} to {high:g} degrees only, of which no tomogram can be made; "
            "check them, or pass angles=..."
        )
    _, counts = np.unique(np.round(angles, 3), return_counts=True)
    if counts.max() > 2 and counts.max() > 0.1 * angles.size:
        said.append(
            f"{counts.max()} of {angles.size} views have one tilt angle; check them, or pass "
            "angles=..."
        )
    pixel = geometry.pixel_nm
    if pixel is not None and not PIXEL_NM[0] <= pixel <= PIXEL_NM[1]:
        said.append(
            f"a pixel size of {pixel:g} nm, {PIXEL_NM[0]:g} to {PIXEL_NM[1]:g} expected of an "
            "electron microscope; check its unit, or pass pixel_nm=..."
        )
    return said


def doubt_order(series: TiltSeries) -> str:
    """Where views that are neighbours in the file resemble each other and those that are neighbours
    in angle do not, the angles are in another order than the views; empty where all is well."""
    angles = series.geometry.angles_deg
    order = np.argsort(angles, kind="stable")
    if len(angles) < 5 or np.array_equal(order, np.arange(len(order))[:: _direction(order)]):
        return ""
    small = small_pictures(series.data.numpy())
    in_angle = _mean_likeness(small, order)
    as_filed = _mean_likeness(small, np.arange(len(order)))
    if as_filed < ALIKE or 1 - in_angle < UNLIKE * (1 - as_filed):
        return ""
    first = in_file(series, [0])[0]
    ordered = np.sort(angles)
    low, high = f"{ordered[0]:g}", f"{ordered[-1]:g}"
    return (
        f"views that are neighbours in angle do not resemble each other ({in_angle:.3f}), while "
        f"neighbours in the file do ({as_filed:.3f}, from view {first} on): the stack looks sorted "
        f"by angle, and the tilt angles are in another order; pass them sorted, angles=[{low},...,"
        f"{high}] or angles={low}:{high}:STEP, or a file of them"
    )


def doubt_rows(series: TiltSeries, looked_for: bool) -> str:
    """Of an alignment by so few rows."""
    rows = min(series.data.shape[1:])
    if not looked_for or rows >= FEW_ROWS:
        return ""
    return (
        f"views of {rows} rows are too few to find a tilt axis and shifts by: the alignment is weak; "
        "use align=none for a series that is aligned, align=file, or align.axis_deg="
    )


def wedge_share(angles_deg: np.ndarray) -> float:
    """The share of directions that no view measured: about what a right volume of no preferred
    direction has there. 0 without a wedge."""
    acquisition = describe_acquisition(angles_deg)
    wedge = acquisition.wedge_deg - acquisition.step_deg
    return wedge / 180 if wedge > acquisition.step_deg else 0.0


def doubt_result(
    *,
    residual: float | None,
    lowest: float,
    highest: float,
    wedge_energy: float | None,
    angles_deg: np.ndarray,
) -> list[str]:
    """Of a tomogram. ``residual``: ||y - A x|| / ||y||; ``lowest``, ``highest``: 0.5 and 99.5 % of
    its grey values; ``wedge_energy``: the share where no view measured."""
    said = []
    if highest <= lowest or (residual is not None and 1 - residual**2 < EMPTY):
        said.append(
            "the tomogram is (nearly) empty: it explains hardly anything of the views; check "
            "preprocess= (dark or bright field), the background, and the alignment"
        )
    elif lowest < -0.7 * highest:
        said.append(
            f"a sizeable part of the tomogram is far below zero ({lowest:.3g}, while matter goes to "
            f"{highest:.3g}), where vacuum should be 0; check preprocess.background= and whether "
            "this is bright field"
        )
    share = wedge_share(angles_deg)
    if wedge_energy is not None and share > 0 and wedge_energy > max(WEDGE, 1.5 * share):
        said.append(
            f"{100 * wedge_energy:.0f} % of the tomogram's energy lies where no view measured, about "
            f"{100 * share:.0f} % expected; it is mostly the method's"
        )
    return said


def _direction(order: np.ndarray) -> int:
    return 1 if order[0] <= order[-1] else -1


def _mean_likeness(small: np.ndarray, order: np.ndarray) -> float:
    pairs = list(itertools.pairwise(order))
    step = max(1, len(pairs) // 40)
    return float(np.median([likeness(small[a], small[b]) for a, b in pairs[::step]]))
