"""What a pixel's noise says of its counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.series import TiltSeries
from recon.sinogram.counts import EXACT, CountModel, count_model, with_noise

from .conftest import series_of, views_of


def test_true_counts_are_known_as_such() -> None:
    assert count_model(series_of(views_of(6.0))) == EXACT


def test_gain_offset_and_read_noise_are_found() -> None:
    series = series_of(views_of(60.0, n_views=12, size=96))
    rng = np.random.default_rng(1)
    read = torch.from_numpy(rng.normal(size=series.data.shape).astype(np.float32))
    found = count_model(replace(series, data=7 * (series.data + 2 * read) + 100))
    assert found.gain == pytest.approx(7, rel=0.1)
    assert found.dark == pytest.approx(100, abs=8)
    assert found.read == pytest.approx(4, rel=0.4)  # darkest is what noise made darkest


def test_what_was_measured_before_interpolation_is_believed() -> None:
    series = series_of(views_of(60.0))
    moved, noise = with_noise(
        replace(series, data=series.data * 2 + 1), series, Geometry(series.geometry.angles_deg, 1.0)
    )
    assert count_model(moved).gain == pytest.approx(1, rel=0.15)
    assert noise > 0


def test_counts_and_pixels_are_each_other_s_inverse() -> None:
    model, y = CountModel(3.0, -2.0, 0.5), torch.tensor([1.0, 4.0])
    assert torch.allclose(model.pixels(model.counts(y)), y)


def test_views_without_noise_are_refused() -> None:
    with pytest.raises(UserError, match="without noise"):
        count_model(TiltSeries(torch.zeros(3, 8, 8), Geometry([0.0, 1.0, 2.0], None)))
