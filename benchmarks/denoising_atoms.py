"""The 208 atoms of the silicon series of the reference data, from denoised views: one row each in
``benchmarks/denoising_atoms.csv``.

    python -m benchmarks.denoising_atoms [--doses 8.0e3] [--methods none,unet] [--algorithms sirt,tv]

Default cleaning, ``denoise=`` with its defaults (nothing is tuned by the atoms), the algorithm with
its defaults, ``analyze=atoms``. matched: true atoms with a found one within 0.9 A; false: found and
not matched. The authors' own (BM3D, RESIRE, tracing): 208 atoms at 4.24 pm for 1.6e5, 208 at 17.31
pm for 1.6e4, 199 at 28.91 pm for 8.0e3.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

from benchmarks.quality import names_of
from benchmarks.quality_atoms import DATA, DOSES, PIXEL_NM
from benchmarks.rows import Row, put_row
from recon.algorithms.sirt import SIRT
from recon.algorithms.tv import TV
from recon.align.fixed import fixed
from recon.align.resample import resample
from recon.analyze.atoms import atoms
from recon.io import read_tilt_series
from recon.io.xyz import read_xyz
from recon.preprocess import preprocess
from recon.projectors.native import NativeProjector
from recon.run.plan import set_up
from recon.series import PER_VOXEL, TiltSeries, Volume
from recon.sinogram.classical import GAUSSIAN, NLM, TV_VIEWS
from recon.sinogram.counts import with_noise
from recon.sinogram.noise2noise import NOISE2NOISE
from recon.sinogram.none import NONE
from recon.sinogram.restoration import Restoration, remaining_noise
from recon.sinogram.unet import UNET
from recon.stage import BoundStep, volume_only

METHODS: dict[str, BoundStep] = {
    "none": NONE(),
    "gaussian": GAUSSIAN(),
    "nlm": NLM(),
    "tv": TV_VIEWS(),
    "unet": UNET(),
    "noise2noise": NOISE2NOISE(),
    "noise2noise_half": NOISE2NOISE(strength=0.5),
}
ALGORITHMS = {"sirt": SIRT(), "tv": TV()}
COLUMNS = ("dose", "denoise", "algorithm", "true", "matched", "false", "rmsd_pm", "seconds")
TABLE = Path(__file__).with_suffix(".csv")


def main(arguments: list[str] | None = None, table: Path = TABLE) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, known, usual in (
        ("doses", list(DOSES), ["8.0e3"]),
        ("methods", list(METHODS), list(METHODS)),
        ("algorithms", list(ALGORITHMS), list(ALGORITHMS)),
    ):
        parser.add_argument(f"--{name}", type=names_of(known), default=usual)
    chosen = parser.parse_args(arguments)
    if not DATA.is_dir():
        print(f"{DATA} is not there: the reference data; left out")
        return
    for dose in chosen.doses:
        measured, noise = silicon(dose)
        for denoise in chosen.methods:
            start = time.process_time()
            views = Restoration(METHODS[denoise])(measured)
            taken = time.process_time() - start
            for algorithm in chosen.algorithms:
                row = {"dose": dose, "denoise": denoise, "algorithm": algorithm}
                row |= find(views, remaining_noise(views, noise), algorithm)
                row["seconds"] = f"{taken:.1f}"
                store(table, row)
                print(*(row[c] for c in COLUMNS), sep="  ", flush=True)


def silicon(dose: str) -> tuple[TiltSeries, float]:
    """(60 aligned views of 128 x 128 pixels, their noise per pixel)."""
    series = read_tilt_series(
        DATA / f"NP1_aSi2nm_Dose{DOSES[dose]}_proj.mat", angles="0:177:3", pixel_nm=PIXEL_NM
    )
    clean = preprocess(series)
    solved = fixed(clean, axis_deg=90, axis_offset_px=0.5)
    return with_noise(resample(solved), clean, solved.geometry)


def find(views: TiltSeries, noise: float, algorithm: str) -> dict[str, str]:
    A = NativeProjector(views.geometry, (128, 128), 128)
    job, _ = set_up(A, views, ALGORITHMS[algorithm], noise)
    x = volume_only(job.method)(job.A, job.y)
    facts = atoms(
        Volume(x, PIXEL_NM, unit=PER_VOXEL),
        true_positions=read_xyz(DATA / "NP1_aSi2nm_208atoms_GT.txt") / 10,
    ).facts
    true, matched, found = (int(str(facts[what])) for what in ("true_atoms", "matched", "atoms"))
    return {
        "true": str(true),
        "matched": str(matched),
        "false": str(found - matched),
        "rmsd_pm": f"{float(str(facts['rmsd_pm'])):.2f}",
    }


def store(table: Path, row: Row) -> None:
    put_row(table, row, COLUMNS, COLUMNS[:3], list(itertools.product(DOSES, METHODS, ALGORITHMS)))


if __name__ == "__main__":
    main()
