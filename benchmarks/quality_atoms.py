"""B9: the 208 atoms of the silicon series of the reference data, by every method and
``analyze=atoms`` with its defaults.

    python -m benchmarks.quality_atoms [--methods sirt,tv] [--doses 1.6e5]        (part of make bench-quality)

Writes ``benchmarks/quality_atoms.csv`` (matched: true atoms with a found one within 0.9 A; RMSD of
those; false: found and not matched), and the residuals as B9 of ``benchmarks/quality.csv``; there
is no true volume, so no PSNR. The authors' own (BM3D, RESIRE, tracing): 208 atoms at 4.24 pm for
1.6e5, 208 at 17.31 pm for 1.6e4, 199 at 28.91 pm for 8.0e3.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from benchmarks.quality import COLUMNS as QUALITY_COLUMNS
from benchmarks.quality import TABLE as QUALITY_TABLE
from benchmarks.quality import names_of, store
from benchmarks.quality_methods import METHODS, settled
from benchmarks.rows import Row, put_row
from recon.align.fixed import fixed
from recon.align.resample import resample
from recon.analyze.atoms import atoms
from recon.io import read_tilt_series
from recon.io.xyz import read_xyz
from recon.preprocess import preprocess
from recon.projectors.native import NativeProjector
from recon.series import PER_VOXEL, TiltSeries, Volume
from recon.trust.measures import withheld_error

DATA = Path(__file__).resolve().parents[2] / "shared/data/asi_nanoparticle"
TABLE = Path(__file__).with_suffix(".csv")
DOSES = {"1.6e5": "1p6e5", "1.6e4": "1p6e4", "8.0e3": "8p0e3"}
PIXEL_NM = 0.0195
COLUMNS = ("dose", "method", "true", "matched", "false", "rmsd_pm", "withheld", "seconds")


def main(
    arguments: list[str] | None = None, table: Path = TABLE, quality_table: Path = QUALITY_TABLE
) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--methods", type=names_of(METHODS), default=list(METHODS), help=f"of {','.join(METHODS)}"
    )
    parser.add_argument(
        "--doses", type=names_of(DOSES), default=list(DOSES), help=f"of {','.join(DOSES)}"
    )
    chosen = parser.parse_args(arguments)
    if not DATA.is_dir():
        print(f"{DATA} is not there: the reference data that B9 is about; left out")
        return
    for dose in chosen.doses:
        series = silicon(dose)
        A = NativeProjector(series.geometry, (128, 128), 128)
        for name in chosen.methods:
            start = time.process_time()
            method = settled(name, A, series.data, 3)
            x = method(A, series.data)
            seconds = f"{time.process_time() - start:.2f}"
            facts = atoms(
                Volume(x, PIXEL_NM, unit=PER_VOXEL),
                true_positions=read_xyz(DATA / "NP1_aSi2nm_208atoms_GT.txt") / 10,
            ).facts
            true, matched, found = (
                int(str(facts[what])) for what in ("true_atoms", "matched", "atoms")
            )
            unseen = f"{withheld_error(A, series.data, method):.4f}"
            rmsd = f"{float(str(facts['rmsd_pm'])):.2f}"
            row = dict(
                zip(
                    COLUMNS,
                    (
                        dose,
                        name,
                        str(true),
                        str(matched),
                        str(found - matched),
                        rmsd,
                        unseen,
                        seconds,
                    ),
                    strict=True,
                )
            )
            _store(table, row)
            residual = float(
                torch.linalg.vector_norm(A(x) - series.data) / torch.linalg.vector_norm(series.data)
            )
            scores = (
                "B9",
                f"208 silicon atoms, dose {dose}",
                name,
                "",
                "",
                "",
                f"{residual:.4f}",
                unseen,
                seconds,
            )
            store(quality_table, dict(zip(QUALITY_COLUMNS, scores, strict=True)))
            print(
                f"B9 dose {dose} {name:14} {matched} of {true} atoms, {found - matched} false, "
                f"RMSD {rmsd} pm, {seconds} s",
                flush=True,
            )


def silicon(dose: str) -> TiltSeries:
    """60 views of 128 x 128 pixels, aligned: the axis is horizontal and half a pixel from the
    middle."""
    series = read_tilt_series(
        DATA / f"NP1_aSi2nm_Dose{DOSES[dose]}_proj.mat", angles="0:177:3", pixel_nm=PIXEL_NM
    )
    return resample(fixed(preprocess(series), axis_deg=90, axis_offset_px=0.5))


def _store(table: Path, row: Row) -> None:
    order = [(dose, method) for dose in DOSES for method in METHODS]
    put_row(table, row, COLUMNS, ("dose", "method"), order)


if __name__ == "__main__":
    main()
