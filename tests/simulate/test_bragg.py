"""Crystals darken in their zone axes and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.geometry import column_of
from recon.simulate.bragg import Bragg, beam_directions, in_zone_axis, zone_axes


def test_a_cube_has_thirteen_low_index_axes() -> None:
    axes = zone_axes()
    assert axes.shape == (13, 3)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1)
    angles = np.rad2deg(np.arccos(np.clip(np.abs(axes @ axes.T), 0, 1)))[~np.eye(13, dtype=bool)]
    assert angles.min() == pytest.approx(np.rad2deg(np.arccos(np.sqrt(2 / 3))))  # <110> and <111>


def test_a_step_along_the_beam_changes_no_column() -> None:
    angles = np.array([-60.0, 0.0, 25.0])
    for (z, y, x), angle in zip(beam_directions(angles), angles, strict=True):
        assert y == 0
        assert column_of(z, x, angle) == pytest.approx(0, abs=1e-12)
    # In the second series a point (z, y, x) lies at (z, -x, y).
    for (z, y, x), angle in zip(beam_directions(angles, second_axis=True), angles, strict=True):
        assert x == 0
        assert column_of(z, y, angle) == pytest.approx(0, abs=1e-12)


def test_the_share_of_hits_is_the_solid_angle_of_the_caps() -> None:
    beams = beam_directions(np.array([0.0, 40.0]))
    met = in_zone_axis(4000, beams, 5.0, np.random.default_rng(0))
    assert met.mean() == pytest.approx(
        13 * (1 - np.cos(np.deg2rad(5))), rel=0.1
    )  # 26 caps of 2 pi (1 - cos w), of 4 pi


def test_neighbouring_views_hit_together_and_far_ones_do_not() -> None:
    beams = beam_directions(np.arange(0.0, 60.0, 0.5))
    met = in_zone_axis(300, beams, 2.0, np.random.default_rng(0))
    crossings = np.abs(np.diff(met.astype(int), axis=0)).sum()
    assert met.sum() / max(crossings / 2, 1) > 3  # runs of several views


@pytest.mark.parametrize("options", [{"strength": -1.0}, {"width_deg": 0.0}])
def test_impossible_crystals_are_a_sentence(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="bragg"):
        Bragg(**options)
