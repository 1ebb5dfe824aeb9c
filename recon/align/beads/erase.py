"""Beads painted out: the level around each, with the noise around it."""

from __future__ import annotations

import numpy as np

from recon.align.beads.profile import Profile
from recon.geometry import centre
from recon.progress import track_each

RADIUS, RING = (
    0.75,
    1.15,
)  # diameters: what is painted, and the outer edge of the ring it is taken from


def erase_beads(
    stack: np.ndarray, position_px: np.ndarray, profile: Profile, *, seed: int = 0
) -> np.ndarray:
    """(tilt, y, x) without the beads at ``position_px`` (tilt, bead, 2), (y, x) from the centre of
    the views.

    Inside ``RADIUS`` a plane fitted to the ring around (other beads left out) plus Gaussian noise
    of the ring's own spread about it.
    """
    out, rng = stack.copy(), np.random.default_rng(seed)
    shape = np.array(stack.shape[1:])
    index = position_px + [centre(int(n)) for n in shape]
    inner, outer = RADIUS * profile.diameter_px, RING * profile.diameter_px
    views = list(zip(stack, index, strict=True))
    for view, (image, beads) in enumerate(track_each("painting beads out", views)):
        beads = beads[((beads > -inner) & (beads < shape - 1 + inner)).all(1)]
        hidden = np.zeros(image.shape, bool)
        for at in beads:
            part, radius = _cut_around(at, inner, image.shape)
            hidden[part] |= radius <= inner
        for at in beads:
            part, radius = _cut_around(at, outer, image.shape)
            ring = (radius > inner) & (radius <= outer) & ~hidden[part]
            inside = radius <= inner
            if ring.sum() < 8 or not inside.any():
                continue
            y, x = np.indices(radius.shape)
            design = np.stack([np.ones_like(radius), y, x], axis=-1)
            plane, *_ = np.linalg.lstsq(design[ring], image[part][ring], rcond=None)
            spread = float((image[part][ring] - design[ring] @ plane).std())
            out[view][part][inside] = design[inside] @ plane + spread * rng.normal(
                size=int(inside.sum())
            )
    return out


def _cut_around(
    at: np.ndarray, reach: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], np.ndarray]:
    """(slices of the part of the frame within ``reach``, distance of its pixels from ``at``)."""
    low = [max(0, int(np.floor(c - reach))) for c in at]
    high = [min(n, int(np.ceil(c + reach)) + 1) for c, n in zip(at, shape, strict=True)]
    y, x = (np.arange(a, max(a, b)) - c for a, b, c in zip(low, high, at, strict=True))
    return tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True)), np.hypot(
        y[:, None], x
    )
