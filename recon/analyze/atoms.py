"""``analyze=atoms``: where the atoms of a tomogram are."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recon.analyze.base import UNKNOWN, Findings, Known
from recon.analyze.matching import Match, match_atoms
from recon.analyze.peaks import band_pass, local_maxima, refine
from recon.errors import UserError
from recon.geometry import centre
from recon.progress import track
from recon.series import Volume
from recon.stage import Analysis, Reads

FWHM = 2.3548  # full width at half maximum of a Gaussian of standard deviation 1
COARSEST_PX = 0.8  # standard deviation of an atom in voxels below which it has no shape to fit
DOUBTFUL = 4.0  # white noise alone, split in two, lies 2.4 to 2.9 standard deviations apart


def atoms(
    volume: Volume,
    *,
    known: Known = UNKNOWN,
    min_distance_nm: float = 0.2,
    threshold: float | Literal["auto"] = "auto",
    element: str = "X",
    truth: str | None = None,
    true_positions: np.ndarray | None = None,
) -> Findings:
    """Local maxima of the band-passed tomogram, refined by a Gaussian fit; those that are brighter
    than noise are the atoms.

    ``min_distance_nm``: no two atoms are nearer; half of it is the width (FWHM) taken for an atom's
    image, which sets the smoothing: the widest that still tells such neighbours apart, so it is a
    property of matter and needs no tuning to a dose. ``threshold``: the height that an atom must
    have, as a fraction of the highest; ``auto``: Otsu's on the heights of all maxima. ``element``:
    the symbol written. ``truth``: a file of true atoms in Angstrom (.xyz, or a table of species x y
    z), in any frame.

    What lies outside the cylinder around the tilt axis that every view shows is left out. Raises
    ``UserError`` without a voxel size, for voxels too coarse to show atoms, and when no maximum is
    found.
    """
    sigma_px = _smoothing(volume, min_distance_nm, threshold)
    assert volume.voxel_nm is not None
    true_nm = known.positions_nm if true_positions is None else true_positions
    radius = 1.5 * sigma_px
    with track("finding atoms", 3) as phase:
        filtered = band_pass(volume.data.numpy(force=True), sigma_px)
        filtered *= _seen_by_all(filtered.shape)[:, None, :]
        phase.advance()
        at = local_maxima(
            filtered, distance_px=min_distance_nm / volume.voxel_nm, margin=int(np.ceil(radius))
        )
        phase.advance()
        if len(at) == 0:
            raise UserError(
                f"{volume.name} has no local maximum, a tomogram with atoms wanted; check the "
                f"reconstruction"
            )
        heights = filtered[tuple(at.T)].astype(np.float64)
        limit, apart = (
            threshold_of(heights) if threshold == "auto" else (threshold * float(heights[0]), None)
        )
        atom = heights >= limit
        with phase.part():
            fitted = refine(filtered, at[atom], radius_px=radius)
    positions_nm = (fitted - [centre(n) for n in filtered.shape]) * volume.voxel_nm
    facts: dict[str, object] = {
        "atoms": int(atom.sum()),
        "smoothing_px": round(sigma_px, 3),
        "threshold": float(limit),
        "median_height": float(np.median(heights[atom])),
        "highest_left_out": float(heights[~atom].max()) if not atom.all() else 0.0,
        "separation": apart,
    }
    sentence = f"{atom.sum()} atoms found"
    if apart is not None:
        sentence += f", {apart:.1f} standard deviations above the other maxima"
    warning = "" if apart is None or apart >= DOUBTFUL else (
        f"the atoms stand only {apart:.1f} standard deviations above the other maxima; noise alone "
        f"would too, doubt the weak ones"
    )  # fmt: skip
    if true_nm is not None:
        found = match_atoms(positions_nm, true_nm)
        facts |= scores(found, len(positions_nm), len(true_nm))
        sentence += (
            f"; {len(found.pairs)} of {len(true_nm)} true atoms within 0.9 A, RMSD "
            f"{1000 * found.rmsd_nm:.2f} pm, "
            f"{len(positions_nm) - len(found.pairs)} false"
        )
    return Findings(facts, sentence, warning, positions_nm, heights[atom], element)


def threshold_of(heights: np.ndarray) -> tuple[float, float | None]:
    """(height that separates atoms from noise, how far apart the two classes are in standard
    deviations).

    Otsu 1979 (doi:10.1109/TSMC.1979.4310076) on the heights themselves: a histogram's bins would
    put the highest noise among the atoms. The threshold lies in the middle of the gap. Maxima that
    are all within a factor of two are one class: (their lowest, None).
    """
    h = np.sort(heights)
    if h[0] > 0.5 * h[-1]:
        return float(h[0]), None
    below = np.arange(1, h.size)
    mean_low = np.cumsum(h)[:-1] / below
    mean_high = (h.sum() - np.cumsum(h)[:-1]) / (h.size - below)
    split = int(np.argmax(below * (h.size - below) * (mean_high - mean_low) ** 2)) + 1
    low, high = h[:split], h[split:]
    spread = float(np.sqrt((low.var() + high.var()) / 2))
    return float((low[-1] + high[0]) / 2), float(high.mean() - low.mean()) / max(
        spread, 1e-9 * float(h[-1])
    )


def scores(match: Match, n_found: int, n_true: int) -> dict[str, object]:
    """The numbers for the record; RMSD in picometres."""
    return {
        "true_atoms": n_true,
        "matched": len(match.pairs),
        "recall": len(match.pairs) / n_true,
        "precision": len(match.pairs) / n_found,
        "rmsd_pm": 1000 * match.rmsd_nm,
        "truth_axes_zyx": match.turn.astype(int).tolist(),
        "truth_mirrored": match.mirrored,
        "truth_shift_nm": match.shift_nm.tolist(),
    }


def _smoothing(volume: Volume, min_distance_nm: float, threshold: float | str) -> float:
    """Standard deviation in voxels; refuses what cannot work."""
    if volume.voxel_nm is None:
        raise UserError(
            "analyze=atoms given for a tomogram of unknown voxel size, one in nm wanted; pass "
            "pixel_nm=..."
        )
    if not (np.isfinite(min_distance_nm) and min_distance_nm > 0):
        raise UserError(
            f"analyze.min_distance_nm={min_distance_nm} given, a positive distance wanted; 0.2 "
            f"suits most solids"
        )
    if threshold != "auto" and not (isinstance(threshold, (int, float)) and 0 < threshold <= 1):
        raise UserError(
            f"analyze.threshold={threshold} given, auto or a fraction of the highest maximum (0 to "
            f"1) wanted"
        )
    sigma_px = min_distance_nm / 2 / FWHM / volume.voxel_nm
    if sigma_px < COARSEST_PX:
        coarsest = min_distance_nm / 2 / FWHM / COARSEST_PX
        raise UserError(
            f"voxels of {volume.voxel_nm:.4g} nm given for analyze=atoms, at most {coarsest:.3g} "
            f"nm wanted to tell atoms "
            f"{min_distance_nm:g} nm apart; check pixel_nm, or raise analyze.min_distance_nm"
        )
    return sigma_px


def _seen_by_all(shape: tuple[int, ...]) -> np.ndarray:
    """(z, x) True inside the circle around the tilt axis that stays in view at every tilt."""
    z, x = (np.arange(n) - centre(n) for n in (shape[0], shape[2]))
    return np.asarray(np.hypot(z[:, None], x[None]) <= centre(shape[2]))


ATOMS = Analysis(atoms, reads=(Reads("truth", "positions", passes="true_positions"),))
