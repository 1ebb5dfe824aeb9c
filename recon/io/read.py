"""From a path to a TiltSeries or a Volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.io.agree import check_cubes, choose_angles, choose_pixel
from recon.io.angle_text import angles_from_user, close_names
from recon.io.pixels import check_pixels, check_side, select_views
from recon.io.sidecars import find_sidecars, stem
from recon.io.sniff import format_of
from recon.io.stack import StackFile
from recon.series import TiltSeries, Volume

# Format -> module and function that opens it. Imported when a file of that format is met: some pull
# in large libraries.
_OPENERS = {
    "mrc": ("recon.io.mrc.read", "open_mrc"),
    "tiff": ("recon.io.tiff.read", "open_tiff"),
    "tiff_folder": ("recon.io.tiff.folder", "open_tiff_folder"),
    "hdf5": ("recon.io.hdf5.read", "open_hdf5"),
    "npy": ("recon.io.npy", "open_npy"),
    "matlab": ("recon.io.matlab", "open_matlab"),
    "zarr": ("recon.io.ome_zarr", "open_zarr"),
    "dm": ("recon.io.vendor", "open_dm"),
    "ser": ("recon.io.vendor", "open_ser"),
    "emi": ("recon.io.vendor", "open_emi"),
}


@dataclass(frozen=True, eq=False)
class Heading:
    """What is known of a tilt series before its pixels are read.

    ``keep``: the views that are not excluded, 0-based in the file. ``geometry``: of these.
    ``angles_by``, ``pixel_by``: who says their angles and the pixel size ("" where nobody does).
    ``notes``: what else the file and its neighbours tell.
    """

    file: StackFile
    keep: tuple[int, ...]
    geometry: Geometry
    angles_by: str
    pixel_by: str
    notes: tuple[str, ...]


def read_tilt_series(
    path: Path,
    *,
    angles: str | Sequence[float] | Path | None = None,
    pixel_nm: float | None = None,
    exclude: Sequence[int] = (),
) -> TiltSeries:
    """Read a tilt series: (tilt, y, x) float32 in the file's own order and orientation.

    ``path``: a stack, or a folder with one TIFF per tilt. ``angles``: degrees, "start:stop:step"
    with both ends, or an angle file (.tlt .rawtlt .txt .csv .mdoc); overrules what the file and its
    neighbours say. ``pixel_nm`` overrules likewise. ``exclude``: views to drop, 0-based in the
    file; angles may be counted before or after that.

    Raises ``UserError``, one sentence, for whatever cannot be read, contradicts itself, or is no
    tilt series.
    """
    heading = read_heading(path, angles=angles, pixel_nm=pixel_nm, exclude=exclude)
    file, keep, geometry = heading.file, heading.keep, heading.geometry
    path, angles_deg, nm = file.path, geometry.angles_deg, geometry.pixel_nm
    data = _read(file, keep)
    check_pixels(data, keep, exclude=exclude, name=path.name)
    history = [
        *file.history,
        f"read {path.name} ({file.kind}, {file.shape[0]} views of {file.shape[2]} x "
        f"{file.shape[1]})",
        f"tilt angles {angles_deg[0]:g} to {angles_deg[-1]:g} degrees from {heading.angles_by}",
        f"pixel size {nm:.6g} nm from {heading.pixel_by}"
        if nm is not None
        else "pixel size unknown",
        *heading.notes,
    ]
    if len(keep) != file.shape[0]:
        history.append(
            f"excluded views {', '.join(str(i) for i in sorted(set(exclude)))} (counted from 0)"
        )
    return TiltSeries(torch.from_numpy(data), geometry, name=stem(path), history=tuple(history))


def read_heading(
    path: Path,
    *,
    angles: str | Sequence[float] | Path | None = None,
    pixel_nm: float | None = None,
    exclude: Sequence[int] = (),
) -> Heading:
    """All of ``read_tilt_series`` but the pixels, which may be many: options and errors are the
    same."""
    path = existing(path)
    file = open_stack(path)
    keep = select_views(file.shape[0], exclude, name=path.name)
    check_side(file.shape, name=path.name)
    beside_angles, beside_pixels, beside_notes = find_sidecars(path, with_angles=angles is None)
    given = None if angles is None else angles_from_user(angles)
    # Files beside the stack first: people correct those, and SerialEM's header rounds to 0.01
    # degrees.
    angles_deg, angles_by = choose_angles(
        (*beside_angles, *file.angles), given, n_views=file.shape[0], keep=keep, name=path.name
    )
    nm, pixel_by = choose_pixel((*file.pixels, *beside_pixels), pixel_nm, name=path.name)
    notes = (*file.notes, *beside_notes)
    return Heading(file, tuple(keep), Geometry(angles_deg, nm), angles_by, pixel_by, notes)


def read_volume(path: Path, *, voxel_nm: float | None = None) -> Volume:
    """Read a volume, (z, y, x) float32, from any of the formats; the history is kept where we wrote
    it. ``voxel_nm`` overrules what the file says.

    Raises ``UserError`` for whatever cannot be read, and for voxels that are no cubes.
    """
    path = existing(path)
    file = open_stack(path)
    nm, _ = choose_pixel(file.pixels, voxel_nm, name=path.name, option="voxel_nm")
    if voxel_nm is None:
        check_cubes(file.pixels, name=path.name)
    data = _read(file, range(file.shape[0]))
    history = (*file.history, f"read {path.name} ({file.kind})")
    return Volume(torch.from_numpy(data), nm, stem(path), history, unit="as stored")


def existing(path: Path) -> Path:
    """The path with ~ expanded. Raises ``UserError`` when nothing is there, with names in the
    folder that look alike."""
    path = Path(path).expanduser()
    try:
        if path.exists():
            return path
        parent_there = path.parent.exists()
    except (
        OSError,
        ValueError,
    ) as error:  # a name too long, a folder that may not be searched, a NUL in the name
        raise UserError(
            f"{str(path)[:120]!r} cannot be looked up ({error}); check the path"
        ) from error
    if not parent_there:
        raise UserError(
            f"{path.name} not found: there is no folder {str(path.parent)[-150:]}; check the path"
        )
    raise UserError(
        f"{path.name} not found in {str(path.parent.absolute())[-150:]}{close_names(path)}; check "
        f"the path"
    )


def open_stack(path: Path) -> StackFile:
    """Headers of a stack or a volume, whichever format it has. Raises ``UserError`` where no reader
    knows it."""
    try:
        module, function = _OPENERS[format_of(path)]
        opener: Callable[[Path], StackFile] = getattr(import_module(module), function)
        return opener(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(file: StackFile, keep: Sequence[int]) -> np.ndarray:
    """The pixels as a new float32 array, once in memory."""
    try:
        out = np.empty((len(keep), *file.shape[1:]), np.float32)
    except (MemoryError, ValueError) as error:  # ValueError: more bytes than an address can count
        gb = len(keep) * file.shape[1] * file.shape[2] * 4 / 1e9
        raise UserError(
            f"{file.path.name} needs {gb:.1f} GB of memory as float32, more than there is; bin the "
            f"stack first"
        ) from error
    try:
        file.fill(out, keep)
    except OSError as error:
        raise _unreadable(file.path, error) from error
    return out


def _unreadable(path: Path, error: OSError) -> UserError:
    if isinstance(error, PermissionError):
        return UserError(
            f"{path.name} may not be read by this user; change its permissions (chmod u+r) or ask "
            f"its owner"
        )
    return UserError(
        f"{path.name} cannot be read ({str(error.strerror or error)[:120]}); copy it again and "
        f"check the disk"
    )
