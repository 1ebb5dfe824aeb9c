"""The classical denoisers: totals, masks, independence of views, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from recon.errors import UserError
from recon.sinogram.classical import GAUSSIAN, MEDIAN, NLM, TV_VIEWS
from recon.sinogram.restoration import Restoration
from recon.stage import BoundStep

from .conftest import series_of, views_of

STEPS = [GAUSSIAN(), GAUSSIAN(stabilise=False), MEDIAN(), NLM(), TV_VIEWS()]


@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{s.name}-{s.options['stabilise']}")
def test_noise_falls_and_totals_stay(step: BoundStep) -> None:
    clean = views_of(20.0)
    series = series_of(clean)
    done = Restoration(step)(series)
    before, after = ((v - clean).square().mean() for v in (series.data, done.data))
    assert after < 0.5 * before
    assert done.data.sum((1, 2)).numpy() == pytest.approx(series.data.sum((1, 2)).numpy(), rel=1e-4)
    assert done.facts["denoise"]["method"] == step.name  # type: ignore[index]


@pytest.mark.parametrize("step", STEPS[:1] + STEPS[3:], ids=lambda s: s.name)
def test_units_do_not_matter(step: BoundStep) -> None:
    """A detector of another gain and offset gives the same views in its own units."""
    series = series_of(views_of(200.0))
    series = replace(series, data=series.data + 0.25)  # no whole numbers: the noise tells the gain
    one = step(series).data
    two = step(replace(series, data=40 * series.data + 300)).data
    assert ((two - 300) / 40).numpy() == pytest.approx(one.numpy(), rel=1e-3, abs=0.02)


def test_views_are_denoised_one_by_one() -> None:
    series = series_of(views_of(20.0))
    less = replace(series, data=series.data.clone())
    less.data[3:] = less.data[3:].flip(2)
    assert torch.equal(GAUSSIAN()(series).data[:3], GAUSSIAN()(less).data[:3])


def test_mirrored_views_are_mirrored() -> None:
    series = series_of(views_of(20.0))
    for step in (GAUSSIAN(), MEDIAN()):
        done = step(replace(series, data=series.data.flip(1))).data.flip(1)
        assert torch.allclose(done, step(series).data, atol=1e-4)


def test_what_was_not_measured_stays() -> None:
    series = series_of(views_of(20.0))
    precision = torch.ones_like(series.data)
    precision[:, :, :5] = 0
    done = GAUSSIAN()(replace(series, precision=precision))
    assert torch.equal(done.data[:, :, :5], series.data[:, :, :5])
    assert done.precision is precision
    inside = (slice(None), slice(None), slice(5, None))
    assert float(done.data[inside].sum()) == pytest.approx(
        float(series.data[inside].sum()), rel=1e-4
    )


def test_negative_counts_are_refused() -> None:
    series = series_of(views_of(20.0))
    data = series.data + 0.25
    told = {"gain": 1.0, "floor": 0.1, "dark": 0.0, "mean": 5.0}
    wrong = replace(series, data=-data - 40, facts={"photon_transfer": told})
    with pytest.raises(UserError, match="negative counts"):
        GAUSSIAN()(wrong)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (GAUSSIAN(sigma_px=0.0), "sigma_px=0"),
        (MEDIAN(size_px=4), "size_px=4 given, an odd"),
        (NLM(strength=-1.0), "strength=-1"),
        (TV_VIEWS(weight=float("inf")), "weight=inf"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_the_work(step: BoundStep, words: str) -> None:
    with pytest.raises(UserError, match=words):
        step.declared.check(step.options)
