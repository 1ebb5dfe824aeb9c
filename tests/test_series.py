"""The data objects check themselves and remember what was done."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import Geometry
from recon.series import TiltSeries, Volume

GEOMETRY = Geometry(np.array([-1.0, 0.0, 1.0]), 2.0)


def test_as_many_projections_as_angles():
    with pytest.raises(UserError, match="needle: 4 projections but 3 tilt angles"):
        TiltSeries(torch.zeros(4, 5, 6), GEOMETRY, "needle")


@pytest.mark.parametrize(
    "data", [torch.zeros(3, 5), torch.zeros(3, 5, 6, dtype=torch.float64), torch.zeros(3, 5, 6, 1)]
)
def test_another_shape_or_type_cannot_be_a_series(data):
    with pytest.raises(UserError, match=r"\(tilt, y, x\) float32 wanted"):
        TiltSeries(data, GEOMETRY)


@pytest.mark.parametrize("data", [torch.zeros(3, 5), torch.zeros(3, 5, 6, dtype=torch.int16)])
def test_another_shape_or_type_cannot_be_a_volume(data):
    with pytest.raises(UserError, match=r"\(z, y, x\) float32 wanted"):
        Volume(data, 1.0, unit="density")


def test_a_step_is_added_and_the_past_kept():
    first = TiltSeries(torch.zeros(3, 5, 6), GEOMETRY, "needle", ("read",), {"a": 1})
    second = first.after("doubled", data=first.data + 1, facts={"b": 2})
    assert first.history == ("read",)
    assert dict(first.facts) == {"a": 1}
    assert second.history == ("read", "doubled")
    assert dict(second.facts) == {"a": 1, "b": 2}
    assert second.geometry is GEOMETRY
    assert second.name == "needle"
    assert float(second.data.min()) == 1
    other = Geometry(np.array([5.0, 6.0, 7.0]), 1.0)
    third = second.after("turned", geometry=other)
    assert third.geometry is other
    assert third.data is second.data


def test_a_step_cannot_make_an_invalid_series():
    series = TiltSeries(torch.zeros(3, 5, 6), GEOMETRY)
    with pytest.raises(UserError, match="2 projections but 3 tilt angles"):
        series.after("lost one", data=torch.zeros(2, 5, 6))
    with pytest.raises(FrozenInstanceError):
        series.name = "other"
