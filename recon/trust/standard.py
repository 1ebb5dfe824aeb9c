"""The scores of one run, beside WBP, SIRT and TV on the same rows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from recon.algorithms.sirt import SIRT
from recon.algorithms.wbp import WBP
from recon.algorithms.withheld import busiest, find_busiest, withheld_views
from recon.errors import UserError
from recon.metrics.curve import Curve
from recon.progress import track
from recon.projectors.base import Projector
from recon.sinogram.restoration import Parts
from recon.stage import BoundMethod, needs_of, volume_only
from recon.trust.coarse import coarse, factor_of, noise_of_coarse
from recon.trust.measures import (
    Given,
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

NO_SCORES = TrustScores()
PLAIN = " as measured"  # behind a method's name: of views that were not restored
RowsOf = Callable[[slice], Tensor]
"""rows of the series -> those of the finished volume (z, y, x), in units of the projector"""


def standard(
    A: Projector,
    y: Tensor,
    method: BoundMethod,
    *,
    noise: float,
    tv_weight: float | None = None,
    volume: RowsOf | None = None,
    parts: Parts | None = None,
    every: int = 5,
    rows: int = 16,
) -> TrustScores:
    """``assess`` on the ``rows`` rows of ``y`` with most structure (fewer where they are large),
    beside WBP, SIRT stopped by withheld views, and TV.

    Withheld views are predicted on views of at least 128 columns (``coarse``), of as many rows where
    there are. ``tv_weight``: that TV's own rule chose for ``method``, where it begins with TV.
    Otherwise TV (``reference_tv``) takes some 600 iterations on a third of these rows for it, and
    then 300 on all; a run that is TV itself goes without. ``volume``: what ``method`` made of all
    views already; None: it is made of these rows anew.

    ``parts``: how views are restored (denoised, inpainted) for ``method``; None: they are not. ``y``
    is what was measured in any case, and what is predicted: each trial restores the views that it
    is given, by themselves, and ``method`` is measured beside itself on the views as they are too.
    """
    if every < 2 or rows < 1:
        raise UserError(
            f"trust.every={every} and trust.rows={rows} given, one view in 2 or more and at least "
            f"1 row wanted"
        )
    rows = min(rows, max(2, LARGEST_SAMPLE // (A.volume_zx[0] * A.volume_zx[1])))
    coarser = method.declared.coarser
    factor = 1 if coarser is None else factor_of(y.shape[2], y.shape[1])
    some, few = find_busiest(y, rows * factor), find_busiest(y, rows)
    seen = coarse(*busiest(A, y, rows * factor), factor)
    coarse_noise = noise_of_coarse(seen[1], noise, factor)
    weight = None if tv_weight is None else tv_weight / factor
    makers: dict[str, Callable[[], BoundMethod]] = {
        "wbp": WBP,
        "sirt": lambda: settled_sirt(*seen, coarse_noise),
        "tv": lambda: reference_tv(*seen, noise=coarse_noise, weight=weight),
    }
    references = {
        name if name != method.name else f"{name}{PLAIN}": make()
        for name, make in makers.items()
        if name != method.name or parts is not None
    }
    same = method if coarser is None else method.but(coarser(method.options, factor))
    sample_A, sample = busiest(A, y, rows)
    given = None if parts is None else functools.partial(_given, parts, rows=few)
    restored = None if parts is None else functools.partial(_given, parts, rows=some, factor=factor)
    predicted = predict(
        *seen,
        {method.name: same} | references,
        noise=coarse_noise,
        every=every,
        given=None if restored is None else {method.name: restored},
    )
    made = None if volume is None else volume(few).to(sample.device)
    return replace(
        assess(sample_A, sample, method, noise=noise, x=made, onto=predicted, given=given),
        withheld_bin=factor,
        reference_options={name: dict(one.options) for name, one in references.items()},
    )


def _given(
    parts: Parts, views: np.ndarray, *, rows: slice, factor: int = 1
) -> tuple[Projector, Tensor]:
    """``rows`` of some views, restored by themselves, on pixels larger by ``factor``."""
    return coarse(*parts(views, rows), factor)


def settled_sirt(A: Projector, y: Tensor, noise: float) -> BoundMethod:
    """SIRT as it is by default, its number of iterations chosen."""
    assert SIRT.settle is not None
    return SIRT.settle(SIRT(), A, y, noise).method


def nothing(
    A: Projector,
    y: Tensor,
    method: BoundMethod,
    *,
    noise: float,
    tv_weight: float | None = None,
    volume: RowsOf | None = None,
    parts: Parts | None = None,
) -> TrustScores:
    """``trust=none``."""
    return TrustScores()


def assess(
    A: Projector,
    y: Tensor,
    method: BoundMethod,
    *,
    noise: float,
    x: Tensor | None = None,
    onto: TrustScores = NO_SCORES,
    given: Given | None = None,
) -> TrustScores:
    """What the rows of ``y`` say of ``method`` and of ``x``, its volume of them (None: it is made):
    what noise leaves, what was measured and what invented, and where two halves of the views agree.
    ``onto``: scores that these are added to. ``given``: what ``method`` takes of the views.

    Curves have four digits: they are for looking at.
    """
    run = volume_only(method)
    if x is None:
        with track("scoring", needs_of(method).work) as phase, phase.part(needs_of(method).work):
            x = run(*((A, y) if given is None else given(np.arange(len(y)))))
    frequency, correlation = even_odd_curve(A, y, run, given)
    whitened = whitened_residual(A, y, x, noise) if noise > 0 else np.array([math.nan])
    return replace(
        onto,
        rows=y.shape[1],
        whitened_residual=float(np.sqrt((whitened**2).mean())),
        whitened_residual_per_view=_digits(whitened) if noise > 0 else (),
        invented_fraction=invented_fraction(x, A.geometry.angles_deg),
        changed_measured_fraction=changed_fraction(A, y, x),
        even_odd_fsc_crossing=crossings(frequency, correlation),
        even_odd_fsc=Curve(_digits(frequency), _digits(correlation)),
    )


def predict(
    A: Projector,
    y: Tensor,
    methods: Mapping[str, BoundMethod],
    *,
    noise: float,
    every: int = 5,
    given: Mapping[str, Given] | None = None,
) -> TrustScores:
    """How well each of ``methods`` predicts views of ``y`` that it has not seen. ``given``: by name,
    what a method takes of the others where that is not the views as they are."""
    kept = 1 - 1 / every  # work goes with the views
    work = {name: kept * needs_of(method).work for name, method in methods.items()}
    found: dict[str, Prediction] = {}
    with track("scoring on withheld views", sum(work.values())) as phase:
        for name, method in methods.items():
            with phase.part(work[name]):
                found[name] = predict_withheld(
                    A, y, volume_only(method), every=every, given=(given or {}).get(name)
                )
    _, held = withheld_views(A.geometry.angles_deg, every)
    return TrustScores(
        withheld={name: prediction.error for name, prediction in found.items()},
        withheld_every=every,
        withheld_angles_deg=_digits(A.geometry.angles_deg[held]),
        withheld_per_view={name: _digits(one.per_view) for name, one in found.items()},
        noise_share_of_data=noise / (float((y.double() ** 2).mean()) ** 0.5 or 1.0),
    )


def _digits(values: np.ndarray) -> tuple[float, ...]:
    """Four significant ones: a curve is for looking at."""
    return tuple(float(f"{v:.4g}") for v in values)
