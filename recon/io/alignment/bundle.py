"""A solved bundle adjustment as the files that other programs read, all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recon.align.bundle.result import Bundle
from recon.align.bundle.to_aligned import to_aligned
from recon.align.bundle.tracks import Tracks
from recon.io.alignment.aretomo import write_aln
from recon.io.alignment.imod import write_tlt, write_xf
from recon.io.alignment.tracks import read_points, write_points, write_xyz


def write_bundle(
    folder: Path, stem: str, bundle: Bundle, shape: tuple[int, int], *, bin: int = 1
) -> tuple[Path, ...]:
    """``stem.xf``, ``.tlt``, ``.xyz`` and ``.fid.txt`` for IMOD, ``.aln`` for AreTomo; returns
    their paths.

    ``shape``: (y, x) of the raw images. ``bin``: by how much the pixels that the tracks were found
    in are larger than raw ones. The .fid text holds the observations that were used, and becomes a
    model with ``point2model``. Raises ``UserError`` when a file cannot be written.
    """
    affine = to_aligned(bundle.cameras, bundle.beads_px)
    # IMOD's matrices and shifts act on (x, y), ours on (y, x): both axes reversed.
    matrices, shifts = affine.matrices[:, ::-1, ::-1], affine.shifts_px[:, ::-1] * bin
    pixel_nm = None if bundle.pixel_nm is None else bundle.pixel_nm / bin
    used = bundle.tracks.keep(bundle.used)
    paths = tuple(
        folder / f"{stem}{suffix}" for suffix in (".xf", ".tlt", ".xyz", ".fid.txt", ".aln")
    )
    write_xf(paths[0], matrices, shifts)
    write_tlt(paths[1], affine.angles_deg)
    write_xyz(paths[2], bundle.beads_px * bin, shape, pixel_nm, bundle.beads)
    write_points(paths[3], used.bead, used.view, used.position_px * bin, shape)
    write_aln(paths[4], matrices, shifts, affine.angles_deg, (shape[1], shape[0], len(shifts)))
    return paths


def read_tracks(path: Path, shape: tuple[int, int], n_views: int) -> Tracks:
    """Tracks from the text of an IMOD fiducial model (``model2point -contour``) of a series of
    ``n_views`` images of ``shape`` (y, x).

    Contours without points keep their numbers. Raises ``UserError`` for other text and for views
    that the series does not have.
    """
    bead, view, position = read_points(path, shape)
    return Tracks(bead, view, np.ascontiguousarray(position), n_views)
