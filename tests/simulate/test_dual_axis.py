"""Two series, one specimen."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from recon.phantoms.base import Phantom
from recon.phantoms.core_shell import core_shell
from recon.simulate.acquire import acquire
from recon.simulate.bragg import Bragg
from recon.simulate.detector import Detector
from recon.simulate.dual_axis import dual_axis
from recon.simulate.fiducials import Beads
from recon.simulate.goniometer import Goniometer
from recon.simulate.session import turn_phantom
from recon.simulate.views import Views

VIEWS = Views(step_deg=22.0, dose_e_nm2=1e6)
BEADS = Beads(5, 8.0)


def test_the_two_truths_are_one_turned_by_ninety_degrees(marbles: Callable[..., Phantom]) -> None:
    a, b = dual_axis(functools.partial(acquire, marbles, beads=BEADS), VIEWS)
    assert torch.equal(torch.rot90(a.truth.data, 1, (1, 2)), b.truth.data)
    z, y, x = a.fiducials.positions_nm.T
    np.testing.assert_allclose(b.fiducials.positions_nm, np.stack([z, -x, y], axis=1))


def test_the_untilted_views_show_the_same_turned_and_shifted(
    marbles: Callable[..., Phantom],
) -> None:
    record = functools.partial(
        acquire,
        marbles,
        stage=Goniometer(drift_px=0.0, axis_deg=0.0),
        beads=BEADS,
        detector=Detector(read_noise=0.0, cosmic_rays_per_view=0.0),
    )
    a, b = (s.series.data[3] for s in dual_axis(record, VIEWS))
    assert float((torch.rot90(a, 1) - b).norm() / b.norm()) < 0.03  # counting noise


def test_drift_and_noise_are_the_seconds_own(marbles: Callable[..., Phantom]) -> None:
    a, b = dual_axis(
        functools.partial(acquire, marbles, stage=Goniometer(tilt_error_deg=0.2)), VIEWS
    )
    assert not np.allclose(a.geometry.shifts_px, b.geometry.shifts_px)
    assert not np.allclose(a.geometry.angles_deg, b.geometry.angles_deg)
    assert np.array_equal(a.series.geometry.angles_deg, b.series.geometry.angles_deg)


def test_a_turned_phantom_keeps_its_parts_together() -> None:
    before = core_shell(size=20, seed=3, scale=0.5)
    after = turn_phantom(before)
    assert float(after.density.sum()) == pytest.approx(float(before.density.sum()))
    z, y, x = np.rint(after.positions_px[0] + 9.5).astype(int)
    assert after.labels[z, y, x] > 0
    for name in ("labels", "instances", "elements"):
        part, old = getattr(after, name), getattr(before, name)
        assert torch.equal(torch.rot90(part, -1, (-2, -1)), old)
    # A mark at (z, y, x) comes to (z, -x, y).
    mark = torch.zeros(20, 20, 20)
    mark[4, 5, 17] = 1
    moved = turn_phantom(type(before)(mark, before.labels, None, None, None, 1.0, "mark", ()))
    assert moved.density[4, 19 - 17, 5] == 1


def test_crystals_are_the_same_ones_seen_from_the_side(marbles: Callable[..., Phantom]) -> None:
    a, b = dual_axis(functools.partial(acquire, marbles, bragg=Bragg(1.0, 15.0)), VIEWS)
    middle = 3  # both look down z
    np.testing.assert_array_equal(a.applied.bragg[middle], b.applied.bragg[middle])
    assert not np.array_equal(a.applied.bragg, b.applied.bragg)
