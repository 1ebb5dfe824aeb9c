"""``preview.png``: what a microscopist looks at first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from warnings import catch_warnings, filterwarnings

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recon.geometry import Geometry, axis_in_view, centre, nearest_to_zero
from recon.io.atomic import replacing
from recon.run.recorded import Recorded
from recon.series import Slices


def write_preview(
    path: Path,
    *,
    title: str,
    slices: Slices,
    view: Recorded,
    solution: Geometry,
    before: np.ndarray,
    after: np.ndarray,
    angles_deg: np.ndarray,
    curve: list[float],
    view_residual: list[float],
    unit: str,
    warnings: Sequence[str] = (),
) -> None:
    """The view nearest to zero tilt with the tilt axis in it, orthoslices in one grey window, one
    row of the stack over the tilts before and after alignment, residuals.

    ``solution``: where the axis lies in ``view``.
    ``before``, ``after``: (tilt, x) sinograms of one row; ``curve``: relative residual per
    iteration; ``view_residual``: per view. ``warnings``: shown in red, the first three.
    """
    figure = Figure(figsize=(19, 9.5))
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12, y=0.985)
    # Margins by hand: matplotlib's own layout draws the figure three times.
    bottom = 0.06
    if warnings:
        said = [f"warning: {w}" for w in warnings[:3]]
        said += [f"and {len(warnings) - 3} more in run.json"] * (len(warnings) > 3)
        text = "\n".join(line for w in said for line in textwrap.wrap(w, 240)[:2])
        figure.supxlabel(text, color="red", fontsize=10, ha="left", x=0.01, y=0.008)
        bottom += 0.018 * (1 + text.count("\n"))
    grid = figure.subplots(2, 4)
    figure.subplots_adjust(0.04, bottom, 0.985, 0.92, wspace=0.27, hspace=0.4)
    _draw_view(grid[0, 0], view, solution)
    values = np.concatenate([s.ravel()[::7] for s in (slices.xy, slices.xz, slices.zy)])
    window = dict(zip(("vmin", "vmax"), np.quantile(values, (0.005, 0.998)), strict=True))
    window["vmax"] = max(window["vmax"], window["vmin"] + 1e-12)

    shown = (
        ("xy: across the beam, tilt axis vertical", slices.xy, "x", "y"),
        ("xz: across the tilt axis, beam vertical", slices.xz, "x", "z"),
        ("zy: along the tilt axis, beam vertical", slices.zy, "y", "z"),
    )
    for axes, (name, image, right, down) in zip(grid[0, 1:], shown, strict=True):
        mapped = axes.imshow(image, cmap="gray", interpolation="nearest", **window)
        axes.set(title=name, xlabel=f"{right} / px", ylabel=f"{down} / px")
    figure.colorbar(mapped, ax=grid[0, 1:].tolist(), shrink=0.8, label=f"grey value, {unit}")

    order = np.argsort(angles_deg)
    extent = (
        0.0,
        float(before.shape[1]),
        float(angles_deg[order[-1]]),
        float(angles_deg[order[0]]),
    )
    for axes, name, stack in ((grid[1, 0], "before", before), (grid[1, 1], "after", after)):
        axes.imshow(
            stack[order],
            cmap="gray",
            aspect="auto",
            extent=extent if name == "before" else (0.0, float(after.shape[1]), *extent[2:]),
        )
        axes.set(
            title=f"one row of the stack, {name} alignment", xlabel="x / px", ylabel="tilt / deg"
        )

    grid[1, 3].remove()
    axes = figure.add_subplot(grid[1, 2].get_gridspec()[1, 2:])
    grid[1, 2].remove()
    if len(curve) > 1:
        axes.semilogy(
            np.arange(1, len(curve) + 1),
            curve,
            color="tab:blue",
            label="over iterations (lower axis)",
        )
    axes.set(title="residual |y - Ax| / |y|", xlabel="iteration", ylabel="relative residual")
    over_tilt = axes.twiny()
    over_tilt.plot(
        angles_deg[order],
        np.asarray(view_residual)[order],
        ".",
        color="tab:orange",
        label="per view, at the end (upper axis)",
    )
    over_tilt.set_xlabel("tilt / deg")
    handles = [h for a in (axes, over_tilt) for h in a.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, loc="upper right", fontsize=8)
    with replacing(path) as temporary, catch_warnings():
        filterwarnings(
            "ignore", "Glyph .* missing"
        )  # a name in a script that the font lacks is shown as boxes
        canvas.print_png(temporary)  # type: ignore[no-untyped-call]


def _draw_view(axes: Axes, view: Recorded, solution: Geometry) -> None:
    number = nearest_to_zero(solution)
    n_y, n_x = view.shape
    frame = (-0.5, n_x - 0.5, n_y - 0.5, -0.5)
    axes.imshow(view.picture, cmap="gray", interpolation="nearest", extent=frame)
    (y, x), (dy, dx) = axis_in_view(solution, number)
    reach = np.array([-1.0, 1.0]) * np.hypot(n_y, n_x)
    axes.plot(centre(n_x) + x + dx * reach, centre(n_y) + y + dy * reach, color="tab:orange")
    axes.set(
        title=f"as recorded at {solution.angles_deg[number]:.1f} deg, tilt axis "
        f"{solution.axis_deg:.1f} deg",
        xlabel="column / px",
        ylabel="row / px",
        xlim=frame[:2],
        ylim=frame[2:],
    )
