"""Simulated patch tracks of one thin layer: short, with errors that drift along a track.

``python -m tests.align.bundle.thin_layer`` prints how far ``choose`` ends from the truth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from recon.align.bundle.choose import choose
from recon.align.bundle.model import MAGNIFICATION, ROTATION, TILT, Cameras, X, Y, nominal, project
from recon.align.bundle.result import Bundle
from recon.align.bundle.tracks import Tracks


@dataclass(frozen=True)
class Layer:
    """``n_tracks`` points within ``thick_px`` of a plane that leans by ``lean_deg`` about x, in a
    square field of ``field_px``; each is seen in ``short`` to ``long`` views in a row.

    ``broken``: ``n_tracks`` patches seen in all views, each cut into pieces that overlap by a
    third, as IMOD cuts them: a piece is a track. ``noise_px``: of a coordinate, in each view for
    itself; ``drift_px``: of the step of a random walk from the view at the lowest tilt outward,
    alike in tracks nearer than ``alike`` of the field (patches overlap, and the layer itself moves)
    ``outliers``: part of the
    observations that are 5 to 20 px off. ``tilt_error_deg``: rms, smooth. ``rotation_deg``,
    ``magnification``: amplitudes of slow changes.
    """

    n_tracks: int = 45
    n_views: int = 51
    short: int = 5
    long: int = 15
    broken: bool = False
    field_px: float = 800.0
    thick_px: float = 4.0
    lean_deg: float = 0.0
    axis_deg: float = 85.0
    noise_px: float = 0.5
    drift_px: float = 0.1
    alike: float = 0.0
    outliers: float = 0.03
    tilt_error_deg: float = 0.0
    rotation_deg: float = 0.0
    magnification: float = 0.0

    def tilts(self) -> np.ndarray:
        return np.linspace(-60.0, 60.0, self.n_views)

    def simulate(self, seed: int) -> tuple[Tracks, Cameras]:
        rng = np.random.default_rng(seed)
        tilts, n = self.tilts(), self.n_views
        p = nominal(tilts, self.axis_deg).parameters.copy()
        p[:, [X, Y]] = np.cumsum(rng.normal(0, 3, (n, 2)), axis=0)
        phase, along = rng.uniform(0, 2 * np.pi, 3), np.linspace(0, 2 * np.pi, n)
        waves = np.sin(along[:, None] * [1.0, 0.7, 0.8] + phase)
        waves -= waves.mean(0)
        waves /= np.sqrt((waves**2).mean(0))
        p[:, TILT] += np.deg2rad(self.tilt_error_deg) * waves[:, 0]
        p[:, ROTATION] += np.deg2rad(self.rotation_deg) * waves[:, 1]
        p[:, MAGNIFICATION] += self.magnification * waves[:, 2]
        cameras = Cameras(p)
        spans = self._spans(rng)
        places = rng.uniform(-0.5, 0.5, (self.n_tracks, 2)) * self.field_px  # (y, x)
        height = self.thick_px * rng.uniform(-1, 1, self.n_tracks)
        height += np.tan(np.deg2rad(self.lean_deg)) * places[:, 0]
        seen = project(cameras, np.column_stack([height, places]))
        seen = seen + self._drift(places, rng)
        bead, view, position = [], [], []
        for number, (patch, first, last) in enumerate(spans):
            views = np.arange(first, last)
            here = seen[views, patch] + rng.normal(0, self.noise_px, (len(views), 2))
            wrong = rng.uniform(size=len(views)) < self.outliers
            turn = rng.uniform(0, 2 * np.pi, len(views))
            far = rng.uniform(5, 20, len(views))[:, None] * np.stack(
                [np.sin(turn), np.cos(turn)], 1
            )
            bead.append(np.full(len(views), number))
            view.append(views)
            position.append(here + np.where(wrong[:, None], far, 0))
        return (
            Tracks(np.concatenate(bead), np.concatenate(view), np.concatenate(position), n),
            cameras,
        )

    def _drift(self, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(view, patch, 2) the random walks."""
        n, middle = self.n_views, self.n_views // 2
        step = self.drift_px * rng.normal(size=(n, self.n_tracks, 2))
        if self.alike > 0:
            apart = np.linalg.norm(places[:, None] - places[None], axis=2)
            cover = np.exp(-((apart / (self.alike * self.field_px)) ** 2) / 2)
            values, vectors = np.linalg.eigh(cover)
            root = vectors * np.sqrt(np.maximum(values, 0))
            step = np.einsum("pq,vqc->vpc", root, step)
        outward = np.cumsum(step[middle:], axis=0), np.cumsum(step[: middle + 1][::-1], axis=0)
        return np.concatenate([outward[1][:0:-1], outward[0]])

    def _spans(self, rng: np.random.Generator) -> list[tuple[int, int, int]]:
        """(patch, first view, view after the last) of every track."""
        spans = []
        for patch in range(self.n_tracks):
            if not self.broken:
                length = int(rng.integers(self.short, self.long + 1))
                # from beyond the ends too, so that these have as many tracks as the middle
                first = int(rng.integers(-length // 2, self.n_views - length // 2))
                first = min(max(first, 0), self.n_views - length)
                spans.append((patch, first, first + length))
                continue
            first = -int(rng.integers(0, self.long))
            while first < self.n_views - self.short:
                length = int(rng.integers(self.short, self.long + 1))
                a, b = max(first, 0), min(first + length, self.n_views)
                if b - a >= self.short:
                    spans.append((patch, a, b))
                first += max(length - length // 3, 1)
        return spans


def axis_error_deg(found: Bundle, true: Cameras) -> float:
    """Of the mean over views; an axis and the opposite one are the same."""
    apart = found.axis_deg - float(true.rotation_deg.mean())
    return float((apart + 90) % 180 - 90)


def tilt_error_deg(found: Bundle, true: Cameras) -> float:
    """rms over views, the mean taken off: no track tells it."""
    apart = found.cameras.tilt_deg - true.tilt_deg
    return float(np.std(apart))


CASES = {
    "45 tracks, 51 views": Layer(),
    "30 tracks, 41 views, .3 px": Layer(30, 41, noise_px=0.3),
    "60 tracks, 61 views, 1 px": Layer(60, 61, noise_px=1.0),
    "drift .3 px a view": Layer(60, 41, noise_px=0.3, drift_px=0.3),
    "40 patches cut": Layer(40, 61, broken=True, axis_deg=-5.0),
    "40 patches cut, drift .3": Layer(40, 61, broken=True, noise_px=0.3, drift_px=0.3),
    "plane leans 5 deg, 500 px": Layer(45, 51, field_px=500.0, lean_deg=5.0, axis_deg=-5.0),
    "tilts .3 deg wrong": Layer(60, 41, tilt_error_deg=0.3),
    "tilts wrong, cut": Layer(40, 61, broken=True, tilt_error_deg=0.3, drift_px=0.2),
    "rotation .3 deg, mag .5 %": Layer(60, 41, rotation_deg=0.3, magnification=0.005),
    "alike within .2, .1 px": Layer(60, 61, alike=0.2, noise_px=0.3),
    "alike within .2, .2 px": Layer(60, 61, alike=0.2, noise_px=0.3, drift_px=0.2),
    "alike within .2, cut": Layer(40, 61, broken=True, alike=0.2, noise_px=0.3, axis_deg=-5.0),
    "alike within .2, cut, .2 px": Layer(
        40, 61, broken=True, alike=0.2, noise_px=0.3, drift_px=0.2
    ),
    "alike within .4, cut, .3 px": Layer(
        30, 41, broken=True, alike=0.4, noise_px=0.3, drift_px=0.3
    ),
    "all wrong, alike, cut": Layer(
        40, 61, broken=True, tilt_error_deg=0.3, rotation_deg=0.3, magnification=0.005,
        drift_px=0.1, axis_deg=-5.0, alike=0.2, noise_px=0.3,
    ),
    "all wrong, cut": Layer(
        40, 61, broken=True, tilt_error_deg=0.3, rotation_deg=0.3, magnification=0.005,
        drift_px=0.2, axis_deg=-5.0,
    ),
}  # fmt: skip


def main(seeds: int, part: str) -> None:
    print(f"{'case':28s} seed   axis   tilt  rejected  solved for")
    for name, layer in CASES.items():
        for seed in range(seeds if part in name else 0):
            tracks, true = layer.simulate(seed)
            found, _ = choose(tracks, layer.tilts())
            print(
                f"{name:28s} {seed:4d} {axis_error_deg(found, true):6.2f} "
                f"{tilt_error_deg(found, true):6.2f} {100 * (1 - found.used.mean()):6.1f} %  "
                f"{found.said()}",
                *(note for note in found.notes if "determine" in note),
                sep="; ",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, "".join(sys.argv[2:3]))
