"""One thing to time, and the data that all codes are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from benchmarks.exact_data import psnr_db, views
from recon.geometry import Geometry

ITERATIONS = 50
SIRT = f"sirt{ITERATIONS}"
OPERATIONS = ("forward", "adjoint", "wbp", SIRT)


@dataclass(frozen=True, eq=False)
class Case:
    """``y``: (tilt, rows, n) exact views of the specimen's middle rows."""

    geometry: Geometry
    y: Tensor

    @property
    def n(self) -> int:
        return self.y.shape[2]

    def middle(self, rows: int) -> Tensor:
        return middle(self.y, rows)


@dataclass(frozen=True)
class Job:
    """``run`` works on ``slices`` rows in the middle; that of a reconstruction returns (z, y, x)."""

    backend: str
    operation: str
    slices: int
    run: Callable[[], object]


def case_of(n: int, rows: int, geometry: Geometry) -> Case:
    return Case(geometry, views(n, rows, geometry))


def middle(tensor: Tensor, rows: int) -> Tensor:
    """The middle ``rows`` of (a, y, b), fewer by an even number."""
    first = (tensor.shape[1] - rows) // 2
    return tensor[:, first : first + rows]


def quality_db(volume: Tensor, wanted: Tensor) -> float:
    """PSNR of the rows of ``volume`` that ``wanted`` (z, y, x) has, in the middle."""
    return psnr_db(middle(volume, wanted.shape[1]), wanted)
