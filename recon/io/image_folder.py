"""Read a folder with one image per tilt: TIFF, DM3/DM4, MRC, EMD, SER or BCF.

The tilts are said by the names of the files, by the files themselves, by an .mdoc each, or by one
.mdoc in the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.angles_in_names import angles_in_names
from recon.io.mdoc import Mdoc, read_mdoc
from recon.io.stack import AngleSource, AxisSource, StackFile

# Suffix -> module and function that opens one image as a stack of one view. TIFF first: pictures of
# the same views may lie beside them.
_OPENERS = {
    **dict.fromkeys((".tif", ".tiff"), ("recon.io.tiff.read", "open_tiff_image")),
    **dict.fromkeys((".dm3", ".dm4"), ("recon.io.vendor", "open_dm_image")),
    **dict.fromkeys((".mrc", ".map"), ("recon.io.mrc.read", "open_mrc")),
    ".emd": ("recon.io.hdf5.read", "open_hdf5"),
    ".ser": ("recon.io.vendor", "open_ser_image"),
    ".bcf": ("recon.io.vendor", "open_bcf_image"),
}
_KINDS = ((".tif", ".tiff"), (".dm3", ".dm4"), (".mrc", ".map"), (".emd",), (".ser",), (".bcf",))


def open_image_folder(folder: Path, dataset: str | None = None) -> StackFile:
    """All images of a folder as one stack, in the order of the tilts in their names or headers, or
    of the names when nothing says those.

    Raises ``UserError`` for a folder without images (and says what it holds), for images of several
    sizes, and for files that hold more than one image.
    """
    try:
        there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except PermissionError as error:
        raise UserError(
            f"folder {folder.name} may not be read by this user; change its permissions (chmod "
            f"u+rx)"
        ) from error
    files = _images(folder, there)
    module, function = _OPENERS[files[0].suffix.lower()]
    opener: Callable[..., StackFile] = getattr(import_module(module), function)
    chosen = {} if dataset is None else {"dataset": dataset}
    images = [opener(path, **chosen) for path in files]
    angles, axis, per_view, hint = _angles(folder, files, images, there)
    by_name = [a for a in angles if a.name == "file names"]
    order = list(range(len(files)))
    if sorting := by_name or [a for a in angles if a.own]:
        order = np.argsort(sorting[0].values_deg, kind="stable").tolist()
    images = [images[i] for i in order]
    _check_images(folder, images)
    first, last = images[0], images[-1]

    def fill(out: np.ndarray, keep: Sequence[int]) -> None:
        for k, view in enumerate(keep):
            images[view].fill(out[k : k + 1], [0])

    how = f"by the angles in their {'names' if by_name else 'headers'}" if sorting else "by name"
    return StackFile(
        folder,
        f"folder of {first.kind}",
        (len(images), *first.shape[1:]),
        fill,
        angles=tuple(replace(a, values_deg=a.values_deg[order]) for a in angles),
        pixels=first.pixels,
        notes=(f"{len(images)} files from {first.path.name} to {last.path.name}, sorted {how}",),
        axis=axis,
        per_view={name: [values[i] for i in order] for name, values in per_view.items()},
        hint=hint,
    )


def _images(folder: Path, there: Sequence[Path]) -> list[Path]:
    """The files of the first kind that the folder has, in natural order."""
    for kind in _KINDS:
        if files := [p for p in there if p.suffix.lower() in kind and p.is_file()]:
            return sorted(files, key=_natural)
    raise UserError(
        f"folder {folder.name} has no TIFF images in it ({_contents(there)}), one TIFF per tilt "
        "wanted (or DM3, DM4, MRC, EMD, SER, BCF); give the stack itself"
    )


def _check_images(folder: Path, images: Sequence[StackFile]) -> None:
    for image in images:
        if image.shape[0] != 1:
            raise UserError(
                f"{image.path.name} in {folder.name} has {image.shape[0]} images, one per tilt "
                f"wanted; give that stack itself, {folder.name}/{image.path.name}"
            )
    shapes: dict[tuple[int, int, int], str] = {}
    for image in images:
        shapes.setdefault(image.shape, image.path.name)
    if len(shapes) > 1:
        (a, first), (b, other) = list(shapes.items())[:2]
        raise UserError(
            f"{first} is {a[2]} x {a[1]} pixels but {other} is {b[2]} x {b[1]}, one size for all "
            "tilts wanted; remove the odd ones"
        )


Said = tuple[tuple[AngleSource, ...], AxisSource | None, Mapping[str, Sequence[object]], str]


def _angles(
    folder: Path, files: Sequence[Path], images: Sequence[StackFile], there: Sequence[Path]
) -> Said:
    """Everything that says the tilts of ``files``, in their order; the axis and what else an .mdoc
    says of each; why an .mdoc says nothing."""
    found = []
    names = angles_in_names([p.stem for p in files])
    if names is not None:
        found.append(AngleSource("file names", names, own=True))
    own = [image.angles[0].values_deg for image in images if image.angles]
    if len(own) == len(files) and all(values.size == 1 for values in own):
        name = images[0].angles[0].name
        found.append(AngleSource(f"{name} of each file", np.concatenate(own), own=True))
    axis, per_view, hint = None, {}, ""
    each = [p.with_name(f"{p.name}.mdoc") for p in files]
    if all(p.is_file() for p in each):
        mdocs = [read_mdoc(p) for p in each]
        tilts = [m.angles_deg for m in mdocs if m.angles_deg is not None and m.angles_deg.size == 1]
        if len(tilts) == len(files):
            found.append(AngleSource("an .mdoc a file", np.concatenate(tilts), own=True))
            axis = mdocs[0].axis
    elif len(inside := [p for p in there if p.suffix.lower() == ".mdoc"]) == 1:
        mdoc = read_mdoc(inside[0])
        sections = _sections_of(mdoc, files, by_order=names is None)
        if sections is None or mdoc.angles_deg is None:
            hint = f"{inside[0].name} in it {mdoc.why_no_angles or 'does not name these files'}"
        else:
            found.append(AngleSource(inside[0].name, mdoc.angles_deg[sections]))
            per_view = {k: [v[i] for i in sections] for k, v in mdoc.per_view.items()}
            axis = mdoc.axis
    return tuple(found), axis, per_view, hint


def _sections_of(mdoc: Mdoc, files: Sequence[Path], *, by_order: bool) -> list[int] | None:
    """The section of each file, by the frames' names that the .mdoc gives, else by number, since
    files are numbered as they were acquired; None where neither tells."""
    names = mdoc.frame_names
    for kind in (str.lower, lambda name: Path(name).stem.lower()):
        place = {kind(name): k for k, name in enumerate(names) if name}
        sections = [place.get(kind(path.name)) for path in files]
        if len(set(sections)) == len(files) and None not in sections:
            return [s for s in sections if s is not None]
    n = 0 if mdoc.angles_deg is None else mdoc.angles_deg.size
    return list(range(n)) if by_order and n == len(files) and not any(names) else None


def _natural(path: Path) -> list[tuple[int, float, str]]:
    """Sort key under which image_2 comes before image_10."""
    return [
        (0, float(t), "") if t.isdigit() else (1, 0.0, t)
        for t in re.split(r"(\d+)", path.name)
        if t
    ]


def _contents(there: Sequence[Path]) -> str:
    if not there:
        return "it is empty"
    kinds: dict[str, int] = {}
    for p in there:
        kind = "(folder)" if p.is_dir() else (p.suffix.lower() or "(no suffix)")
        kinds[kind] = kinds.get(kind, 0) + 1
    listed = sorted(kinds.items(), key=lambda item: -item[1])[:5]
    return "it holds " + ", ".join(f"{n} {kind}" for kind, n in listed)
