"""Every method on every case whose truth is known: one row each in ``benchmarks/quality.csv``.

    python -m benchmarks.quality [--only B2,B3] [--methods wbp,tv] [--cases 'wedge 40'] [--again]        (make bench-quality)

Rows are written as they come, and rows that are there are kept: a run that was stopped goes on
where it was. ``--again`` makes the selected rows anew. ``psnr_db``, ``ssim``, ``nrmse``:
``quality_case.score``; ``residual``: ||A x - y|| / ||y|| on the measured views; ``withheld``: the
same on every fifth view, kept from the reconstruction (``recon.trust.measures.withheld_error``);
``seconds``: of processor, for one reconstruction with the choice of its parameters.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Collection
from importlib.metadata import version
from pathlib import Path

from benchmarks.quality_case import Case, score
from benchmarks.quality_cases import SETS, plans
from benchmarks.quality_methods import METHODS, settled
from benchmarks.rows import Row, put_row, read
from recon.trust.measures import withheld_error

COLUMNS = (
    "benchmark",
    "case",
    "method",
    "psnr_db",
    "ssim",
    "nrmse",
    "residual",
    "withheld",
    "seconds",
)
TABLE = Path(__file__).with_suffix(".csv")
Key = tuple[str, str, str]


def main(arguments: list[str] | None = None, table: Path = TABLE) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", type=names_of(SETS), help=f"sets, of {','.join(SETS)}")
    parser.add_argument(
        "--methods", type=names_of(METHODS), default=list(METHODS), help=f"of {','.join(METHODS)}"
    )
    parser.add_argument("--cases", default="", help="part of a case's name")
    parser.add_argument("--again", action="store_true", help="make rows anew that are there")
    chosen = parser.parse_args(arguments)
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "scipy", "torch", "numba", "scikit-image")
    )
    print(
        f"Python {platform.python_version()}, {packages}; all seeds are fixed in "
        f"benchmarks/quality_*.py"
    )
    print(
        f"{'':44} {'method':14} {'PSNR dB':>7} {'SSIM':>5} {'NRMSE':>6} {'resid':>6} {'unseen':>6} "
        f"{'s':>6}"
    )
    selected = [plan for plan in plans(chosen.only) if chosen.cases in plan.name]
    for plan in selected:
        there = set() if chosen.again else {_key(row) for row in read(table)}
        wanted = [m for m in chosen.methods if (plan.benchmark, plan.name, m) not in there]
        case = plan.make() if wanted else None
        for method in wanted:
            assert case is not None
            row = measure(case, method)
            store(table, row)
            numbers = " ".join(
                f"{row[c]:>{w}}" for c, w in zip(COLUMNS[3:], (7, 5, 6, 6, 6, 6), strict=True)
            )
            print(f"{plan.benchmark + ' ' + plan.name:44} {method:14} {numbers}", flush=True)


def measure(case: Case, name: str) -> Row:
    dimensions = 3 if case.support is None else 2
    start = time.process_time()
    method = settled(name, case.A, case.y, dimensions)
    x = method(case.A, case.y)
    seconds = time.process_time() - start
    s = score(case, x)
    unseen = withheld_error(case.A, case.y, method)
    numbers = (
        f"{s.psnr_db:.2f}",
        f"{s.ssim:.3f}",
        f"{s.nrmse:.4f}",
        f"{s.residual:.4f}",
        f"{unseen:.4f}",
        f"{seconds:.2f}",
    )
    return dict(zip(COLUMNS, (case.benchmark, case.name, name, *numbers), strict=True))


def store(table: Path, row: Row) -> None:
    order = [(plan.benchmark, plan.name, method) for plan in plans() for method in METHODS]
    put_row(table, row, COLUMNS, COLUMNS[:3], order)


def _key(row: Row) -> Key:
    return row["benchmark"], row["case"], row["method"]


def names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """An argument's type: names separated by commas, all of them known."""

    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(
                f"{', '.join(sorted(unknown))} given, some of {', '.join(known)} wanted"
            )
        return names

    return parse


if __name__ == "__main__":
    main()
