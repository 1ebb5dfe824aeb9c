"""Parts of views that a grid bar, the holder or an aperture keeps the beam from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from recon.algorithms.noise import noise_sigma
from recon.preprocess.bad_views import FEWEST, in_file, small_pictures
from recon.series import TiltSeries

DARK = 0.25  # of what was there before is left in a shadow
LEAST = 0.08  # of the matter in view; less may be a specimen that moved
AREA = 0.06  # of the frame; a narrower one does no harm
EXACT = 0.02  # of the matter may lie on the wrong side of the shadow's edge
# What lies in vacuum may have moved out of it: only where matter, or a bright background, covered
# this part of a shadow before is its absence no matter of doubt.
COVERED = 0.8
GAINED = 0.3  # of what was lost here and is found elsewhere, the specimen moved
SLOPES = np.linspace(-0.2, 0.2, 9)  # of the shadow's edge against the border of the frame
_LISTED = 12


@dataclass(frozen=True)
class Shadow:
    """All blocks whose ``along - slope * across`` is at or beyond ``edge``, counted inwards from
    the border. ``side``: quarter turns that bring that border to row 0."""

    side: int
    slope: float
    edge: float

    def mask(self, shape: tuple[int, int], block: tuple[float, float]) -> np.ndarray:
        """(y, x) True in shadow, for a frame of ``shape`` in blocks of ``block`` pixels; a block
        wider, since the edge lies within one."""
        turned = shape if self.side % 2 == 0 else shape[::-1]
        size = block if self.side % 2 == 0 else block[::-1]
        v, u = ((np.arange(n) + 0.5) / b for n, b in zip(turned, size, strict=True))
        dark = v[:, None] - self.slope * u[None] <= self.edge + 1.5
        return np.rot90(dark, -self.side)


def with_masked_shadows(series: TiltSeries) -> TiltSeries:
    """What lies in shadow was not measured: its precision is 0, and it is filled from the nearest
    view without one, for what needs a whole picture. Says which views."""
    stack, angles = series.data.numpy(), series.geometry.angles_deg
    found = shadows(stack, angles)
    if not found:
        return series
    data = stack.copy()
    measured = torch.ones(stack.shape) if series.precision is None else series.precision.clone()
    small = small_pictures(stack[:1]).shape[1:]
    block = tuple(n / s for n, s in zip(stack.shape[1:], small, strict=True))
    whole = [k for k in range(len(stack)) if k not in found]
    shares = []
    for k, parts in found.items():
        mask = np.any([p.mask(stack.shape[1:], (block[0], block[1])) for p in parts], axis=0)
        near = stack[min(whole, key=lambda w: abs(angles[w] - angles[k]))]
        lit = float(near[~mask].mean())
        scale = float(stack[k][~mask].mean()) / lit if lit > 0 else 1.0
        data[k][mask] = scale * near[mask]
        measured[k][torch.from_numpy(mask)] = 0
        shares.append(float(mask.mean()))
    numbers = in_file(series, list(found))
    listed = ", ".join(map(str, numbers[:_LISTED])) + ", ..." * (len(numbers) > _LISTED)
    views, lie = ("view", "lies") if len(numbers) == 1 else ("views", "lie")
    return series.after(
        f"masked the shadow in {views} {listed}",
        data=torch.from_numpy(data),
        precision=measured,
        facts={"shadows": {"views": numbers, "share": [round(s, 4) for s in shares]}},
        warnings=(
            f"{views} {listed} {lie} in shadow in part, up to {100 * max(shares):.0f} %: masked; "
            f"exclude=[{','.join(map(str, numbers))}] leaves them out, "
            "preprocess.mask_borders=false keeps all as it is",
        ),
    )


def shadows(stack: np.ndarray, angles_deg: np.ndarray) -> dict[int, tuple[Shadow, ...]]:
    """View -> its shadows. ``stack``: (tilt, y, x).

    From the middle view outwards each view is compared with those before it: a shadow takes nearly
    all that was there, up to a straight edge, and nothing of it turns up elsewhere.
    """
    if len(stack) < FEWEST:
        return {}
    small = small_pictures(stack)
    floor = float(np.quantile(small, (0.002, 0.01)).min())
    pixels = float(np.prod(stack.shape[1:]) / np.prod(small.shape[1:]))
    noise = noise_sigma(torch.from_numpy(np.ascontiguousarray(stack))) / pixels**0.5
    order = np.argsort(angles_deg, kind="stable")
    middle = len(order) // 2
    found: dict[int, tuple[Shadow, ...]] = {}
    for side in (order[middle:], order[: middle + 1][::-1]):
        before = small[side[:3]].mean(0) - floor  # the first views of a series are not in shadow
        for k in side[1:].tolist():
            own = small[k] - floor
            parts = _parts(own, before, noise)
            if parts:
                found[k] = parts
            seen = ~np.any([p.mask(own.shape, (1.0, 1.0)) for p in parts], axis=0) if parts else ...
            before[seen] += (own[seen] - before[seen]) / 3
    return dict(sorted(found.items()))


def _parts(own: np.ndarray, before: np.ndarray, noise: float) -> tuple[Shadow, ...]:
    """The shadows, at most one from each side, of a view beside what was there ``before`` it."""
    matter = before > max(6 * noise, 0.25 * float(np.quantile(before, 0.95)))
    if matter.sum() < 40:
        return ()
    lit = matter & (own > DARK * before)
    if not LEAST <= 1 - lit.sum() / matter.sum() <= 0.9:
        return ()
    scaled = before * float(np.median(own[lit] / before[lit]))
    dark = matter & (own < DARK * scaled)
    least, parts = LEAST * float(matter.sum()), list[Shadow]()
    open_ = matter.copy()
    for _ in range(2):
        best = max(
            (_from_side(dark & open_, open_, s, least) for s in range(4)), key=lambda f: f[0]
        )
        if best[1] is None:
            break
        parts.append(best[1])
        open_ &= ~best[1].mask(own.shape, (1.0, 1.0))
    # Nothing dark is left over, and nothing has moved elsewhere.
    if not parts or (dark & open_).sum() > EXACT * matter.sum():
        return ()
    shade = np.any([p.mask(own.shape, (1.0, 1.0)) for p in parts], axis=0)
    if shade.mean() < AREA or matter[shade].mean() < COVERED:
        return ()
    lost = float((scaled - own)[shade].sum())
    gained = float((own - scaled)[~shade].sum())
    return tuple(parts) if gained < GAINED * lost else ()


def _from_side(
    dark: np.ndarray, matter: np.ndarray, side: int, least: float
) -> tuple[float, Shadow | None]:
    """(dark blocks explained, the shadow that comes in from ``side`` and divides dark from lit), or
    none where it explains fewer than ``least``."""
    dark, matter = np.rot90(dark, side), np.rot90(matter, side)
    v, u = np.nonzero(matter)
    is_dark = dark[v, u]
    best: tuple[float, Shadow | None] = (0.0, None)
    for slope in SLOPES:
        at = v + 0.5 - slope * (u + 0.5)
        order = np.argsort(at, kind="stable")
        beyond = np.cumsum(is_dark[order])
        lit_beyond = np.cumsum(~is_dark[order])
        gain = beyond - lit_beyond / EXACT * 0.5
        last = int(np.argmax(gain))
        if gain[last] <= best[0] or lit_beyond[last] > EXACT * len(v):
            continue
        if beyond[last] >= least:
            best = float(gain[last]), Shadow(side, float(slope), float(at[order[last]]))
    return best
