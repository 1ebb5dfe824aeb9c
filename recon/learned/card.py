"""Is this series like what a network was trained on? One sentence for every property in which it is
not.

A network interpolates between the specimens and microscopes it has seen; beyond them its output is
a guess that looks like a result. A **card** holds the range of each property over its training
series::

    {"tilt_max_deg": [55, 65], "step_deg": [1, 3], "snr": [0.5, 50],
     "grey_quantiles": {"q": [0.1, 0.5, 0.9], "low": [0.0, 0.05, 0.3], "high": [0.05, 0.3, 0.8]}}

``tilt_max_deg``: the largest |tilt|. ``step_deg``: the median step between neighbouring tilts.
``snr``: variance of the signal over variance of the noise, per pixel, over all pixels of all views,
vacuum included: (var(y) - noise^2) / noise^2. ``grey_quantiles``: quantiles of the views after
their 2 % quantile was made 0 and their 98 % quantile 1, so that neither gain nor offset nor a hot
pixel counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypedDict

import numpy as np
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.995)
MARGIN = 0.02  # of a bound, and of the grey range: measured angles and estimates are not exact
PIXELS = 2_000_000  # quantiles of more are those of an even sample


class OutsideCard(UserWarning):
    """A series in a property of which a network was not trained."""


class Facts(TypedDict):
    """What a card is about, of one series. ``grey``: at the quantiles that were asked for."""

    tilt_max_deg: float
    step_deg: float
    snr: float
    grey: list[float]


def series_facts(
    y: Tensor, geometry: Geometry, noise: float, quantiles: Sequence[float] = QUANTILES
) -> Facts:
    """Of views ``y`` (tilt, y, x) with a noise of standard deviation ``noise`` per pixel. Raises
    ``UserError`` for views without structure."""
    values = y.numpy(force=True).astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise UserError(
            f"views with {int((~np.isfinite(values)).sum())} values that are not finite given, "
            f"numbers wanted"
        )
    sample = values.ravel()[:: max(1, values.size // PIXELS)]
    low, high = np.quantile(sample, (0.02, 0.98))
    if high <= low:
        raise UserError(
            f"views that are {low:g} all over given, some structure wanted to compare with a "
            f"training card"
        )
    steps = np.diff(np.unique(np.round(geometry.angles_deg, 3)))
    variance = float(values.var())
    return {
        "tilt_max_deg": float(np.abs(geometry.angles_deg).max()),
        "step_deg": float(np.median(steps)) if steps.size else float("inf"),
        "snr": max(variance - noise**2, 0.0) / noise**2 if noise > 0 else float("inf"),
        "grey": ((np.quantile(sample, list(quantiles)) - low) / (high - low)).tolist(),
    }


def card_of(series: Sequence[Facts], quantiles: Sequence[float] = QUANTILES) -> dict[str, object]:
    """The card of a training set: the ranges over the facts of its series, which were taken at
    ``quantiles``."""
    if not series:
        raise UserError("no training series given for a card, at least one wanted")
    grey = np.array([facts["grey"] for facts in series])
    ranges = {
        "tilt_max_deg": [facts["tilt_max_deg"] for facts in series],
        "step_deg": [facts["step_deg"] for facts in series],
        "snr": [facts["snr"] for facts in series],
    }
    return {key: [min(values), max(values)] for key, values in ranges.items()} | {
        "grey_quantiles": {
            "q": list(quantiles),
            "low": grey.min(0).tolist(),
            "high": grey.max(0).tolist(),
        }
    }


def outside_card(
    y: Tensor, geometry: Geometry, noise: float, card: Mapping[str, object]
) -> list[str]:
    """One sentence for every property of the series that lies outside ``card``; a property that the
    card leaves out is not judged.

    ``y``: (tilt, y, x) as the network will see the views, before its own normalisation. Raises
    ``UserError`` for a card that cannot be read.
    """
    if unknown := set(card) - {"tilt_max_deg", "step_deg", "snr", "grey_quantiles"}:
        raise UserError(
            f"a training card with {', '.join(sorted(unknown))} given, tilt_max_deg, step_deg, snr "
            f"and grey_quantiles are known"
        )
    trained, low, high = _quantile_ranges(card.get("grey_quantiles"))
    facts = series_facts(y, geometry, noise, trained)
    said = []
    for key, what, unit in (
        ("tilt_max_deg", "tilts reach", "°"),
        ("step_deg", "views are a step apart of", "°"),
        ("snr", "the signal-to-noise ratio (of variances, per pixel) is", ""),
    ):
        if key in card:
            first, last = _range(card[key], key)
            value = float(facts[key])  # type: ignore[literal-required]
            if not first * (1 - MARGIN) <= value <= last * (1 + MARGIN):
                said.append(
                    f"{what} {value:.3g}{unit}, but the network was trained on {first:.3g}{unit} "
                    f"to {last:.3g}{unit}"
                )
    grey = np.array(facts["grey"])
    beyond = np.maximum(low - grey, grey - high)
    if beyond.size and beyond.max() > MARGIN:
        k = int(beyond.argmax())
        said.append(
            f"the grey histogram is another: {100 * trained[k]:.3g} % of the pixels lie below "
            f"{grey[k]:.2f} of the views' range, "
            f"but the network was trained on {low[k]:.2f} to {high[k]:.2f}"
        )
    return said


def warn_outside(
    y: Tensor, geometry: Geometry, noise: float, card: Mapping[str, object], *, name: str
) -> None:
    """For a learned stage called ``name``: what ``outside_card`` finds reaches the terminal,
    ``run.json`` and the report."""
    for sentence in outside_card(y, geometry, noise, card):
        warnings.warn(
            f"{name}: {sentence}; what it shows may be invented", OutsideCard, stacklevel=2
        )


@contextmanager
def heard(say: Callable[[str], None]) -> Iterator[None]:
    """Within it every ``OutsideCard`` warning goes to ``say``, all others where they always go."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", OutsideCard)
        otherwise = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, OutsideCard):
                say(str(message))
            else:
                otherwise(message, category, *rest)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def _range(found: object, key: str) -> tuple[float, float]:
    values = _numbers(found, key)
    if values.size != 2 or values[0] > values[1]:
        raise UserError(f"{key}={found} in a training card given, [low, high] wanted")
    return float(values[0]), float(values[1])


def _quantile_ranges(found: object) -> tuple[list[float], np.ndarray, np.ndarray]:
    if found is None:
        return [], np.array([]), np.array([])
    if not isinstance(found, Mapping) or set(found) != {"q", "low", "high"}:
        raise UserError(
            f"grey_quantiles={found} in a training card given, lists q, low and high of one length "
            f"wanted"
        )
    q, low, high = (_numbers(found[key], f"grey_quantiles.{key}") for key in ("q", "low", "high"))
    if not q.size == low.size == high.size or (q < 0).any() or (q > 1).any() or (low > high).any():
        raise UserError(
            f"grey_quantiles={dict(found)} in a training card given, 0 <= q <= 1 and low <= high "
            f"of one length wanted"
        )
    return q.tolist(), low, high


def _numbers(found: object, key: str) -> np.ndarray:
    try:
        values = np.array(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{key}={found} in a training card given, numbers wanted") from error
    if values.ndim != 1 or np.isnan(values).any():
        raise UserError(f"{key}={found} in a training card given, a list of numbers wanted")
    return values
