"""``align=none``: an axis given off the centre is brought to it, by equation (2) of geometry.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.align.fixed import fixed
from recon.align.resample import resample
from recon.errors import UserError
from recon.geometry import Geometry
from recon.series import TiltSeries


def line_at(row: float | None, column: float | None) -> TiltSeries:
    """Three views of a straight bright line along x (at ``row``) or along y (at ``column``)."""
    y, x = np.meshgrid(np.arange(16.0), np.arange(16.0), indexing="ij")
    away = y - row if row is not None else x - (column or 0)
    return TiltSeries(
        torch.from_numpy(np.exp(-(away**2) / 4).astype(np.float32)).repeat(3, 1, 1),
        Geometry(np.array([-1.0, 0, 1]), 1.0),
    )


@pytest.mark.parametrize(("axis_deg", "row", "column"), [(0, None, 9.0), (90, 9.0, None)])
def test_the_axis_comes_to_the_centre(
    axis_deg: float, row: float | None, column: float | None
) -> None:
    """The line lies on the axis, at pixel 9 of 16: 1.5 from the centre 7.5, towards +x or, for a
    horizontal axis, +y."""
    aligned = (
        resample(fixed(line_at(row, column), axis_deg=axis_deg, axis_offset_px=1.5))
        .data[0, 4:12]
        .numpy()
    )
    centre = (aligned * np.arange(16)).sum(1) / aligned.sum(1)
    np.testing.assert_allclose(centre, 7.5, atol=0.02)


def test_without_an_offset_no_pixel_changes() -> None:
    series = line_at(3.0, None)
    assert fixed(series).geometry.shifts_px is None
    np.testing.assert_array_equal(resample(fixed(series)).data.numpy(), series.data.numpy())


def test_nan_is_a_sentence() -> None:
    with pytest.raises(UserError, match="axis_offset_px=nan"):
        fixed(line_at(3.0, None), axis_offset_px=float("nan"))
