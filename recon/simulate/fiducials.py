"""Gold beads on the two faces of a film: where they lie, where every view shows them, and the
matter that its rays meet in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from recon.errors import UserError
from recon.geometry import Geometry
from recon.simulate.applied import Applied, Fiducials, recorded_positions


@dataclass(frozen=True)
class Beads:
    """``count``: beads in the field; 0 for none. ``diameter_nm`` varies log-normally by ``spread``
    (standard deviation of its log).

    ``layer_nm``: distance of the two faces that carry them, which half of them each lie on; None:
    0.8 of the specimen's box. ``density``: of the beads, where the specimen's is 1. ``clustered``:
    share of the beads that touch another one, as dried gold does.
    """

    count: int = 0
    diameter_nm: float = 10.0
    spread: float = 0.05
    layer_nm: float | None = None
    density: float = 1.0
    clustered: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.count <= 5000:
            raise UserError(f"beads.count={self.count} given, 0 to 5000 wanted")
        if not (math.isfinite(self.diameter_nm) and self.diameter_nm > 0):
            raise UserError(
                f"beads.diameter_nm={self.diameter_nm} given, a positive length wanted; 5 to 20 nm "
                f"are usual"
            )
        if not 0 <= self.spread <= 0.5 or not 0 <= self.clustered <= 1:
            raise UserError(
                f"beads.spread={self.spread}, beads.clustered={self.clustered} given, 0 to 0.5 and "
                f"0 to 1 wanted"
            )
        if not self.density >= 0 or (self.layer_nm is not None and not self.layer_nm >= 0):
            raise UserError(
                f"beads.density={self.density}, beads.layer_nm={self.layer_nm} given, numbers >= 0 "
                f"wanted"
            )


def place(
    beads: Beads, layer_nm: float, field_nm: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """((bead, 3) centres (z, y, x) in nm, (bead,) diameters in nm) on the faces z = +-``layer_nm``
    / 2 of a ``field_nm`` (y, x) film.

    They stand on it, half on either face, at random but 1.6 diameters apart; a clustered one
    touches an earlier one of its face.

    Raises ``UserError`` when they find no room.
    """
    diameters = beads.diameter_nm * np.exp(beads.spread * rng.normal(size=beads.count))
    limits = np.array(field_nm) / 2
    placed = np.empty((0, 3))
    for k, diameter in enumerate(diameters):
        side = 1 if k % 2 else -1
        z = side * (layer_nm + diameter) / 2
        mine = np.flatnonzero(np.sign(placed[:, 0]) == side)
        joins = mine.size > 0 and rng.random() < beads.clustered
        for _ in range(1000):
            at = rng.uniform(-limits, limits)
            gaps = 0.8 * (diameters[mine] + diameter)
            if joins:
                host = int(rng.choice(mine))
                way = rng.uniform(0, 2 * np.pi)
                # Two spheres on one plane touch when their feet are sqrt(d1 d2) apart.
                at = placed[host, 1:] + np.sqrt(diameters[host] * diameter) * np.array(
                    [np.cos(way), np.sin(way)]
                )
                gaps = np.sqrt(diameters[mine] * diameter) * (1 - 1e-9)
            if np.all(np.abs(at) <= limits) and np.all(
                np.hypot(*(placed[mine, 1:] - at).T) >= gaps
            ):
                break
        else:
            raise UserError(
                f"{beads.count} beads of {beads.diameter_nm:g} nm given for a film of "
                f"{field_nm[0]:g} x {field_nm[1]:g} nm, fewer or smaller "
                "ones wanted: they find no room"
            )
        placed = np.vstack([placed, [z, *at]])
    return placed, diameters


def track(
    positions_nm: np.ndarray,
    diameters_nm: np.ndarray,
    diameter_nm: float,
    geometry: Geometry,
    applied: Applied,
    shape: tuple[int, int],
) -> Fiducials:
    """Where beads at ``positions_nm`` (bead, 3) are in every view of ``shape`` (y, x) pixels; no
    bar hides any."""
    tracks = recorded_positions(positions_nm, geometry, applied, shape)
    inside = np.asarray(((tracks > -0.5) & (tracks < np.array(shape) - 0.5)).all(2))
    pixel = 1.0 if geometry.pixel_nm is None else geometry.pixel_nm
    return Fiducials(
        positions_nm,
        tracks,
        inside,
        _overlaps(tracks, diameters_nm / pixel),
        diameters_nm,
        diameter_nm,
    )


def hide_beads(fiducials: Fiducials, passed: np.ndarray) -> Fiducials:
    """The same, less what lies in shadow: where less than half of the beam ``passed`` (tilt, y, x)
    at a bead's centre."""
    limits = np.array(passed.shape[1:])
    index = np.clip(np.rint(fiducials.tracks_px).astype(int), 0, limits - 1)
    bright = passed[np.arange(len(passed))[:, None], index[..., 0], index[..., 1]] > 0.5
    return replace(fiducials, visible=fiducials.visible & bright)


