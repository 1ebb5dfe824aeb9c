"""``restored.png``: one view and one sinogram, as measured, as reconstructed, and what was taken
away or put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recon.geometry import nearest_to_zero
from recon.io.atomic import replacing
from recon.series import TiltSeries

Extent = tuple[float, float, float, float]


def draw_before_after(path: Path, measured: TiltSeries, restored: TiltSeries) -> None:
    """Write the picture. The view is the one nearest to zero tilt, the sinogram that of the row
    with most structure; what was taken away is shown where both have a view."""
    view = nearest_to_zero(measured.geometry)
    tilts, now = measured.geometry.angles_deg, restored.geometry.angles_deg
    row = int(measured.data.var(dim=(0, 2)).argmax())
    same = int(np.argmin(np.abs(now - tilts[view])))
    views = measured.data[view].numpy(force=True), restored.data[same].numpy(force=True)
    sinograms = (
        _by_tilt(measured.data[:, row].numpy(force=True), tilts),
        _by_tilt(restored.data[:, row].numpy(force=True), now),
    )
    figure = Figure(figsize=(15, 8.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    _three(axes[0], views, f"view at {tilts[view]:.1f}°", None)
    ends = [(float(t.min()), float(t.max())) for t in (tilts, now)]
    _three(axes[1], sinograms, f"sinogram of row {row}", ends)
    with replacing(path) as temporary:
        canvas.print_figure(str(temporary), format="png")


def _by_tilt(rows: np.ndarray, angles_deg: np.ndarray) -> np.ndarray:
    """(tilt, x) in order of tilt, the highest on top."""
    return rows[np.argsort(-angles_deg, kind="stable")]


def _three(
    axes: np.ndarray,
    pair: tuple[np.ndarray, np.ndarray],
    what: str,
    tilts_deg: list[tuple[float, float]] | None,
) -> None:
    low, high = np.quantile(pair[1], (0.001, 0.999))
    high = max(float(high), float(low) + 1e-12)
    extents = [_extent(p.shape, t) for p, t in zip(pair, tilts_deg or (None, None), strict=True)]
    for axis, image, extent, word in zip(
        axes, pair, extents, ("as measured", "as reconstructed"), strict=False
    ):
        _show(axis, image, extent, float(low), high)
        axis.set_title(f"{what}, {word}")
    if pair[0].shape == pair[1].shape:
        gone = pair[0] - pair[1]
        most = float(np.quantile(np.abs(gone), 0.995)) or 1.0
        _show(axes[2], gone, extents[0], -most, most)
        axes[2].set_title(f"taken away (black to white: ±{most:.3g})")
    else:
        axes[2].axis("off")
    for axis in axes:
        axis.set_xlabel("x / px")
        axis.set_ylabel("y / px" if tilts_deg is None else "tilt / deg")


def _extent(shape: tuple[int, ...], tilts_deg: tuple[float, float] | None) -> Extent:
    rows, columns = shape
    if tilts_deg is None:
        return (-0.5, columns - 0.5, rows - 0.5, -0.5)
    half = 0.5 * (tilts_deg[1] - tilts_deg[0]) / max(1, rows - 1) or 0.5
    return (-0.5, columns - 0.5, tilts_deg[0] - half, tilts_deg[1] + half)


def _show(axis: Axes, image: np.ndarray, extent: Extent, low: float, high: float) -> None:
    axis.imshow(
        image, cmap="gray", vmin=low, vmax=high, extent=extent, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
