"""Few, narrow or noisy views: the deep image prior beside WBP, SIRT and TV, in
``benchmarks/few_views.csv``: ``python -m benchmarks.few_views``.

The middle rows of a phantom of 64 voxels, projected (the reconstruction's own projector: the noise
is the only other error) and counted. Methods choose what they choose from the views; the truth is
only compared with.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.rows import put_row, read
from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.sirt import SIRT
from recon.algorithms.tv import TV
from recon.algorithms.wbp import WBP
from recon.geometry import Geometry
from recon.learned.dip import DIP
from recon.phantoms.base import Phantom
from recon.phantoms.nanoparticle import nanoparticle
from recon.phantoms.quantum_dot import quantum_dot
from recon.projectors.native import NativeProjector
from recon.stage import BoundMethod, volume_only
from recon.trust.measures import withheld_error

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ("family", "views", "counts", "seed", "method", "psnr_db", "withheld", "seconds", "steps")
SIZE, ROWS = 64, 8
FAMILIES: dict[str, Callable[..., Phantom]] = {
    "nanoparticle": nanoparticle,
    "quantum_dot": quantum_dot,
}
VIEWS = {
    "+-60 deg, every 10": (60.0, 10.0),
    "+-60 deg, every 5": (60.0, 5.0),
    "+-30 deg, every 2": (30.0, 2.0),
}
COUNTS = (5.0, 50.0)  # of the brightest pixel
SEEDS = (0, 1, 2)
METHODS: dict[str, BoundMethod] = {"wbp": WBP(), "sirt": SIRT(), "tv": TV(), "dip": DIP()}
ORDER = [
    (family, views, f"{counts:g}", str(seed), method)
    for seed in SEEDS
    for family in FAMILIES
    for views in VIEWS
    for counts in COUNTS
    for method in METHODS
]


@dataclass(frozen=True, eq=False)
class Problem:
    """``y``: (tilt, rows, x) with noise; ``truth``: (z, rows, x)."""

    A: NativeProjector
    y: Tensor
    truth: Tensor


def problem_of(family: str, views: str, counts: float, seed: int) -> Problem:
    phantom = FAMILIES[family](size=SIZE, seed=seed).density
    first = (SIZE - ROWS) // 2
    truth = phantom[:, first : first + ROWS].contiguous()
    most, step = VIEWS[views]
    angles = np.arange(-most, most + step / 2, step)
    A = NativeProjector(Geometry(angles, 1.0), (SIZE, SIZE), SIZE)
    clean = A(truth)
    gain = counts / float(clean.max())
    seen = np.random.default_rng([seed, 7]).poisson(clean.numpy() * gain).astype(np.float32)
    return Problem(A, clean.copy_(torch.from_numpy(seen / np.float32(gain))), truth)


def measure(problem: Problem, method: BoundMethod) -> dict[str, str]:
    """Scores of one method, what it chooses included in its processor seconds."""
    A, y, truth = problem.A, problem.y, problem.truth
    began = time.process_time()
    settle = method.declared.settle
    if settle is not None:
        method = settle(method, A, y, measure_photon_transfer(y).sigma).method
    run = volume_only(method)
    x = run(A, y)
    seconds = time.process_time() - began
    wrong = float(((x - truth).double() ** 2).mean()) ** 0.5
    return {
        "psnr_db": f"{20 * math.log10(float(truth.max() - truth.min()) / wrong):.2f}",
        "withheld": f"{withheld_error(A, y, run):.4f}",
        "seconds": f"{seconds:.1f}",
        "steps": str(method.options.get("n_iterations", "")),
    }


def main(arguments: list[str] | None = None, table: Path = TABLE) -> None:
    """Cases that the table has are not run again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    done = {tuple(row[c] for c in COLUMNS[:5]) for row in read(table)}
    for seed in asked.seeds:
        for family in FAMILIES:
            for views in VIEWS:
                for counts in COUNTS:
                    case = (family, views, f"{counts:g}", str(seed))
                    left = [m for m in asked.methods if (*case, m) not in done]
                    problem = problem_of(family, views, counts, seed) if left else None
                    for name in left:
                        assert problem is not None
                        found = measure(problem, METHODS[name])
                        row = dict(zip(COLUMNS, (*case, name), strict=False)) | found
                        print(", ".join(row.values()), flush=True)
                        put_row(table, row, COLUMNS, COLUMNS[:5], ORDER)


if __name__ == "__main__":
    main()
