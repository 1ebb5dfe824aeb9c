"""Every denoiser on views whose truth is known, and SIRT of what it leaves: one row each in
``benchmarks/denoising.csv``.

    python -m benchmarks.denoising [--families nanoparticle] [--counts 2] [--seeds 0] [--methods unet] [--again]
    (make bench-denoising)

41 views (+-60 degrees) of 96 x 96 pixels of a phantom at ``counts`` in the brightest pixel, Poisson
noise the only error; three seeds of phantom and noise. ``views_db``: PSNR of all views, the peak the
brightest pixel; ``inside``: ||error|| / ||truth|| where there is specimen; ``bias_percent``: of the
total counts, against those that were expected; ``volume_db``: PSNR of SIRT (its default, length
chosen by withheld views) of these views, the peak the volume's range. The classical denoisers are
*tuned by the truth*: the strength, and whether counts are stabilised, that give the best views, and
for ``volume_db`` the better of that strength and the next weaker one. The networks and noise2noise see the noisy
views alone. The networks were never trained on porous silica.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.quality import names_of
from benchmarks.rows import Row, put_row, read
from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.sirt import SIRT
from recon.algorithms.withheld import busiest
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.phantoms.nanoparticle import nanoparticle
from recon.phantoms.porous_silica import porous_silica
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.sinogram.classical import GAUSSIAN, MEDIAN, NLM, TV_VIEWS
from recon.sinogram.noise2noise import NOISE2NOISE
from recon.sinogram.none import NONE
from recon.sinogram.restoration import Restoration, remaining_noise
from recon.sinogram.unet import UNET
from recon.stage import BoundStep, volume_only

SIZE, ANGLES = 96, np.arange(-60.0, 61.0, 3.0)
FAMILIES: dict[str, Callable[..., Phantom]] = {
    "nanoparticle": nanoparticle,
    "porous_silica": porous_silica,  # no network of ours was trained on it
}
COUNTS, SEEDS = ("0.5", "2", "10"), ("0", "1", "2")
TUNED: dict[str, list[BoundStep]] = {
    "gaussian": [
        GAUSSIAN(sigma_px=s, stabilise=b)
        for b in (True, False)
        for s in (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
    ],
    "median": [MEDIAN(size_px=s, stabilise=b) for b in (True, False) for s in (3, 5, 7, 9, 11)],
    "nlm": [NLM(strength=s, stabilise=b) for b in (True, False) for s in (0.4, 0.6, 0.9, 1.4, 2.2)],
    "tv": [
        TV_VIEWS(weight=s, stabilise=b)
        for b in (True, False)
        for s in (0.5, 0.8, 1.3, 2.0, 3.0, 4.5, 7.0)
    ],
}
OURS: dict[str, BoundStep] = {"none": NONE(), "unet": UNET(), "noise2noise": NOISE2NOISE()}
METHODS = ("none", *TUNED, *(name for name in OURS if name != "none"))
COLUMNS = (
    "family", "counts", "seed", "method", "views_db", "inside", "bias_percent", "volume_db",
    "seconds", "options",
)  # fmt: skip
KEY = COLUMNS[:4]
TABLE = Path(__file__).with_suffix(".csv")


@dataclass(frozen=True, eq=False)
class Recorded:
    """``clean``: (tilt, y, x) expected counts; ``volume``: (z, y, x), of which they are the
    projections, in counts per voxel."""

    series: TiltSeries
    clean: Tensor
    volume: Tensor


def main(arguments: list[str] | None = None, table: Path = TABLE) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, known in (
        ("families", list(FAMILIES)), ("counts", list(COUNTS)), ("seeds", list(SEEDS)),
        ("methods", list(METHODS)),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=names_of(known), default=known)
    parser.add_argument("--again", action="store_true", help="make rows anew that are there")
    chosen = parser.parse_args(arguments)
    for family, seed, counts in itertools.product(chosen.families, chosen.seeds, chosen.counts):
        there = set() if chosen.again else {tuple(row[c] for c in KEY) for row in read(table)}
        wanted = [m for m in chosen.methods if (family, counts, seed, m) not in there]
        case = record(family, float(counts), int(seed)) if wanted else None
        for method in wanted:
            assert case is not None
            row = dict(zip(KEY, (family, counts, seed, method), strict=True)) | measure(
                case, method
            )
            store(table, row)
            print(*(row[c] for c in COLUMNS), sep="  ", flush=True)


def record(family: str, counts: float, seed: int) -> Recorded:
    """Projections of a phantom twice as fine, binned and counted."""
    views, volume = _projected(family, seed)
    scale = counts / float(views.max())
    rng = np.random.default_rng([seed, round(100 * counts)])
    noisy = rng.poisson((views * scale).clamp(min=0).numpy()).astype(np.float32)
    series = TiltSeries(torch.from_numpy(noisy), Geometry(ANGLES, 1.0), family)
    return Recorded(series, views * scale, volume * scale)


@functools.lru_cache(maxsize=1)
def _projected(family: str, seed: int) -> tuple[Tensor, Tensor]:
    """(views, volume) in units of density * pixel and of density."""
    fine = FAMILIES[family](size=2 * SIZE, seed=seed).density
    A = NativeProjector(Geometry(ANGLES, None), (2 * SIZE, 2 * SIZE), 2 * SIZE)
    views = A(fine).reshape(len(ANGLES), SIZE, 2, SIZE, 2).mean((2, 4)) / 2
    return views, fine.reshape(SIZE, 2, SIZE, 2, SIZE, 2).mean((1, 3, 5))


def measure(case: Recorded, method: str) -> dict[str, str]:
    """The numbers of a row, as text."""
    if method in TUNED:
        steps = TUNED[method]
        scores = [views_db(case, step(case.series).data) for step in steps]
        best = int(np.argmax(scores))
        near = [k for k in (best - 1, best) if k >= 0]
        near = [
            k for k in near if steps[k].options["stabilise"] == steps[best].options["stabilise"]
        ]
        volumes = [volume_db(case, steps[k](case.series)) for k in near]
        step, after = steps[best], max(volumes)
    else:
        step, after = OURS[method], None
    began = time.process_time()
    done = Restoration(step)(case.series)
    seconds = time.process_time() - began
    clean, out = case.clean.double(), done.data.double()
    inside = clean > 0.05 * clean.max()
    error = float(torch.linalg.vector_norm((out - clean)[inside]))
    own = ("strength", "sigma_px", "size_px", "weight", "stabilise", "steps")
    return {
        "views_db": f"{views_db(case, done.data):.2f}",
        "inside": f"{error / float(torch.linalg.vector_norm(clean[inside])):.4f}",
        "bias_percent": f"{100 * (float(out.sum() / clean.sum()) - 1):.3f}",
        "volume_db": f"{volume_db(case, done) if after is None else after:.2f}",
        "seconds": f"{seconds:.2f}",
        "options": " ".join(f"{k}={v}" for k, v in step.options.items() if k in own),
    }


def views_db(case: Recorded, views: Tensor) -> float:
    return _psnr(views, case.clean, float(case.clean.max()))


def volume_db(case: Recorded, views: TiltSeries) -> float:
    """SIRT as it is by default."""
    A = NativeProjector(Geometry(ANGLES, None), (SIZE, SIZE), SIZE)
    assert SIRT.settle is not None
    noise = remaining_noise(views, measure_photon_transfer(case.series.data).sigma)
    settled = SIRT.settle(SIRT(), *_busiest(A, views.data), noise).method
    found = volume_only(settled)(A, views.data)
    return _psnr(found, case.volume, float(case.volume.max()))


def _busiest(A: NativeProjector, y: Tensor) -> tuple[NativeProjector, Tensor]:
    operator, rows = busiest(A, y)
    assert isinstance(operator, NativeProjector)
    return operator, rows


def _psnr(found: Tensor, truth: Tensor, peak: float) -> float:
    error = float((found.double() - truth.double()).square().mean())
    return float(10 * np.log10(peak**2 / max(error, 1e-30)))


def store(table: Path, row: Row) -> None:
    put_row(table, row, COLUMNS, KEY, list(itertools.product(FAMILIES, COUNTS, SEEDS, METHODS)))


if __name__ == "__main__":
    main()
