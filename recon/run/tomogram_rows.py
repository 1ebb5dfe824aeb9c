"""Rows of a finished tomogram, as its projector has them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from recon.io.mrc.planes import read_rows
from recon.trust.standard import RowsOf


def grey_scale(pixel_nm: float | None) -> float:
    """What a value per pixel is multiplied by to be one per nm; 1 where nobody knows."""
    return 1.0 if pixel_nm is None else 1 / pixel_nm


def rows_of(tomogram: Path, pixel_nm: float | None) -> RowsOf:
    """Reads them (z, rows, x) when asked, in values per pixel again."""

    def volume(rows: slice) -> Tensor:
        found = read_rows(tomogram, rows.start, rows.stop - rows.start)
        return torch.from_numpy(found / grey_scale(pixel_nm))

    return volume
