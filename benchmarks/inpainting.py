"""A wedge of 45 degrees filled in: 96 of 128 views in steps of 1.40625 degrees are measured.

    python -m benchmarks.inpainting [--families foam] [--seeds 100] [--methods sirt,tv] [--counts 1000]

Writes ``benchmarks/inpainting.csv``; rows that are there are kept. Phantoms of families and seeds
are recorded on a grid twice as fine, counted (``counts`` in the brightest pixel, 0: without noise),
and scored as in ``benchmarks.quality``. The seeds were never trained on, nor the families whose
``seen`` is no. ``residual``: of the measured views alone. ``wedge_error``: of the result, projected
at the missing angles, ``invented_error``: of what was invented there, both rms beside the true
views without noise, as a share of their rms. ``confidence``, ``strength``, ``surprise``: as
``inpaint=gan`` tells them.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from benchmarks.quality import names_of
from benchmarks.quality_case import Case, score
from benchmarks.quality_methods import settled
from benchmarks.rows import Row, put_row, read
from recon.geometry import Geometry
from recon.projectors.base import Projector
from recon.projectors.masked import masked
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.sinogram.gan import gan
from recon.sinogram.half_turn import STEP_DEG
from recon.training.examples import project_binned

TABLE = Path(__file__).with_suffix(".csv")
SIZE, ROWS, VIEWS, MEASURED = 128, 8, 128, 96
SEEN = ("polygons", "nanoparticle", "foam")
UNSEEN = ("porous_silica", "quantum_dot", "polyamide_film")
SEEDS, COUNTS = ("100", "101", "102"), ("1000", "0")
PLAIN = {"wbp": "wbp_auto", "sirt": "sirt", "tv": "tv", "irdm": "irdm"}
INPAINTED = {"inpainted_wbp": "wbp_auto", "inpainted_sirt": "sirt", "inpainted_tv": "tv"}
EQUAL = "inpainted_sirt_equal"  # invented views as if they had been measured
ALL = "sirt_all_measured"  # no wedge: the 128 views
METHODS = (*PLAIN, EQUAL, *INPAINTED, ALL)
KEYS = ("family", "seen", "seed", "counts", "method")
SCORES = ("psnr_db", "ssim", "nrmse", "residual")
TOLD = ("wedge_error", "invented_error", "confidence", "strength", "surprise")
COLUMNS = (*KEYS, *SCORES, *TOLD, "seconds")
ANGLES = STEP_DEG * (np.arange(VIEWS) - (MEASURED - 1) / 2)  # the wedge at the end
T = TypeVar("T")


def main(arguments: list[str] | None = None, table: Path = TABLE) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    families = (*SEEN, *UNSEEN)
    for name, known in (
        ("families", families), ("seeds", SEEDS), ("counts", COUNTS), ("methods", METHODS)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=names_of(known), default=list(known))
    parser.add_argument("--again", action="store_true", help="make rows anew that are there")
    chosen = parser.parse_args(arguments)
    for counts in chosen.counts:
        for family in chosen.families:
            for seed in chosen.seeds:
                there = set() if chosen.again else {_key(row) for row in read(table)}
                keys = {m: (family, seed, counts, m) for m in chosen.methods}
                wanted = [m for m, key in keys.items() if key not in there]
                for row in measure(family, int(seed), float(counts), wanted):
                    _store(table, row)
                    print(" ".join(row[c] for c in (*KEYS, *SCORES, *TOLD)), flush=True)


def record(family: str, seed: int, counts: float) -> tuple[Tensor, Tensor, Tensor]:
    """(views (128, rows, x) as measured, the same without noise, truth (z, rows, x))."""
    make = getattr(importlib.import_module(f"recon.phantoms.{family}"), family)
    if family == "polygons":
        parts = [make(size=2 * SIZE, seed=ROWS * seed + k, rows=2).density for k in range(ROWS)]
        fine = torch.cat(parts, 1)
    else:
        middle = slice(SIZE - ROWS, SIZE + ROWS)
        fine = make(size=2 * SIZE, seed=seed).density[:, middle].contiguous()
    still = Geometry(ANGLES, None, 0.0, np.zeros((VIEWS, 2)))
    clean = project_binned(fine, 2, still)
    truth = fine.reshape(SIZE, 2, ROWS, 2, SIZE, 2).mean((1, 3, 5))
    if counts == 0:
        return clean, clean, truth
    per = counts / float(clean.max())
    drawn = np.random.default_rng(seed).poisson(clean.numpy() * per)
    return torch.from_numpy(drawn.astype(np.float32)) / per, clean, truth


def measure(family: str, seed: int, counts: float, methods: list[str]) -> list[Row]:
    if not methods:
        return []
    y, clean, truth = record(family, seed, counts)
    measured = TiltSeries(y[:MEASURED].contiguous(), Geometry(ANGLES[:MEASURED]), family)
    dimensions = 2 if family == "polygons" else 3
    case = Case("", "", measured.data, _projector(measured.geometry), truth, _range(truth))
    done = None
    if set(methods) - {*PLAIN, ALL}:
        done = _timed(lambda: gan(measured, dimensions=dimensions))
    rows = []
    for name in methods:
        told: dict[str, float] = {}
        given, seconds = measured, 0.0
        if name == ALL:
            given = TiltSeries(y, Geometry(ANGLES), family)
        elif name not in PLAIN:
            assert done is not None
            given, seconds = done
            told = tell(given, measured, clean)
        precision = None if name == EQUAL else given.precision
        A, data = masked(_projector(given.geometry), given.data, precision)
        plain = PLAIN.get(name) or INPAINTED.get(name, "sirt")
        run = functools.partial(_reconstruct, plain, A, data, dimensions)
        x, own = _timed(run)
        s = score(case, x)
        wedge = _projector(Geometry(ANGLES[MEASURED:]))(x) - clean[MEASURED:]
        told["wedge_error"] = float(wedge.square().mean().sqrt() / clean.square().mean().sqrt())
        numbers = [s.psnr_db, s.ssim, s.nrmse, s.residual, *(told.get(k) for k in TOLD)]
        text = ["" if v is None else f"{v:.4f}" for v in numbers]
        keys = (family, "yes" if family in SEEN else "no", str(seed), f"{counts:g}", name)
        rows.append(dict(zip(COLUMNS, (*keys, *text, f"{seconds + own:.1f}"), strict=True)))
    return rows


def tell(given: TiltSeries, measured: TiltSeries, clean: Tensor) -> dict[str, float]:
    """How far invented views are from the true ones. Raises where a measured pixel was touched."""
    n = MEASURED
    if not torch.equal(given.data[:n], measured.data):
        raise SystemExit("inpaint=gan changed a measured pixel")
    order = np.argsort(np.mod(given.geometry.angles_deg[n:] - ANGLES[n], 180))
    new = given.geometry.angles_deg[n:][order]
    behind = np.rint((ANGLES[n:] - new) / 180).astype(int) % 2 != 0
    true = torch.where(torch.from_numpy(behind)[:, None, None], clean[n:].flip(-1), clean[n:])
    rms = float(clean.square().mean().sqrt())
    told = given.facts["inpaint"]
    assert isinstance(told, dict)
    return {
        "invented_error": float((given.data[n:][order.tolist()] - true).square().mean().sqrt())
        / rms,
        "confidence": told["mean_confidence"],
        "strength": told["strength"],
        "surprise": told["surprise"],
    }


def _reconstruct(name: str, A: Projector, y: Tensor, dimensions: int) -> Tensor:
    return settled(name, A, y, dimensions)(A, y)


def _projector(geometry: Geometry) -> NativeProjector:
    return NativeProjector(geometry, (SIZE, SIZE), SIZE)


def _range(truth: Tensor) -> float:
    return float(truth.max() - truth.min())


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def _key(row: Row) -> tuple[str, ...]:
    return row["family"], row["seed"], row["counts"], row["method"]


def _store(table: Path, row: Row) -> None:
    order = [(f, s, c, m) for c in COUNTS for f in (*SEEN, *UNSEEN) for s in SEEDS for m in METHODS]
    put_row(table, row, COLUMNS, ("family", "seed", "counts", "method"), order)


if __name__ == "__main__":
    main()
