"""The report's pictures: slices of all methods in one grey range, and Fourier magnitudes with the
missing wedge drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image

from recon.errors import UserError
from recon.io.mrc.planes import LARGEST_SIDE, Planes, read_header, read_planes, shrink
from recon.report.data import Run
from recon.report.plots import colour_of

MOST_PICTURED = 12  # runs; further ones are in the table only
MOST_SECTIONS = 64  # slider positions of an axis
PLANES_BYTES = 300_000_000  # of memory, for the planes of all volumes
PICTURE_BYTES = 12_000_000  # of all slices, in base64; the page stays below 15 MB
LOSSLESS = 100
# (every n-th section, in-plane reduction, JPEG quality), from the best down until it fits
LADDER = (
    (1, 1, LOSSLESS),
    (1, 1, 90),
    (1, 1, 80),
    (2, 1, 90),
    (2, 1, 80),
    (3, 1, 75),
    (3, 2, 80),
    (4, 4, 75),
    (4, 8, 50),
)


def pictures(runs: Sequence[Run]) -> tuple[dict[str, object], list[str]]:
    """Sheets of 8-bit slices in one grey range, and Fourier magnitudes; with notes on what could
    not be shown."""
    notes = []
    shown = runs[:MOST_PICTURED]
    if len(runs) > len(shown):
        notes.append(f"pictures show the first {len(shown)} of {len(runs)} methods")
    truth = next(
        (run.folder / "truth.mrc" for run in shown if (run.folder / "truth.mrc").exists()), None
    )
    wanted = [
        (run.label, run.folder / "tomogram.mrc", colour_of(i), run) for i, run in enumerate(shown)
    ]
    if truth is not None:
        wanted.append(("truth", truth, "#222222", shown[0]))
    count = _sections_held([path for _, path, *_ in wanted])
    pictured: list[tuple[str, str, Run, Planes]] = []
    for label, path, colour, run in wanted:
        try:
            pictured.append((label, colour, run, read_planes(path, count)))
        except (OSError, UserError) as error:
            notes.append(f"{label} is not pictured: {error}")
    if not pictured:
        return {"methods": [], "window": [0.0, 1.0, 0.0, 1.0]}, notes

    window = _window([planes for *_, planes in pictured])
    sheets, every, how = _sheets([planes for *_, planes in pictured], window)
    notes += [how] if how else []
    spectra, decades = _spectra([planes.middle_xz for *_, planes in pictured])
    methods = [
        {
            "label": label,
            "known": label == "truth",
            "colour": colour,
            "shape": planes.shape,
            "voxel_nm": run.record.voxel_nm,
            "at": {
                axis: at[every // 2 :: every] if len(at) > every else at[:1]
                for axis, at in planes.at.items()
            },
            "sheets": sheet,
            "fourier": spectrum,
            "wedge": wedge_lines(run.angles_deg),
        }
        for (label, colour, run, planes), sheet, spectrum in zip(
            pictured, sheets, spectra, strict=True
        )
    ]
    return {
        "methods": methods,
        "window": window,
        "unit": pictured[0][2].record.grey_unit,
        "decades": f"{decades:.2g}",
    }, notes


def _sections_held(paths: Sequence[Path]) -> int:
    """How many sections an axis may have for the planes of all volumes to be held in
    ``PLANES_BYTES``."""
    held = 0
    for path in paths:
        try:
            z, y, x = (min(n, LARGEST_SIDE) for n in read_header(path).shape)
        except (OSError, UserError):  # said when it is read
            continue
        held += 4 * (z * y + y * x + z * x)
    return min(MOST_SECTIONS, max(12, PLANES_BYTES // max(1, held)))


def _window(all_planes: Sequence[Planes]) -> list[float]:
    """Grey values of 8-bit 0 and 255, then of black and white at first: the median over the methods
    of each one's 0.5 and 99.8 %."""
    values = [
        np.concatenate([p.ravel()[:: max(1, p.size // 200_000)] for p in planes.planes.values()])
        for planes in all_planes
    ]
    ends = np.array([np.quantile(v, (0.0005, 0.005, 0.998, 0.9999)) for v in values])
    low, high = float(ends[:, 0].min()), float(ends[:, 3].max())
    black, white = np.median(ends[:, 1:3], axis=0)
    # One method's outliers must not coarsen the greys of all.
    span = max(float(white - black), 1e-12 * max(1.0, abs(float(white))))
    low, high = max(low, float(black) - span), min(high, float(white) + span)
    return [low, max(high, low + span), float(black), float(max(white, black + span))]


def _sheets(
    all_planes: Sequence[Planes], window: Sequence[float]
) -> tuple[list[dict[str, object]], int, str]:
    """For each volume and axis one picture that holds its sections in rows of eight, as good as
    ``PICTURE_BYTES`` allow.

    Returns them, every how many-th section was kept, and a note on what was given up.
    """
    low, high = window[:2]
    grey = [
        {
            axis: np.rint(255 * np.clip((p - low) / (high - low), 0, 1)).astype(np.uint8)
            for axis, p in planes.planes.items()
        }
        for planes in all_planes
    ]
    for every, reduction, quality in LADDER:
        left, sheets = PICTURE_BYTES, []
        for planes in grey:
            sheets.append(
                {
                    axis: _sheet(
                        p[every // 2 :: every] if p.shape[0] > every else p[:1], quality, reduction
                    )
                    for axis, p in planes.items()
                }
            )
            left -= sum(len(str(sheet["picture"])) for sheet in sheets[-1].values())
            if left < 0:
                break
        else:
            break
    how = [] if quality == LOSSLESS else [f"compressed (JPEG, quality {quality})"]
    how += [f"reduced to at most {LARGEST_SIDE // reduction} pixels"] if reduction > 1 else []
    return (
        [dict(s) for s in sheets],
        every,
        f"slices are {' and '.join(how)}: read fine detail from tomogram.mrc" if how else "",
    )


def _sheet(planes: np.ndarray, quality: int, reduction: int) -> dict[str, object]:
    """``planes``: (section, down, right) uint8. Tiles are padded to multiples of 8 so that JPEG
    blocks do not mix two."""
    if reduction > 1:
        steps = [min(reduction, n) for n in planes.shape[1:]]
        planes = np.stack([shrink(p, *steps) for p in planes]).astype(np.uint8)
    count, height, width = planes.shape
    columns = min(8, count)
    tile_h, tile_w = -(-height // 8) * 8, -(-width // 8) * 8
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, tile_h, tile_w), np.uint8)
    padded[:count] = np.pad(
        planes, ((0, 0), (0, tile_h - height), (0, tile_w - width)), mode="edge"
    )
    sheet = (
        padded.reshape(rows, columns, tile_h, tile_w)
        .swapaxes(1, 2)
        .reshape(rows * tile_h, columns * tile_w)
    )
    return {
        "picture": encode(sheet, quality),
        "columns": columns,
        "tile": [tile_w, tile_h],
        "size": [width, height],
    }


def encode(picture: np.ndarray, quality: int) -> str:
    """A data URI of 8-bit greys (down, right): PNG, or JPEG of that quality."""
    return _encode(Image.fromarray(picture), quality)


def _encode(image: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    kind = "png" if quality == LOSSLESS else "jpeg"
    image.save(buffer, kind, **({} if quality == LOSSLESS else {"quality": quality}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _spectra(slices: Sequence[np.ndarray]) -> tuple[list[str], float]:
    """log |F| of each (z, x) slice in one range of colours, and that range in decades.

    k_x to the right, k_z down, 0 in the middle, +-0.5 cycles per voxel at the edges.
    """
    logs = []
    for image in slices:
        window = np.outer(
            np.hanning(image.shape[0] + 2)[1:-1], np.hanning(image.shape[1] + 2)[1:-1]
        )
        power = np.abs(np.fft.fftshift(np.fft.fft2((image - image.mean()) * window))) ** 2
        power = shrink(power, *(-(-n // LARGEST_SIDE) for n in power.shape))
        logs.append(0.5 * np.log10(np.maximum(power / image.size**2, 1e-60)))
    top = max(float(log.max()) for log in logs)
    decades = float(np.clip(top - min(np.quantile(log, 0.05) for log in logs), 3, 6))
    palette = (255 * colormaps["magma"](np.arange(256))[:, :3]).astype(np.uint8).tobytes()
    images = [
        Image.fromarray(np.clip(255 * (1 + (log - top) / decades), 0, 255).astype(np.uint8))
        for log in logs
    ]
    for indexed in images:
        indexed.putpalette(palette)
    return [_encode(image, LOSSLESS) for image in images], decades


def wedge_edges(angles_deg: np.ndarray) -> tuple[float, float] | None:
    """Directions (k_z over k_x, degrees in [0, 360)) between which nothing was measured; None where
    the views go all the way round.

    A view at tilt t measures the line (k_z, k_x) = (sin t, cos t), so the wedge is the largest gap
    between tilts modulo 180.
    """
    turned = np.unique(np.round(np.mod(angles_deg[np.isfinite(angles_deg)], 180.0), 6))
    if turned.size < 2:
        return None
    gaps = np.diff(np.concatenate([turned, turned[:1] + 180.0]))
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 1.5 * float(np.median(np.delete(gaps, widest))):
        return None
    return float(turned[widest]), float(turned[widest] + gaps[widest])


def wedge_lines(angles_deg: np.ndarray) -> dict[str, object] | None:
    """The two edges, from corner to corner of a square of +-0.5 (x to the right, z down), and the
    two triangles between them."""
    edges = wedge_edges(angles_deg)
    if edges is None:
        return None
    ends = [_to_border(angle) for angle in edges]
    # The border of the square between the two ends, a degree at a time.
    arc = [_to_border(angle) for angle in np.linspace(*edges, 2 + int(edges[1] - edges[0]))]
    opposite = [(-x, -z) for x, z in arc]
    path = "".join(
        "M0 0 " + " ".join(f"L{x:.4f} {z:.4f}" for x, z in side) + "Z" for side in (arc, opposite)
    )
    return {
        "lines": [[-x, -z, x, z] for x, z in ends],
        "path": path,
        "width_deg": edges[1] - edges[0],
    }


def _to_border(angle_deg: float) -> tuple[float, float]:
    """Where the direction (k_z, k_x) = (sin, cos) meets the border of the square, as (x, z)."""
    x, z = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    scale = 0.5 / max(abs(x), abs(z))
    return round(float(x * scale), 6), round(float(z * scale), 6)
