"""An example is a fair exercise: made on a finer grid, deterministic, in units in which a
specimen's density is about 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.geometry import Geometry
from recon.training.examples import Ranges, draw_geometry, make_example, record, turn
from recon.training.pool import available
from recon.training.source import PhantomSource

CLEAN = Ranges(noise_free=1.0, damping=(0.0, 0.0), misalignment_px=(0.0, 0.0))


def box() -> torch.Tensor:
    fine = torch.zeros(32, 8, 32)
    fine[8:24, :, 10:20] = 1
    return fine


def test_the_same_number_is_the_same_example(source: PhantomSource) -> None:
    one = source.group(0)
    for path in source.folder.glob("0000000-*"):
        path.unlink()
    two = source.group(0)
    for a, b in zip(one, two, strict=True):
        assert all(torch.equal(getattr(a, k), getattr(b, k)) for k in ("tv", "wbp", "truth", "y"))
        assert (a.snr, a.flat, a.family) == (b.snr, b.flat, b.family)


def test_what_is_read_is_what_was_made(source: PhantomSource) -> None:
    made, read = source.group(1), source.group(1)
    assert torch.equal(made[0].truth, read[0].truth)
    assert made[0].angles_deg.tolist() == read[0].angles_deg.tolist()


def test_a_noise_free_record_keeps_the_mass() -> None:
    geometry = Geometry(np.arange(-40.0, 41, 10), None, 0.0, np.zeros((9, 2)))
    y = record(box(), 2, geometry, CLEAN, np.random.default_rng(0))
    coarse_mass = float(box().sum()) / 8
    assert y.shape == (9, 4, 16)
    assert torch.allclose(y.sum((1, 2)), torch.full((9,), coarse_mass), rtol=2e-3)


def test_counts_have_their_mean_for_variance() -> None:
    ranges = Ranges(
        noise_free=0.0, damping=(0.0, 0.0), misalignment_px=(0.0, 0.0), counts=(400.0, 400.001)
    )
    geometry = Geometry([0.0], None, 0.0, np.zeros((1, 2)))
    flat = torch.ones(32, 400, 32)
    y = record(flat, 2, geometry, ranges, np.random.default_rng(0))[0, :, 3:-3].double()
    counts = 400 / 16  # per unit of y: the thickest ray is 16 coarse pixels
    assert float((y * counts).var() / (y * counts).mean()) == pytest.approx(1, abs=0.06)


def test_a_density_comes_out_at_one(source: PhantomSource) -> None:
    example = make_example(7 * box(), 2, "box", CLEAN, np.random.default_rng(1), rows=4)
    assert float(example.truth.max()) == pytest.approx(1, abs=0.25)


def test_a_draw_geometry_stays_in_its_ranges() -> None:
    for seed in range(50):
        geometry = draw_geometry(Ranges(), np.random.default_rng(seed))
        step = np.diff(geometry.angles_deg)
        assert 0.999 <= step.min() == pytest.approx(step.max())
        assert step.max() <= 5.001
        assert 45 - 5 <= np.ptp(geometry.angles_deg) / 2 <= 70.001
        assert np.abs(geometry.angles_deg).max() <= 74.001


def test_turning_keeps_what_is_in_the_box() -> None:
    cube = torch.rand(6, 6, 6)
    for seed in range(10):
        assert sorted(turn(cube, np.random.default_rng(seed)).flatten().tolist()) == sorted(
            cube.flatten().tolist()
        )
        assert turn(torch.rand(6, 2, 6), np.random.default_rng(seed)).shape == (6, 2, 6)


def test_what_a_step_may_use_grows_with_the_step_alone() -> None:
    counts = [
        available(step, first=2, steps_per_group=10, limit=4) for step in (0, 9, 10, 25, 1000)
    ]
    assert counts == [2, 2, 3, 4, 4]
