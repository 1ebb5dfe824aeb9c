"""Write volumes and tilt series; the format is told by the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from recon.errors import UserError
from recon.io.alignment.imod import write_tlt
from recon.io.mrc.write import write_mrc
from recon.io.sidecars import stem
from recon.series import TiltSeries, Volume

_FORMATS = {
    ".mrc": "mrc",
    ".rec": "mrc",
    ".st": "mrc",
    ".ali": "mrc",
    ".map": "mrc",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".zarr": "zarr",
}


def write_volume(volume: Volume, path: Path) -> None:
    """Write (z, y, x) float32 with voxel size, axis convention and history: .mrc .rec .st .ali
    .map, .tif .tiff, .ome.zarr .zarr.

    Under a temporary name, renamed at the end. Raises ``UserError`` for another suffix and for a
    write that fails.
    """
    path = Path(path)
    write = _writer(path)
    write(path, volume.data.numpy(force=True), pixel_nm=volume.voxel_nm, history=volume.history)


def write_tilt_series(series: TiltSeries, path: Path) -> None:
    """Write (tilt, y, x) float32 with angles, pixel size and history; suffixes as in
    ``write_volume``.

    An MRC file keeps its angles to 0.01 degrees in the header and all digits in a .tlt beside it.
    Shifts and axis are not written: they belong to the alignment (``write_xf``). Raises as
    ``write_volume``.
    """
    path = Path(path)
    write, geometry = _writer(path), series.geometry
    write(
        path,
        series.data.numpy(force=True),
        pixel_nm=geometry.pixel_nm,
        history=series.history,
        angles_deg=geometry.angles_deg,
    )
    if write is write_mrc:
        write_tlt(path.with_name(f"{stem(path)}.tlt"), geometry.angles_deg)


class _Writer(Protocol):
    def __call__(
        self,
        path: Path,
        data: np.ndarray,
        *,
        pixel_nm: float | None,
        history: Sequence[str],
        angles_deg: np.ndarray | None = None,
    ) -> None: ...


def _writer(path: Path) -> _Writer:
    """What writes the format that the suffix names; imported when it is needed."""
    form = _format(path)
    if form == "mrc":
        return write_mrc
    if form == "tiff":
        from recon.io.tiff.write import write_tiff

        return write_tiff
    from recon.io.ome_zarr_write import write_zarr

    return write_zarr


def _format(path: Path) -> str:
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise UserError(
            f"cannot write {path.name}: its suffix says no format, one of {' '.join(_FORMATS)} "
            f"wanted; rename the output"
        )
    return form
