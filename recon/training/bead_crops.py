"""Labelled crops for the bead classifier: candidates of simulated series, of which the truth says
which are beads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.spatial import cKDTree

from recon.align.beads.candidates import find_candidates, usual_height
from recon.align.beads.crops import crops
from recon.align.beads.profile import find_profile
from recon.preprocess import preprocess
from recon.simulate.bead_film import STAGE, Section, beads
from recon.simulate.views import Views

# Nearer than this to a bead's centre, in diameters, a candidate is that bead; farther than the
# second it is none; between, it is left out.
ON, OFF = 0.25, 0.6
SIZE = 224
BESIDE, ANYWHERE = (
    6,
    4,
)  # further negatives in a view: hardly a candidate, but what candidates at other scales are like
PER_VIEW = 25  # of either kind: a stain-rich series does not outweigh the others


@dataclass(frozen=True, eq=False)
class Crops:
    """``pictures``: (n, 32, 32) float16. ``bead``: (n,) bool. ``classical``: (n,) score without a
    network, NaN for what is no candidate. ``tilt_deg``: (n,)."""

    pictures: np.ndarray
    bead: np.ndarray
    classical: np.ndarray
    tilt_deg: np.ndarray


def labelled(seed: int, number: int) -> Crops:
    """Crops of series ``number``: bead size, dose, film, texture, defocus, blur, grid bar, crowding
    and contrast are drawn from its seed."""
    rng = np.random.default_rng([seed, number])
    bead_nm, diameter_px = rng.uniform(5, 20), np.exp(rng.uniform(np.log(4.5), np.log(16)))
    pixel_nm = bead_nm / diameter_px
    crowd = (
        rng.uniform(0.02, 0.12) if rng.random() < 0.9 else 0.002
    )  # of the field; some series have hardly a bead
    # The order of the draws is part of what a seed means.
    max_tilt_deg, step_deg = rng.uniform(56, 68), rng.uniform(6, 9)
    clustered, film_nm = rng.uniform(0, 0.5), bead_nm * rng.uniform(4, 18)
    texture, dose_e_px = rng.uniform(0, 0.9), np.exp(rng.uniform(np.log(40), np.log(800)))
    defocus_um, tilt_blur_px = rng.uniform(0, 8), rng.uniform(0, 1.4)
    bar_from_deg, axis_deg = rng.uniform(45, 75), rng.uniform(-90, 90)
    sample = beads(
        size=SIZE,
        pixel_nm=pixel_nm,
        views=Views("equal", max_tilt_deg, step_deg, dose_e_nm2=dose_e_px / pixel_nm**2),
        stage=replace(STAGE, drift_px=3.0, axis_deg=axis_deg),
        n_beads=int(np.clip(crowd * SIZE**2 / diameter_px**2, 1, 60)),
        bead_nm=bead_nm,
        clustered=clustered,
        section=Section(film_nm, texture, tilt_blur_px, bar_from_deg),
        defocus_um=defocus_um,
        seed=int(rng.integers(2**31)),
    )
    assert sample.fiducials is not None
    # Where a bar hides a whole view there is no logarithm: intensities are used, as in some of the
    # other series.
    dark = bool((sample.series.data.flatten(1).quantile(0.98, dim=1) <= 1).any())
    series = preprocess(sample.series, log=bool(rng.random() < 0.6) and not dark)
    stack, gold, angles = series.data.numpy(), sample.fiducials, series.geometry.angles_deg
    profile = find_profile(stack, angles, diameter_px=diameter_px * rng.uniform(0.88, 1.12))
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    every = find_candidates(stack, profile)
    contrast = profile.sign * usual_height(every)
    for view, candidates in enumerate(every):
        at = np.concatenate(
            [candidates.index_px, _elsewhere(gold.tracks_px[view], diameter_px, rng)]
        )
        score = np.concatenate([candidates.score, np.full(len(at) - len(candidates.score), np.nan)])
        distance, bead = cKDTree(gold.tracks_px[view]).query(at)
        on = (distance < ON * diameter_px) & gold.visible[view][bead]
        off = distance > OFF * diameter_px
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(kind))[:PER_VIEW] for kind in (on, off)]
        )
        # Positions are off by a fraction of a pixel here and there, as they are in use.
        moved = at[chosen] + rng.normal(scale=0.03 * diameter_px, size=(len(chosen), 2))
        pictures = crops(stack[view], moved, profile.diameter_px, contrast)
        tilt = np.full(len(chosen), angles[view], np.float32)
        found.append(
            (pictures.astype(np.float16), on[chosen], score[chosen].astype(np.float32), tilt)
        )
    return Crops(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _elsewhere(beads_px: np.ndarray, diameter_px: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) places that no bead is centred on: beside beads and anywhere in the frame."""
    near = beads_px[rng.integers(len(beads_px), size=BESIDE)]
    way, far = rng.uniform(0, 2 * np.pi, BESIDE), diameter_px * rng.uniform(OFF, 1.5, BESIDE)
    beside = near + np.stack([far * np.sin(way), far * np.cos(way)], axis=1)
    inside = ((beside > 0) & (beside < SIZE - 1)).all(1)
    return np.concatenate([beside[inside], rng.uniform(0, SIZE - 1, (ANYWHERE, 2))])


def kept(folder: Path, seed: int, number: int) -> Crops:
    """``labelled``, made once: afterwards read from ``folder``."""
    path = folder / f"beads-{seed}-{number:05d}.safetensors"
    if not path.exists():
        made = labelled(seed, number)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        parts = {
            "pictures": made.pictures,
            "bead": made.bead,
            "classical": made.classical,
            "tilt_deg": made.tilt_deg,
        }
        save_file({name: np.ascontiguousarray(part) for name, part in parts.items()}, temporary)
        temporary.replace(path)
    parts = load_file(path)
    return Crops(
        parts["pictures"], parts["bead"].astype(bool), parts["classical"], parts["tilt_deg"]
    )


def together(parts: list[Crops]) -> Crops:
    return Crops(
        *(
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("pictures", "bead", "classical", "tilt_deg")
        )
    )