def _overlaps(tracks_px: np.ndarray, diameters_px: np.ndarray) -> np.ndarray:
    touching = (diameters_px[:, None] + diameters_px) / 2
    np.fill_diagonal(touching, -1.0)
    distance = np.linalg.norm(tracks_px[:, :, None] - tracks_px[:, None], axis=-1)
    return np.asarray((distance < touching).any(2))


def bead_chords(
    shape: tuple[int, int], centres_px: np.ndarray, diameters_px: np.ndarray
) -> np.ndarray:
    """(y, x) length in pixels that each ray runs in spheres at ``centres_px`` (bead, 2) as (row,
    column); overlapping ones add up.

    Chords 2 sqrt(R^2 - r^2), averaged over each pixel's area: points 1/8 of a pixel or 1/20 of a
    diameter apart, whichever is finer.
    """
    out = np.zeros(shape)
    for at, diameter in zip(centres_px, diameters_px, strict=True):
        low = np.maximum(np.ceil(at - diameter / 2 - 0.5), 0).astype(int)
        high = np.minimum(np.floor(at + diameter / 2 + 0.5) + 1, shape).astype(int)
        if (low >= high).any():
            continue
        fine = max(8, math.ceil(20 / diameter))
        row, column = (
            (np.arange(a * fine, b * fine) + 0.5) / fine - 0.5 - c
            for a, b, c in zip(low, high, at, strict=True)
        )
        chord = 2 * np.sqrt(np.maximum(diameter**2 / 4 - row[:, None] ** 2 - column**2, 0))
        part = chord.reshape(high[0] - low[0], fine, high[1] - low[1], fine).mean((1, 3))
        out[low[0] : high[0], low[1] : high[1]] += part
    return out


def bead_voxels(
    shape: tuple[int, int, int], centres_px: np.ndarray, diameters_px: np.ndarray, fine: int = 4
) -> np.ndarray:
    """(z, y, x) float32 share of every voxel that beads fill; ``centres_px``: (bead, 3) from the
    volume's centre."""
    out = np.zeros(shape, np.float32)
    middle = (np.array(shape) - 1) / 2
    for at, diameter in zip(centres_px + middle, diameters_px, strict=True):
        low = np.maximum(np.ceil(at - diameter / 2 - 0.5), 0).astype(int)
        high = np.minimum(np.floor(at + diameter / 2 + 0.5) + 1, shape).astype(int)
        if (low >= high).any():
            continue
        z, y, x = (
            (np.arange(a * fine, b * fine) + 0.5) / fine - 0.5 - c
            for a, b, c in zip(low, high, at, strict=True)
        )
        inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= diameter**2 / 4
        split = [n for a, b in zip(low, high, strict=True) for n in (b - a, fine)]
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        out[box] = np.minimum(out[box] + inside.reshape(split).mean((1, 3, 5)), 1)
    return out
