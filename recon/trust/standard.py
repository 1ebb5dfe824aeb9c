"""The scores of one run, beside WBP, SIRT and TV on the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from recon.algorithms.sirt import SIRT
from recon.algorithms.wbp import WBP
from recon.algorithms.withheld import busiest
from recon.errors import UserError
from recon.metrics.curve import Curve
from recon.progress import track
from recon.projectors.base import Projector
from recon.stage import BoundMethod, needs_of, volume_only
from recon.trust.measures import (
    Prediction,
    changed_fraction,
    crossings,
    even_odd_curve,
    invented_fraction,
    predict_withheld,
    whitened_residual,
)
from recon.trust.reference import reference_tv
from recon.trust.scores import TrustScores

LARGEST_SAMPLE = 1 << 22  # voxels: the scores must fit beside what the memory plan allows


def standard(
    A: Projector,
    y: Tensor,
    method: BoundMethod,
    *,
    noise: float,
    tv_weight: float | None = None,
    every: int = 5,
    rows: int = 16,
) -> TrustScores:
    """``assess`` on the ``rows`` rows of ``y`` with most structure (fewer where they are large),
    beside WBP, 50 iterations of SIRT, and TV.

    ``tv_weight``: that TV's own rule chose for ``method``, where it begins with TV. Otherwise TV
    (``reference_tv``) takes some 600 iterations on a third of these rows for it, and then 300 on
    all; a run that is TV itself goes without.
    """
    if every < 2 or rows < 1:
        raise UserError(
            f"trust.every={every} and trust.rows={rows} given, one view in 2 or more and at least "
            f"1 row wanted"
        )
    rows = min(rows, max(2, LARGEST_SAMPLE // (A.volume_zx[0] * A.volume_zx[1])))
    A, sample = busiest(A, y, rows)
    makers: dict[str, Callable[[], BoundMethod]] = {
        "wbp": WBP,
        "sirt": SIRT,
        "tv": lambda: reference_tv(A, sample, noise=noise, weight=tv_weight),
    }
    references = {name: make() for name, make in makers.items() if name != method.name}
    scores = assess(A, sample, method, noise=noise, references=references, every=every)
    options = {name: dict(reference.options) for name, reference in references.items()}
    return replace(scores, reference_options=options)


def nothing(
    A: Projector, y: Tensor, method: BoundMethod, *, noise: float, tv_weight: float | None = None
) -> TrustScores:
    """``trust=none``."""
    return TrustScores()


def assess(
    A: Projector,
    y: Tensor,
    method: BoundMethod,
    *,
    noise: float,
    references: Mapping[str, BoundMethod],
    every: int = 5,
) -> TrustScores:
    """All scores of ``method`` on the rows of ``y``, withheld views beside those of ``references``
    on the same rows.

    Curves have four digits: they are for looking at.
    """
    name, run = method.name, volume_only(method)
    # Work goes with the views: all of them for x, those that are kept, and twice half of them.
    methods, kept = {name: method} | dict(references), 1 - 1 / every
    work = {key: needs_of(one).work for key, one in methods.items()}
    predictions: dict[str, Prediction] = {}
    with track("scoring on withheld views", 2 * work[name] + kept * sum(work.values())) as phase:
        with phase.part(work[name]):
            x = run(A, y)
        for key, one in methods.items():
            with phase.part(kept * work[key]):
                predictions[key] = predict_withheld(A, y, volume_only(one), every=every)
        with phase.part(work[name]):
            frequency, correlation = even_odd_curve(A, y, run)
    whitened = whitened_residual(A, y, x, noise) if noise > 0 else np.array([math.nan])
    return TrustScores(
        rows=y.shape[1],
        withheld={key: prediction.error for key, prediction in predictions.items()},
        withheld_every=every,
        withheld_angles_deg=_digits(A.geometry.angles_deg[predictions[name].views]),
        withheld_per_view={
            key: _digits(prediction.per_view) for key, prediction in predictions.items()
        },
        noise_share_of_data=noise / (float((y.double() ** 2).mean()) ** 0.5 or 1.0),
        whitened_residual=float(np.sqrt((whitened**2).mean())),
        whitened_residual_per_view=_digits(whitened) if noise > 0 else (),
        invented_fraction=invented_fraction(x, A.geometry.angles_deg),
        changed_measured_fraction=changed_fraction(A, y, x),
        even_odd_fsc_crossing=crossings(frequency, correlation),
        even_odd_fsc=Curve(_digits(frequency), _digits(correlation)),
    )


def _digits(values: np.ndarray) -> tuple[float, ...]:
    """Four significant ones: a curve is for looking at."""
    return tuple(float(f"{v:.4g}") for v in values)
