"""What is invented, how far it is believed, and that nothing measured is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry
from recon.phantoms.ellipses import ellipses
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.sinogram.gan import GAN, gan, rows_of_parts

ANGLES = np.arange(-60, 60.1, 6.0)
N = 32
Write = Callable[..., str]


@pytest.fixture(scope="module")
def specimen() -> Tensor:
    return ellipses(size=N, rows=3, seed=2).density


@pytest.fixture(scope="module")
def series(specimen: Tensor) -> TiltSeries:
    y = NativeProjector(Geometry(ANGLES), (N, N), N)(specimen).contiguous()
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    return TiltSeries(y + 0.1 * noise, Geometry(ANGLES, 2.0))


def inpainted(series: TiltSeries, weights: str, **options: object) -> TiltSeries:
    chosen = {"step_deg": 6.0, "weight": 0.3, "dimensions": 2, "strength": 1.0} | options
    return gan(series, weights=weights, **chosen)  # type: ignore[arg-type]


def test_measured_views_stay_bit_for_bit_and_the_others_are_believed_less(
    series: TiltSeries, specimen: Tensor, inpaint_weights: Write
) -> None:
    done = inpainted(series, inpaint_weights())
    n = ANGLES.size
    assert torch.equal(done.data[:n], series.data) and done.precision is not None
    assert bool((done.precision[:n] == 1).all())
    invented = done.precision[n:]
    assert float(invented.min()) > 0 and float(invented.max()) < 1
    new = done.geometry.angles_deg[n:]
    np.testing.assert_allclose(np.sort(np.mod(new, 180)), np.arange(66, 115, 6.0))
    # An untrained network leaves TV as it was corrected: near the truth, for so easy a specimen.
    truth = NativeProjector(Geometry(new), (N, N), N)(specimen)
    assert float((done.data[n:] - truth).norm() / truth.norm()) < 0.15
    assert done.geometry.pixel_nm == 2.0 and "views invented" in done.history[-1]
    told = done.facts["inpaint"]
    assert isinstance(told, dict) and told["views_invented"] == new.size


def test_the_more_error_is_expected_the_less_it_is_believed(
    series: TiltSeries, inpaint_weights: Write
) -> None:
    doubtful = inpainted(series, inpaint_weights()).precision
    sure = inpainted(series, inpaint_weights(surer=3.0)).precision
    assert doubtful is not None and sure is not None
    n = ANGLES.size
    odds = [p[n:] / (1 - p[n:]) for p in (doubtful, sure)]  # n / e
    torch.testing.assert_close(
        odds[1] / odds[0], torch.full_like(odds[0], np.e**3), rtol=0.02, atol=0
    )


def test_a_network_that_withheld_views_contradict_is_mixed_down_to_tv(
    series: TiltSeries, inpaint_weights: Write
) -> None:
    wrong = inpaint_weights(change=0.5)
    told = inpainted(series, wrong, strength="auto").facts["inpaint"]
    assert isinstance(told, dict) and told["strength"] < 0.3 and told["surprise"] > 10
    n = ANGLES.size
    tv = inpainted(series, wrong, strength=0.0)
    half = inpainted(series, wrong, strength=0.5)
    whole = inpainted(series, wrong)
    torch.testing.assert_close(half.data[n:], (tv.data[n:] + whole.data[n:]) / 2)
    assert tv.precision is not None and whole.precision is not None
    assert float(tv.precision[n:].mean()) < float(whole.precision[n:].mean())


def test_rejected_views_have_no_say_and_masked_pixels_stay_masked(
    series: TiltSeries, inpaint_weights: Write
) -> None:
    weights = inpaint_weights()
    seen = torch.ones_like(series.data)
    seen[3, :, :5] = 0
    seen[7] = 0  # a view that was rejected is missing: it is invented too
    shouted = series.data.clone()
    shouted[7] = -1e4
    first, second = (
        inpainted(replace(series, data=data, precision=seen), weights, noise=0.1)
        for data in (series.data, shouted)
    )
    n = ANGLES.size
    torch.testing.assert_close(first.data[n:], second.data[n:])
    assert first.precision is not None
    assert torch.equal(first.precision[:n], seen)
    assert ANGLES[7] in first.geometry.angles_deg[n:].round(6)


def test_rows_are_restored_alike_in_any_parts(series: TiltSeries, inpaint_weights: Write) -> None:
    weights = inpaint_weights()
    whole = inpainted(series, weights, noise=0.1)
    turned = replace(series, data=series.data.flip(1))
    again = inpainted(turned, weights, noise=0.1)
    torch.testing.assert_close(again.data.flip(1), whole.data, rtol=1e-3, atol=1e-3)
    parts = rows_of_parts(torch.zeros(5, 100, 1024), 3)
    assert [own.stop - own.start for _, own in parts[:-1]] == [parts[0][1].stop] * (len(parts) - 1)
    kept = [wide.start + k for wide, own in parts for k in range(own.start, own.stop)]
    assert kept == list(range(100))
    assert all(own.start == min(8, wide.start + own.start) for wide, own in parts)


def test_what_the_network_does_not_know_is_said(series: TiltSeries, inpaint_weights: Write) -> None:
    narrow = replace(
        series, data=series.data[4:-4].contiguous(), geometry=Geometry(ANGLES[4:-4], 2.0)
    )
    done = inpainted(narrow, inpaint_weights())
    assert any(
        "widest gap between measured views is 108 deg, but the network was trained on 30 to 90 deg"
        in warning
        for warning in done.warnings
    )
    assert not inpainted(series, inpaint_weights()).warnings


def test_nothing_missing_is_nothing_done(inpaint_weights: Write) -> None:
    angles = np.arange(-90, 90, 6.0)
    full = TiltSeries(torch.rand(angles.size, 2, N), Geometry(angles))
    done = gan(full, weights=inpaint_weights(), step_deg=6.0)
    assert done.data is full.data and "no view is missing" in done.history[-1]


def test_mistakes_are_sentences(series: TiltSeries, inpaint_weights: Write) -> None:
    one = replace(series, data=series.data[:1], geometry=Geometry(ANGLES[:1]))
    with pytest.raises(UserError, match="1 measured tilt given to inpaint"):
        gan(one, weights=inpaint_weights())
    with pytest.raises(UserError, match="of task=irdm, weights of task=inpaint wanted"):
        gan(series, weights="irdm")
    with pytest.raises(UserError, match="of task=fiducials, weights of task=inpaint"):
        gan(series, weights=inpaint_weights(task="fiducials"))
    for wrong in ({"strength": 2.0}, {"weight": "much"}, {"step_deg": 0.0}, {"dimensions": 4}):
        name = next(iter(wrong))
        bound = GAN(**wrong)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=f"correct inpaint.{name}"):
            bound.declared.check(bound.options)
