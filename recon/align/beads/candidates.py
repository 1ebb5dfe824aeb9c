"""Where beads may be: peaks of the normalised correlation of every view with the beads' own
average."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from recon.align.beads.profile import Profile, peaks, vertex
from recon.progress import track_each

TEMPLATE_RADIUS = 0.75  # diameters: the bead and a ring of its surroundings
LEAST_CORRELATION = 0.25
LEAST_HEIGHT = 3.0  # standard deviations of the fitted height elsewhere in the view
PER_SQUARE = 0.02  # candidates kept per square of one diameter, the best first


@dataclass(frozen=True, eq=False)
class Candidates:
    """Of one view. ``index_px``: (n, 2) row and column to a fraction of a pixel. ``correlation``:
    (n,) with the average bead, up to 1.

    ``height``: (n,) of the bead that fits best, in grey values. ``score``: (n,) from 0 to 1, above
    0.5 for what is taken to be a bead.
    """

    index_px: np.ndarray
    correlation: np.ndarray
    height: np.ndarray
    score: np.ndarray


def find_candidates(
    stack: np.ndarray, profile: Profile, *, threads: int = 1
) -> tuple[Candidates, ...]:
    """Candidates of every view of (tilt, y, x), with the classical score.

    It is the correlation times the height over the usual height (at most 1), so that a faint stain
    that is round does not pass.
    """
    search = _Search.of((stack.shape[1], stack.shape[2]), profile)
    with ThreadPoolExecutor(threads) as pool:
        views = pool.map(search.view, stack)
        found = list(track_each("looking for beads", views, len(stack)))
    return score_classically(tuple(found))


def score_classically(found: tuple[Candidates, ...]) -> tuple[Candidates, ...]:
    usual = usual_height(found)
    return tuple(
        replace(c, score=np.clip(c.correlation, 0, 1) * np.clip(c.height / usual, 0, 1))
        for c in found
    )


def usual_height(found: tuple[Candidates, ...]) -> float:
    """Of the beads of a series, in grey values: the median of the best third of its candidates; 1
    where there are none."""
    correlation = np.concatenate([c.correlation for c in found])
    height = np.concatenate([c.height for c in found])
    return (
        float(np.median(height[correlation >= np.quantile(correlation, 2 / 3)]))
        if len(height)
        else 1.0
    )


def score_candidates(
    stack: np.ndarray,
    found: tuple[Candidates, ...],
    profile: Profile,
    classifier: Callable[[np.ndarray], np.ndarray],
) -> tuple[Candidates, ...]:
    """The same candidates with the score of ``classifier``: (n, 32, 32) crops -> (n,)
    probabilities."""
    from recon.align.beads.crops import crops

    contrast = profile.sign * usual_height(found)
    return tuple(
        replace(c, score=classifier(crops(view, c.index_px, profile.diameter_px, contrast)))
        for view, c in zip(stack, found, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """What is the same for all views of a shape: spectra of the template, and its sums over what of
    it is in the frame."""

    profile: Profile
    shape: tuple[int, int]
    padded: tuple[int, int]
    disc: np.ndarray
    template: np.ndarray
    count: np.ndarray
    sum_t: np.ndarray
    sum_tt: np.ndarray

    @staticmethod
    def of(shape: tuple[int, int], profile: Profile) -> _Search:
        reach = int(np.ceil(TEMPLATE_RADIUS * profile.diameter_px))
        padded = (
            fft.next_fast_len(shape[0] + reach, True),
            fft.next_fast_len(shape[1] + reach, True),
        )
        y, x = (
            np.minimum(np.arange(n), n - np.arange(n)) for n in padded
        )  # wrapped, so that nothing is displaced
        radius = np.hypot(y[:, None], x[None])
        disc = (radius <= TEMPLATE_RADIUS * profile.diameter_px).astype(np.float32)
        template = (profile.sign * profile.at(radius) * disc).astype(np.float32)
        inside = np.zeros(padded, np.float32)
        inside[: shape[0], : shape[1]] = 1
        frame = fft.rfft2(inside)
        sums = [
            fft.irfft2(frame * fft.rfft2(kernel), s=padded)[: shape[0], : shape[1]]
            for kernel in (disc, template, template**2)
        ]
        return _Search(profile, shape, padded, fft.rfft2(disc), fft.rfft2(template), *sums)

    def view(self, view: np.ndarray) -> Candidates:
        """Correlation over the disc about every pixel, of the part of it that is in the frame."""
        v = np.zeros(self.padded, np.float32)
        v[: self.shape[0], : self.shape[1]] = view - np.median(view)
        spectrum = fft.rfft2(v)
        part = (slice(self.shape[0]), slice(self.shape[1]))
        sum_v = fft.irfft2(spectrum * self.disc, s=self.padded)[part]
        sum_vt = fft.irfft2(spectrum * self.template, s=self.padded)[part]
        sum_vv = fft.irfft2(fft.rfft2(v * v) * self.disc, s=self.padded)[part]
        covariance = sum_vt - sum_v * self.sum_t / self.count
        variance_t = self.sum_tt - self.sum_t**2 / self.count
        variance_v = np.maximum(sum_vv - sum_v**2 / self.count, 0)
        floor = (
            1e-6 * float(variance_v.max()) + 1e-30
        )  # a flat part of a view correlates with nothing
        correlation = covariance / np.sqrt((variance_v + floor) * variance_t)
        height = covariance / variance_t
        spread = 1.4826 * float(np.median(np.abs(height - np.median(height))))

        at, value = peaks(
            correlation, round(0.3 * self.profile.diameter_px), least=LEAST_CORRELATION
        )
        tall = height[tuple(at.T)] > LEAST_HEIGHT * spread
        at, value = at[tall], value[tall]
        most = int(PER_SQUARE * self.shape[0] * self.shape[1] / self.profile.diameter_px**2) + 20
        best = np.argsort(value)[::-1][:most]
        at, value = at[best], value[best]
        fine = np.array([vertex(correlation, int(r), int(c)) for r, c in at]).reshape(-1, 2)
        return Candidates(
            at + fine,
            value.astype(np.float64),
            height[tuple(at.T)].astype(np.float64),
            np.zeros(len(at)),
        )
