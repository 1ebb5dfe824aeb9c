"""The scores of one run, beside WBP, SIRT and TV on the same rows."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from recon.algorithms.sirt import sirt
from recon.algorithms.tv import tv
from recon.algorithms.wbp import wbp
from recon.automatic import busiest_rows
from recon.errors import UserError
from recon.progress import track
from recon.projectors.base import Projector
from recon.trust.measures import (
    Method,
    Prediction,
    changed_fraction,
    crossings,
    even_odd_curve,
    invented_fraction,
    predict_withheld,
    whitened_residual,
)
from recon.trust.reference import reference_tv

LARGEST_SAMPLE = 1 << 22  # voxels: the scores must fit beside what the memory plan allows


def standard(
    A: Projector,
    y: Tensor,
    method: Method,
    *,
    noise: float,
    tv_weight: float | None = None,
    every: int = 5,
    rows: int = 16,
) -> dict[str, object]:
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
    sample = busiest_rows(y, rows).to(A.device)
    references = {"wbp": functools.partial(wbp), "sirt": functools.partial(sirt)}
    if method.func is not tv:
        references["tv"] = reference_tv(A, sample, noise=noise, weight=tv_weight)
    scores = assess(A, sample, method, noise=noise, references=references, every=every)
    return scores | {
        "reference_options": {
            name: dict(reference.keywords) for name, reference in references.items()
        }
    }


def nothing(
    A: Projector, y: Tensor, method: Method, *, noise: float, tv_weight: float | None = None
) -> dict[str, object]:
    """``trust=none``."""
    return {}


def assess(
    A: Projector,
    y: Tensor,
    method: Method,
    *,
    noise: float,
    references: Mapping[str, Method],
    every: int = 5,
) -> dict[str, object]:
    """All scores of ``method`` on the rows of ``y``, withheld views beside those of ``references``
    on the same rows.

    Curves are lists of four digits: ``*_per_view`` over the views in file order (withheld ones:
    over ``withheld_angles_deg``, for each method), ``even_odd_fsc`` over its ``frequency`` in
    cycles per voxel.
    """
    name = str(method.func.__name__)
    methods = {name: method} | {
        other: reference for other, reference in references.items() if other != name
    }
    # Work goes with the views: all of them for x, those that are kept, and twice half of them.
    own, kept = iterations_of(method), 1 - 1 / every
    work = {key: kept * iterations_of(one) for key, one in methods.items()}
    predictions: dict[str, Prediction] = {}
    with track("scoring on withheld views", 2 * own + sum(work.values())) as phase:
        with phase.part(own):
            x = method(A, y)
        for key, one in methods.items():
            with phase.part(work[key]):
                predictions[key] = predict_withheld(A, y, one, every=every)
        with phase.part(own):
            frequency, correlation = even_odd_curve(A, y, method)
    whitened = whitened_residual(A, y, x, noise) if noise > 0 else np.array([math.nan])
    return {
        "rows": y.shape[1],
        "withheld": {key: prediction.error for key, prediction in predictions.items()},
        "withheld_every": every,
        "withheld_angles_deg": _digits(A.geometry.angles_deg[predictions[name].views]),
        "withheld_per_view": {
            key: _digits(prediction.per_view) for key, prediction in predictions.items()
        },
        "noise_share_of_data": noise / (float((y.double() ** 2).mean()) ** 0.5 or 1.0),
        "whitened_residual": float(np.sqrt((whitened**2).mean())),
        "whitened_residual_per_view": _digits(whitened) if noise > 0 else [],
        "invented_fraction": invented_fraction(x, A.geometry.angles_deg),
        "changed_measured_fraction": changed_fraction(A, y, x),
        "even_odd_fsc_crossing": crossings(frequency, correlation),
        "even_odd_fsc": {"frequency": _digits(frequency), "correlation": _digits(correlation)},
    }


def iterations_of(method: Method) -> int:
    """What a call of it takes, by its options or else the function's own: 1 where it has none."""
    options = inspect.signature(method.func).parameters
    own = options["n_iterations"].default if "n_iterations" in options else 1
    count = method.keywords.get("n_iterations", own)
    return count if isinstance(count, int) and count > 0 else 1


def _digits(values: np.ndarray) -> list[float]:
    """Four significant ones: a curve is for looking at."""
    return [float(f"{v:.4g}") for v in values]
