"""Training examples of ``task=inpaint``: a few rows of a phantom, a half-turn of their views with
gaps, and what a network is given of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import busiest_rows
from recon.geometry import Geometry
from recon.learned.card import card_of, series_facts
from recon.projectors.native import NativeProjector
from recon.sinogram.half_turn import HalfTurn, half_turn, laid_out
from recon.sinogram.start import Start, make_start
from recon.training.examples import (
    Family,
    Ranges,
    busy_rows,
    count,
    damped,
    draw_geometry,
    project_binned,
    turn,
)
from recon.training.source import PLANAR, Sizes
from recon.training.state import write_tensors

GRID_DEG = (0.9, 2.8)  # to which steps are divided: 2.8 at 128 pixels is as steep as 1.4 at 256
LEFT_OUT = 0.3  # share of the series in which single views are missing too, up to a tenth of them
PARTS = ("measured", "tv", "restored", "truth")


@dataclass(frozen=True, eq=False)
class Sinograms:
    """``measured``, ``tv``, ``restored`` (``recon.sinogram.start``) and ``truth``, which has no
    noise: (angle, row, x) on a half-turn, in units of the views' grey scale, ``measured`` 0 in
    missing views. ``distance_deg``: (angle,) to the nearest measured view, 0 at one."""

    measured: Tensor
    tv: Tensor
    restored: Tensor
    truth: Tensor
    angles_deg: np.ndarray
    distance_deg: np.ndarray
    snr: float
    gap_deg: float
    own_step_deg: float
    family: str

    @property
    def missing(self) -> np.ndarray:
        """(angle,) True where no view was measured."""
        return np.asarray(self.distance_deg > 0)

    def start(self, rows: Tensor) -> Start:
        """What a network is given of some rows."""
        measured, tv, restored = (
            part[:, rows].float() for part in (self.measured, self.tv, self.restored)
        )
        seen = torch.from_numpy(~self.missing).float()[:, None, None].expand_as(tv)
        return Start(measured, tv, restored, seen, 1.0, self.snr)


def make_sinograms(
    fine: Tensor,
    finer: int,
    family: str,
    ranges: Ranges,
    rng: np.random.Generator,
    *,
    rows: int,
    unrelated: bool,
) -> Sinograms:
    """Record ``fine`` (z, y, x), a density on a grid ``finer`` times finer than the views', and
    reproject TV of what was measured. ``unrelated``: rows are pictures of their own."""
    density = busy_rows(turn(fine, rng), rows * finer, finer, rng)
    given = draw_geometry(ranges, rng)
    there = np.ones(given.n_views, bool)
    if rng.random() < LEFT_OUT:
        there[1:-1] = rng.random(given.n_views - 2) > rng.uniform(0, 0.1)
    step = float(np.exp(rng.uniform(*np.log(GRID_DEG))))
    half = half_turn(given.angles_deg, there, step)
    truth, measured = record_half_turn(density, finer, given, half, ranges, rng)
    views = np.flatnonzero(there)
    n = measured.shape[2]
    A = NativeProjector(Geometry(given.angles_deg), (n, n), n)
    y = measured[views.tolist()]
    noise = measure_photon_transfer(y).sigma
    dimensions = 2 if unrelated or rng.random() < ranges.flat else 3
    seen = A.views(views)
    weight = choose_weight(seen, busiest_rows(y, 8), noise=noise, dimensions=dimensions)
    among = half_turn(given.angles_deg[views], np.ones(views.size, bool), step)
    start = make_start(seen, y, None, among, weight=weight, noise=noise, dimensions=dimensions)
    return Sinograms(
        start.measured,
        start.tv,
        start.restored,
        truth / start.scale,
        among.angles_deg,
        among.distance_deg * among.missing,
        start.snr,
        among.gap_deg,
        among.own_step_deg,
        family,
    )


def record_half_turn(
    density: Tensor,
    finer: int,
    given: Geometry,
    half: HalfTurn,
    ranges: Ranges,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """((angle, row, x) without noise on the half-turn, the measured views (tilt, row, x) with
    it)."""
    n_views, n_missing = given.n_views, int(half.missing.sum())
    shifts = np.concatenate([given.shifts_px, np.zeros((n_missing, 2))])
    angles = np.concatenate([given.angles_deg, half.angles_deg[half.missing]])
    mass = project_binned(density, finer, Geometry(angles, None, 0.0, shifts))
    thickest = float(mass.max()) or 1.0
    mass = damped(mass, thickest, ranges, rng)
    truth = laid_out(mass[:n_views], half)
    truth[torch.from_numpy(half.missing)] = mass[n_views:]
    return truth, count(mass[:n_views], thickest, ranges, rng)


Make = Callable[..., Sinograms]
"""``make_sinograms``, or another function of the same arguments"""


@dataclass(frozen=True, eq=False)
class SinogramSource:
    """Groups of examples of phantoms, kept as files: group g holds a phantom (or as many pictures
    as an example has rows) and several series of it."""

    families: Mapping[str, Family]
    ranges: Ranges
    seed: int
    folder: Path
    sizes: Sizes
    make: Make = make_sinograms

    @property
    def per_group(self) -> int:
        return self.sizes.per_phantom

    def ready(self, number: int) -> bool:
        return self._paths(number)[-1].exists()

    def group(self, number: int, name: str | None = None) -> list[Sinograms]:
        """Deterministic in (seed, number). ``name``: of the family, where it is not to be drawn."""
        paths = self._paths(number)
        if not all(path.exists() for path in paths):
            self._make(number, paths, name)
        return [_read(path) for path in paths]

    def _paths(self, number: int) -> list[Path]:
        return [self.folder / f"{number:07d}-{k}.safetensors" for k in range(self.per_group)]

    def _make(self, number: int, paths: list[Path], name: str | None) -> None:
        rng = np.random.default_rng([self.seed, number])
        chosen = str(rng.choice(list(self.families)))
        name = chosen if name is None else name
        seed, rows, family = int(rng.integers(2**31)), self.sizes.rows, self.families[name]
        planar = name in PLANAR
        if planar:  # a picture in two fine rows costs little: every row its own
            parts = [family(size=self.sizes.planar, seed=seed + k, rows=2) for k in range(rows)]
            fine = torch.cat([part.density for part in parts], 1)
        else:
            fine = family(size=self.sizes.voxels, seed=seed).density
        for k, path in enumerate(paths):
            own = np.random.default_rng([self.seed, number, k])
            finer = 3 if not planar and own.random() < 0.3 else 2
            made = self.make(fine, finer, name, self.ranges, own, rows=rows, unrelated=planar)
            _write(path, made)


def describe_sinograms(source: SinogramSource, most: int = 64) -> dict[str, object]:
    """What the series were like that the network was trained on, for the warning when one lies
    outside (``recon.sinogram.gan``)."""
    numbers = sorted({int(path.name.split("-")[0]) for path in source.folder.glob("*.safetensors")})
    examples = [example for number in numbers[:most] for example in source.group(number)]
    facts = []
    for e in examples:
        y = e.measured[torch.from_numpy(~e.missing)].float()
        angles = Geometry(e.angles_deg[~e.missing])
        facts.append(series_facts(y, angles, float(y.square().mean().sqrt()) / e.snr))
    card = card_of(facts)
    gaps, steps = ([getattr(e, name) for e in examples] for name in ("gap_deg", "own_step_deg"))
    return {
        "gap_deg": [min(gaps), max(gaps)],
        "step_deg": [min(steps), max(steps)],
        "snr": card["snr"],
        "grey_quantiles": card["grey_quantiles"],
    }


def _write(path: Path, example: Sinograms) -> None:
    tensors = {part: getattr(example, part).half().contiguous() for part in PARTS}
    tensors |= {n: torch.tensor(getattr(example, n)) for n in ("angles_deg", "distance_deg")}
    numbers = {n: repr(getattr(example, n)) for n in ("snr", "gap_deg", "own_step_deg")}
    write_tensors(path, tensors, numbers | {"family": example.family})


def _read(path: Path) -> Sinograms:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = file.metadata()
    angles, distance = (tensors.pop(n).numpy() for n in ("angles_deg", "distance_deg"))
    snr, gap, step = (float(facts[name]) for name in ("snr", "gap_deg", "own_step_deg"))
    return Sinograms(
        **tensors,
        angles_deg=angles,
        distance_deg=distance,
        snr=snr,
        gap_deg=gap,
        own_step_deg=step,
        family=facts["family"],
    )
