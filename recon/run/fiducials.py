"""What ``align=fiducial`` leaves beside the tomogram: beads and tracks as IMOD's text, and a
picture of both."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from recon.align.found import BeadTracks
from recon.geometry import centre
from recon.io.alignment.tracks import write_points, write_xyz
from recon.io.atomic import replacing

FIDUCIAL_FILES = ("fiducials.xyz", "fiducials.txt", "fiducials.png")
# of the frame's width: mean length that residuals are drawn with, 10, 20, ... times as long as they
# are
SHORTEST = 0.015


def write_fiducials(out: Path, found: BeadTracks, pixel_nm: float | None, factor: int) -> None:
    """``fiducials.xyz`` (3-D positions), ``fiducials.txt`` (tracks: ``point2model`` makes a .fid of
    it), both in raw pixels, and a picture.

    ``found``: in pixels binned by ``factor``.
    """
    shape = tuple(int(n) * factor for n in found.picture.shape)
    raw_nm = None if pixel_nm is None else pixel_nm / factor
    write_xyz(
        out / "fiducials.xyz",
        found.beads_px * factor,
        (shape[0], shape[1]),
        raw_nm,
        found.beads,
    )
    write_points(
        out / "fiducials.txt",
        found.bead,
        found.view,
        found.position_px * factor,
        (shape[0], shape[1]),
    )
    with replacing(out / "fiducials.png") as temporary:
        draw_fiducials(temporary, found)


def draw_fiducials(path: Path, found: BeadTracks) -> None:
    """Two pictures of the view at the lowest tilt: the beads' way through the views, and their
    residuals, many times as long."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    view, middle = found.picture, found.picture_view
    at = found.position_px[:, ::-1] + [centre(view.shape[1]), centre(view.shape[0])]  # (x, y)
    low, high = np.quantile(view, [0.01, 0.99])
    figure = Figure(figsize=(13, 6.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2)
    n_views = int(found.view.max()) + 1
    for axis in axes:
        axis.imshow(
            view,
            cmap="gray" if found.sign > 0 else "gray_r",
            vmin=low,
            vmax=high,
            interpolation="nearest",
        )
        axis.set_axis_off()
    lines, colours = [], []
    for bead in np.unique(found.bead):
        mine = np.flatnonzero(found.bead == bead)
        mine = mine[np.argsort(found.view[mine])]
        lines += [at[[a, b]] for a, b in itertools.pairwise(mine)]
        colours += list(found.view[mine[1:]])
    axes[0].add_collection(
        LineCollection(
            lines, array=np.array(colours), cmap="viridis", clim=(0, n_views - 1), linewidths=0.8
        )
    )
    here = found.view == middle
    axes[0].scatter(*at[here].T, s=60, facecolors="none", edgecolors="#ff5533", linewidths=0.9)
    axes[0].set_title(
        f"{len(np.unique(found.bead))} beads through {n_views} views, on view {middle}",
        fontsize=10,
    )
    mean = float(np.hypot(*found.residual_px.T).mean())
    times = 10 * int(np.clip(np.ceil(SHORTEST * view.shape[1] / (10 * max(mean, 1e-9))), 1, 20))
    ends = at + times * found.residual_px[:, ::-1]
    shown = LineCollection(
        list(np.stack([at, ends], axis=1)),
        array=found.view,
        cmap="viridis",
        clim=(0, n_views - 1),
        linewidths=0.8,
    )
    axes[1].add_collection(shown)
    axes[1].set_title(
        f"seen minus predicted, {times} times as long; mean {mean:.3f} px", fontsize=10
    )
    figure.colorbar(shown, ax=axes, shrink=0.6, label="view")
    figure.savefig(path, format="png")
