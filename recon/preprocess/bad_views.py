"""Views that are not of the specimen as their neighbours are: dark, blocked, saturated, jumped,
charging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from recon.geometry import take_views
from recon.series import TiltSeries

FEWEST = 8  # views, of which a few odd ones can still be told from the others
_SIDE = 64  # pixels of the small pictures that are compared


def without_bad_views(series: TiltSeries) -> TiltSeries:
    """Leave out the views that ``bad_views`` names, unless they are more than a third: then the
    series itself is in doubt, and all stay."""
    found = bad_views(series.data.numpy(), series.geometry.angles_deg)
    if not found:
        return series
    numbers = in_file(series, list(found))
    said = ", ".join(f"{n} ({why})" for n, why in zip(numbers, found.values(), strict=True))
    if len(found) > len(series.data) // 3:
        return series.after(
            "kept all views, though many look bad",
            warnings=(
                f"{len(found)} of {len(series.data)} views look bad ({said:.200}), too many to "
                "leave out; look at the series, and drop views with exclude=[...]",
            ),
        )
    keep = [k for k in range(len(series.data)) if k not in found]
    left = "view" if len(found) == 1 else "views"
    are = "was" if len(found) == 1 else "were"
    fewer = replace(
        series,
        data=series.data[keep],
        geometry=take_views(series.geometry, np.array(keep)),
        precision=None if series.precision is None else series.precision[keep],
    )
    return fewer.after(
        f"left out {left} {said}",
        facts={"rejected_views": numbers, "kept_views": keep},
        warnings=(
            f"{left} {said} {are} left out; exclude=[{','.join(map(str, numbers))}] does the same, "
            "preprocess.reject_views=false keeps them",
        ),
    )


def in_file(series: TiltSeries, views: Sequence[int]) -> list[int]:
    """The numbers that ``views`` of the series have in the file, where some were excluded."""
    there = series.facts.get("views_in_file")
    return [int(there[v]) for v in views] if isinstance(there, list) else [int(v) for v in views]


def bad_views(stack: np.ndarray, angles_deg: np.ndarray) -> dict[int, str]:
    """View -> why it is bad. ``stack``: (tilt, y, x).

    Dark: next to none of the structure that the views usually have, and no brighter than they.
    Flat: likewise, but brighter. Saturated: a fifth of it at one highest value. Flashed: more than
    twice as bright, or less than half, as both neighbours in angle. Jumped: it resembles none of
    its neighbours while they resemble each other.
    """
    if len(stack) < FEWEST:
        return {}
    small = small_pictures(stack)
    structure = np.sqrt(ndimage.uniform_filter(small, (0, 3, 3)).var(axis=(1, 2), dtype=np.float64))
    means = small.mean((1, 2), dtype=np.float64)
    found: dict[int, str] = {}
    usual, level = float(np.median(structure)), float(np.median(means))
    for k in np.flatnonzero(structure < 0.12 * usual).tolist():
        found[k] = "dark" if means[k] <= level else "flat"
    for k, share in enumerate(_saturated(stack)):
        if share > 0.2:
            found.setdefault(k, "saturated")
    order = [int(k) for k in np.argsort(angles_deg, kind="stable") if int(k) not in found]
    low = min(float(np.quantile(small[order], 0.01)), 0.0) if order else 0.0
    for k, neighbours in _neighbours(order):
        around = np.array([means[n] - low for n in neighbours])
        ratio = (means[k] - low) / np.median(around) if np.median(around) > 0 else 1.0
        if not 0.45 < ratio < 2.2 and np.ptp(around) < 0.5 * np.median(around):
            found[k] = "brighter than its neighbours" if ratio > 1 else "darker than its neighbours"
    order = [k for k in order if k not in found]
    for k in _unlike(small, order):
        found[k] = "unlike its neighbours"
    return dict(sorted(found.items()))


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """How much two small pictures resemble each other wherever they lie: the peak of their
    cross-correlation, 1 for the same picture."""
    pictures = [_prepared(p) for p in (a, b)]
    spectra = [np.fft.rfft2(p, s=(2 * p.shape[0], 2 * p.shape[1])) for p in pictures]
    power = [np.sqrt((p**2).sum()) for p in pictures]
    if not power[0] * power[1] > 0:
        return 0.0
    return float(np.fft.irfft2(spectra[0] * np.conj(spectra[1])).max() / (power[0] * power[1]))


def small_pictures(stack: np.ndarray) -> np.ndarray:
    """(tilt, y, x) block means of about 64 pixels a side."""
    return np.stack([_small(view) for view in stack])


def _small(view: np.ndarray) -> np.ndarray:
    fy, fx = (max(1, n // _SIDE) for n in view.shape)
    ny, nx = view.shape[0] // fy, view.shape[1] // fx
    blocks = view[: ny * fy, : nx * fx].reshape(ny, fy, nx, fx).mean((1, 3))
    # A cosmic ray must not pass for structure, and of few counts a median would leave nothing.
    low, high = np.quantile(blocks, (0.002, 0.985))
    return np.asarray(np.clip(blocks, low, high))


def _prepared(picture: np.ndarray) -> np.ndarray:
    """Counted from its surroundings, faded at the borders, without what is finer than noise."""
    smooth = ndimage.gaussian_filter(picture.astype(np.float64), 1.0)
    border = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    rows, columns = (np.hanning(n + 2)[1:-1] ** 0.25 for n in smooth.shape)
    faded = (smooth - np.median(border)) * rows[:, None] * columns
    return np.asarray(faded - faded.mean())


def _saturated(stack: np.ndarray) -> list[float]:
    """The share of each view that has its highest value, where the other views do not: a floor or
    a mask that all views have is not saturation."""
    highest = float(stack.max())
    shares = [
        float((view == view.max()).mean()) if view.max() == highest else 0.0 for view in stack
    ]
    return [0.0] * len(shares) if float(np.median(shares)) > 0.02 else shares


def _neighbours(order: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Each view with the two before and the two after it in ``order``."""
    return [(k, [*order[max(0, i - 2) : i], *order[i + 1 : i + 3]]) for i, k in enumerate(order)]


def _unlike(small: np.ndarray, order: Sequence[int]) -> list[int]:
    """Views that resemble their neighbours much less than those resemble each other across them."""
    if len(order) < FEWEST:
        return []
    found = []
    for i in range(1, len(order) - 1):
        before, own, after = (small[order[j]] for j in (i - 1, i, i + 1))
        across = likeness(before, after)
        if across > 0.8 and max(likeness(own, before), likeness(own, after)) < 0.4 * across:
            found.append(order[i])
    return found
