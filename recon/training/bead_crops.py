"""Labelled crops for the bead classifier: candidates of simulated series, of which the truth says
which are beads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from scipy.spatial import cKDTree

from recon.align.beads.candidates import find_candidates, usual_height
from recon.align.beads.crops import crops
from recon.align.beads.profile import find_profile
from recon.preprocess import preprocess
from recon.simulate.bead_film import STAGE, Section, beads
from recon.simulate.sample import Sample
from recon.simulate.views import Views
from recon.training.state import write_tensors

# Nearer than this to a bead's centre, in diameters, a candidate is that bead; farther than the
# second it is none; between, it is left out.
ON, OFF = 0.25, 0.6
LONELY = 0.002  # of the field that beads cover in a series with hardly a bead
PARTS = ("pictures", "bead", "classical", "tilt_deg")


@dataclass(frozen=True)
class BeadRanges:
    """What a series of gold beads on a film is drawn from, [low, high] each; the axis points
    anywhere.

    ``diameter_px``: of a bead, log-uniform; ``crowding``: share of the field that they cover, but
    for a share ``lonely`` of the series, with hardly a bead. ``film``: thickness in bead diameters.
    ``counts``: electrons per pixel, log-uniform. ``bar_from_deg``: tilt at which a grid bar shows.
    ``logarithm``: share of the series that are cleaned to -log, as in use.
    """

    bead_nm: tuple[float, float] = (5.0, 20.0)
    diameter_px: tuple[float, float] = (4.5, 16.0)
    crowding: tuple[float, float] = (0.02, 0.12)
    lonely: float = 0.1
    max_tilt_deg: tuple[float, float] = (56.0, 68.0)
    step_deg: tuple[float, float] = (6.0, 9.0)
    clustered: tuple[float, float] = (0.0, 0.5)
    film: tuple[float, float] = (4.0, 18.0)
    texture: tuple[float, float] = (0.0, 0.9)
    counts: tuple[float, float] = (40.0, 800.0)
    defocus_um: tuple[float, float] = (0.0, 8.0)
    tilt_blur_px: tuple[float, float] = (0.0, 1.4)
    bar_from_deg: tuple[float, float] = (45.0, 75.0)
    logarithm: float = 0.6


@dataclass(frozen=True)
class BeadSizes:
    """``view_px``: edge of a view. ``per_view``: crops of either kind from one, so that a
    stain-rich series does not outweigh the others. ``beside``, ``anywhere``: further places in a
    view that are no bead: hardly candidates, but what candidates at other scales are like.
    ``held_out``: series to judge by."""

    view_px: int = 224
    per_view: int = 25
    beside: int = 6
    anywhere: int = 4
    held_out: int = 14


@dataclass(frozen=True, eq=False)
class Crops:
    """``pictures``: (n, 32, 32) float16. ``bead``: (n,) bool. ``classical``: (n,) score without a
    network, NaN for what is no candidate. ``tilt_deg``: (n,)."""

    pictures: np.ndarray
    bead: np.ndarray
    classical: np.ndarray
    tilt_deg: np.ndarray


@dataclass(frozen=True, eq=False)
class BeadSource:
    """Crops of series by number, made once and kept in ``folder``: one group is one series."""

    ranges: BeadRanges
    seed: int
    folder: Path
    sizes: BeadSizes = BeadSizes()
    per_group: int = 1

    def ready(self, number: int) -> bool:
        return self._path(number).exists()

    def group(self, number: int) -> list[Crops]:
        """Deterministic in (seed, number)."""
        path = self._path(number)
        if not path.exists():
            made = label_crops(self.seed, number, self.ranges, self.sizes)
            self.folder.mkdir(parents=True, exist_ok=True)
            tensors = {p: torch.from_numpy(np.ascontiguousarray(getattr(made, p))) for p in PARTS}
            write_tensors(path, tensors, {})
        parts = load_file(path)
        return [Crops(*(parts[name] for name in PARTS))]

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.safetensors"


def label_crops(seed: int, number: int, ranges: BeadRanges, sizes: BeadSizes) -> Crops:
    """Crops of series ``number``: all that ``ranges`` names is drawn from its seed."""
    rng = np.random.default_rng([seed, number])
    sample, diameter_px = _record(rng, ranges, sizes.view_px)
    assert sample.fiducials is not None
    # Where a bar hides a whole view there is no logarithm: intensities are used, as in some of the
    # other series.
    dark = bool((sample.series.data.flatten(1).quantile(0.98, dim=1) <= 1).any())
    series = preprocess(sample.series, log=bool(rng.random() < ranges.logarithm) and not dark)
    stack, gold, angles = series.data.numpy(), sample.fiducials, series.geometry.angles_deg
    profile = find_profile(stack, angles, diameter_px=diameter_px * rng.uniform(0.88, 1.12))
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    every = find_candidates(stack, profile)
    contrast = profile.sign * usual_height(every)
    for view, candidates in enumerate(every):
        others = _draw_elsewhere(gold.tracks_px[view], diameter_px, sizes, rng)
        at = np.concatenate([candidates.index_px, others])
        score = np.concatenate([candidates.score, np.full(len(at) - len(candidates.score), np.nan)])
        distance, bead = cKDTree(gold.tracks_px[view]).query(at)
        on = (distance < ON * diameter_px) & gold.visible[view][bead]
        off = distance > OFF * diameter_px
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(kind))[: sizes.per_view] for kind in (on, off)]
        )
        # Positions are off by a fraction of a pixel here and there, as they are in use.
        moved = at[chosen] + rng.normal(scale=0.03 * diameter_px, size=(len(chosen), 2))
        pictures = crops(stack[view], moved, profile.diameter_px, contrast)
        tilt = np.full(len(chosen), angles[view], np.float32)
        found.append(
            (pictures.astype(np.float16), on[chosen], score[chosen].astype(np.float32), tilt)
        )
    return Crops(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _record(rng: np.random.Generator, ranges: BeadRanges, size: int) -> tuple[Sample, float]:
    """A series, and the diameter of its beads in pixels."""

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    bead_nm, diameter_px = rng.uniform(*ranges.bead_nm), log_uniform(*ranges.diameter_px)
    pixel_nm = bead_nm / diameter_px
    crowd = rng.uniform(*ranges.crowding) if rng.random() < 1 - ranges.lonely else LONELY
    # The order of the draws is part of what a seed means.
    max_tilt_deg, step_deg = rng.uniform(*ranges.max_tilt_deg), rng.uniform(*ranges.step_deg)
    clustered, film_nm = rng.uniform(*ranges.clustered), bead_nm * rng.uniform(*ranges.film)
    texture, dose_e_nm2 = rng.uniform(*ranges.texture), log_uniform(*ranges.counts) / pixel_nm**2
    defocus_um, tilt_blur_px = rng.uniform(*ranges.defocus_um), rng.uniform(*ranges.tilt_blur_px)
    bar_from_deg, axis_deg = rng.uniform(*ranges.bar_from_deg), rng.uniform(-90, 90)
    sample = beads(
        size=size,
        pixel_nm=pixel_nm,
        views=Views("equal", max_tilt_deg, step_deg, dose_e_nm2=dose_e_nm2),
        stage=replace(STAGE, drift_px=3.0, axis_deg=axis_deg),
        n_beads=int(np.clip(crowd * size**2 / diameter_px**2, 1, 60)),
        bead_nm=bead_nm,
        clustered=clustered,
        section=Section(film_nm, texture, tilt_blur_px, bar_from_deg),
        defocus_um=defocus_um,
        seed=int(rng.integers(2**31)),
    )
    return sample, diameter_px


def _draw_elsewhere(
    beads_px: np.ndarray, diameter_px: float, sizes: BeadSizes, rng: np.random.Generator
) -> np.ndarray:
    """(n, 2) places that no bead is centred on: beside beads and anywhere in the frame."""
    near, last = beads_px[rng.integers(len(beads_px), size=sizes.beside)], sizes.view_px - 1
    way = rng.uniform(0, 2 * np.pi, sizes.beside)
    far = diameter_px * rng.uniform(OFF, 1.5, sizes.beside)
    beside = near + np.stack([far * np.sin(way), far * np.cos(way)], axis=1)
    inside = ((beside > 0) & (beside < last)).all(1)
    return np.concatenate([beside[inside], rng.uniform(0, last, (sizes.anywhere, 2))])


def join_crops(parts: list[Crops]) -> Crops:
    return Crops(*(np.concatenate([getattr(p, name) for p in parts]) for name in PARTS))
