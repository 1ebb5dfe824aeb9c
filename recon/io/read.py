"""From a path to a TiltSeries or a Volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.io.agree import check_cubes, choose_angles, choose_pixel
from recon.io.angle_text import angles_from_user, close_names
from recon.io.pixels import check_pixels, check_side, expand_views, select_views, zero_unmeasured
from recon.io.sidecars import find_sidecars, stem
from recon.io.sniff import format_of
from recon.io.stack import AngleSource, AxisSource, StackFile
from recon.series import AXIS_FROM_MICROSCOPE, TiltSeries, Volume

# Format -> module and function that opens it. Imported when a file of that format is met: some pull
# in large libraries.
_OPENERS = {
    "mrc": ("recon.io.mrc.read", "open_mrc"),
    "tiff": ("recon.io.tiff.read", "open_tiff"),
    "image_folder": ("recon.io.image_folder", "open_image_folder"),
    "hdf5": ("recon.io.hdf5.read", "open_hdf5"),
    "npy": ("recon.io.npy", "open_npy"),
    "matlab": ("recon.io.matlab", "open_matlab"),
    "zarr": ("recon.io.ome_zarr", "open_zarr"),
    "dm": ("recon.io.vendor", "open_dm"),
    "ser": ("recon.io.vendor", "open_ser"),
    "emi": ("recon.io.vendor", "open_emi"),
}
# Formats of which one file may hold several stacks.
_OF_SEVERAL = ("tiff", "image_folder", "hdf5", "matlab", "dm", "ser", "emi")


@dataclass(frozen=True, eq=False)
class Heading:
    """What is known of a tilt series before its pixels are read.

    ``keep``: the views that are not excluded, 0-based in the file. ``geometry``: of these.
    ``angles_by``, ``pixel_by``: who says their angles and the pixel size ("" where nobody does).
    ``notes``: what else the file and its neighbours tell. ``axis``: the tilt axis as the
    microscope says it. ``per_view``: dose, date, defocus, frames of the views that are kept.
    """

    file: StackFile
    keep: tuple[int, ...]
    geometry: Geometry
    angles_by: str
    pixel_by: str
    notes: tuple[str, ...]
    axis: AxisSource | None = None
    per_view: Mapping[str, list[object]] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, object]:
        """What the stages and the record are told besides the geometry."""
        facts: dict[str, object] = {"acquisition": dict(self.per_view)} if self.per_view else {}
        if self.axis is not None:
            facts[AXIS_FROM_MICROSCOPE] = self.axis.axis_deg
        return facts


def read_tilt_series(
    path: Path,
    *,
    angles: str | Sequence[float] | Path | None = None,
    pixel_nm: float | None = None,
    exclude: Sequence[int | str] = (),
    dataset: str | None = None,
) -> TiltSeries:
    """Read a tilt series: (tilt, y, x) float32 in the file's own order and orientation.

    ``path``: a stack, or a folder with one image per tilt. ``angles``: degrees, "start:stop:step"
    with both ends, or an angle file (.tlt .rawtlt .txt .csv .mdoc); overrules what the file and its
    neighbours say. ``pixel_nm`` overrules likewise. ``exclude``: views to drop, 0-based in the
    file, or "1-3" with both ends; angles may be counted before or after that. ``dataset``: which of
    several stacks in the file, by name or number.

    Raises ``UserError``, one sentence, for whatever cannot be read, contradicts itself, or is no
    tilt series.
    """
    heading = read_heading(path, angles=angles, pixel_nm=pixel_nm, exclude=exclude, dataset=dataset)
    file, keep, geometry = heading.file, heading.keep, heading.geometry
    path, angles_deg, nm = file.path, geometry.angles_deg, geometry.pixel_nm
    data = _read(file, keep)
    zeroed = zero_unmeasured(data)
    dropped = sorted(set(range(file.shape[0])) - set(keep))
    check_pixels(data, keep, exclude=dropped, name=path.name)
    history = [
        *file.history,
        f"read {path.name} ({file.kind}, {file.shape[0]} views of {file.shape[2]} x "
        f"{file.shape[1]})",
        f"tilt angles {angles_deg.min():g} to {angles_deg.max():g} degrees from {heading.angles_by}",
        f"pixel size {nm:.6g} nm from {heading.pixel_by}"
        if nm is not None
        else "pixel size unknown",
        *heading.notes,
    ]
    if zeroed:
        history.append(f"borders of NaN in {zeroed} views read as 0: not measured")
    if dropped:
        history.append(f"excluded views {', '.join(map(str, dropped))} (counted from 0)")
    facts = {**heading.facts, **({"views_in_file": list(keep)} if dropped else {})}
    return TiltSeries(
        torch.from_numpy(data), geometry, name=stem(path), history=tuple(history), facts=facts
    )


def read_heading(
    path: Path,
    *,
    angles: str | Sequence[float] | Path | None = None,
    pixel_nm: float | None = None,
    exclude: Sequence[int | str] = (),
    dataset: str | None = None,
) -> Heading:
    """All of ``read_tilt_series`` but the pixels, which may be many: options and errors are the
    same."""
    path = existing(path)
    file = open_stack(path, dataset)
    if file.views_last is None:  # what no angles mend is said first
        select_views(file.shape[0], expand_views(exclude), name=path.name)
    beside = find_sidecars(path, with_angles=angles is None)
    given = None if angles is None else angles_from_user(angles)
    sources = (*beside.angles, *file.angles)
    file = _with_views_first(file, [given] if given is not None else sources)
    keep = select_views(file.shape[0], expand_views(exclude), name=path.name)
    check_side(file.shape, name=path.name)
    # Files beside the stack first: people correct those, and SerialEM's header rounds to 0.01
    # degrees.
    chosen = choose_angles(
        sources,
        given,
        n_views=file.shape[0],
        keep=keep,
        name=path.name,
        hint="; ".join(h for h in (file.hint, beside.hint) if h),
    )
    nm, pixel_by = choose_pixel((*file.pixels, *beside.pixels), pixel_nm, name=path.name)
    axis = beside.axis or file.axis
    notes = [*file.notes, *beside.notes, *chosen.notes]
    if axis is not None:
        doubt = "" if axis.reliable else ", of which only the branch is trusted"
        notes.append(f"{axis.name} gives the tilt axis as {axis.axis_deg:.1f} degrees{doubt}")
    per_view = {
        name: [values[i] for i in keep]
        for name, values in {**file.per_view, **beside.per_view}.items()
        if len(values) == file.shape[0]
    }
    geometry = Geometry(chosen.values_deg, nm)
    return Heading(file, tuple(keep), geometry, chosen.by, pixel_by, tuple(notes), axis, per_view)


def _with_views_first(file: StackFile, sources: Sequence[AngleSource]) -> StackFile:
    """``file``, or the same array with its last side as the views where only that side has as many
    entries as there are angles, and the format does not say which it is."""
    counts = {source.values_deg.size for source in sources}
    if file.views_last is None or counts != {file.shape[2]} or file.shape[0] == file.shape[2]:
        return file
    turned = file.views_last()
    note = f"the last side of the array, {turned.shape[0]} long as there are angles, is the views"
    return replace(turned, notes=(*turned.notes, note))


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


def open_stack(path: Path, dataset: str | None = None) -> StackFile:
    """Headers of a stack or a volume, whichever format it has; of several stacks in one file the
    one that ``dataset`` names. Raises ``UserError`` where no reader knows it."""
    try:
        kind = format_of(path)
        module, function = _OPENERS[kind]
        opener: Callable[..., StackFile] = getattr(import_module(module), function)
        if dataset is None:
            return opener(path)
        if kind not in _OF_SEVERAL:
            raise UserError(
                f"dataset={dataset} given, but {path.name} is of a format that holds one stack; "
                "leave dataset= out"
            )
        return opener(path, dataset=dataset)
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
