"""Half-turns with gaps: what a network of ``task=inpaint`` learns from."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.rrdb import RrdbNet
from models.sinogram_net import SinogramNet
from recon.geometry import Geometry
from recon.phantoms.ellipses import ellipses
from recon.projectors.native import NativeProjector
from recon.sinogram.half_turn import STEP_DEG
from recon.training.ding2019 import Ding2019, make_published
from recon.training.examples import Ranges
from recon.training.inpaint import Inpaint, take_rows
from recon.training.inpaint_judge import InpaintJudge
from recon.training.inpaint_losses import (
    consistency_beside,
    inconsistency,
    invented_error,
    likelihood,
)
from recon.training.sinograms import Sinograms, SinogramSource
from recon.training.source import Sizes

RANGES = Ranges(wedge_deg=(40.0, 60.0), step_deg=(4.0, 5.0), counts=(500.0, 5000.0))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SinogramSource:
    folder = tmp_path_factory.mktemp("sinograms")
    return SinogramSource({"ellipses": ellipses}, RANGES, 3, folder, Sizes(48, 48, 3, 1))


@pytest.fixture(scope="module")
def example(source: SinogramSource) -> Sinograms:
    return source.group(0)[0]


@pytest.fixture
def task() -> Inpaint:
    return Inpaint(functools.partial(SinogramNet, 6, (4, 4, 4, 4, 4, 4), 8), batch=2, depth=4)


def half_turn_of(volume: Tensor) -> tuple[Tensor, Tensor]:
    angles = np.arange(0, 180, 3.0)
    n = volume.shape[0]
    views = NativeProjector(Geometry(angles), (n, n), n)(volume)
    return views.permute(1, 0, 2), torch.from_numpy(angles)


def test_the_start_costs_two_and_the_truth_nothing() -> None:
    truth, start = torch.rand(2, 30, 20), torch.rand(2, 30, 20)
    missing = torch.zeros(2, 30, 20)
    missing[:, 10:20] = 1
    assert float(invented_error(start, truth, start, missing)) == pytest.approx(2, abs=1e-3)
    assert float(invented_error(truth, truth, start, missing)) == 0
    elsewhere = torch.where(missing > 0, truth, torch.rand(2, 30, 20))
    assert float(invented_error(elsewhere, truth, start, missing)) == 0


def test_the_ramp_makes_sharp_errors_dear() -> None:
    x = torch.arange(64)
    truth, missing = torch.zeros(1, 4, 64), torch.ones(1, 4, 64)
    smooth, sharp = (torch.sin(2 * torch.pi * f * x / 64).expand(1, 4, 64) for f in (2, 20))
    start = smooth + sharp
    one, other = (float(invented_error(out, truth, start, missing)) for out in (smooth, sharp))
    assert one < 0.7 < 1.3 < other


def test_projections_are_consistent_and_inventions_are_not() -> None:
    views, angles = half_turn_of(ellipses(size=48, rows=2, seed=1).density)
    power = float(views.mean(2).square().mean())
    assert float(inconsistency(views, angles).max()) < 1e-5 * power
    fading = views * (1 + 0.3 * torch.cos(4 * torch.deg2rad(angles)).float())[:, None]
    assert float(inconsistency(fading, angles).min()) > 1e-2 * power
    moved = views.clone()
    moved[:, 10:20] = moved[:, 10:20].roll(3, 2)  # the sums stay, the first moment does not
    assert float(inconsistency(moved, angles).min()) > 100 * float(
        inconsistency(views, angles).max()
    )
    assert float(consistency_beside(moved, moved, angles)) == pytest.approx(1, abs=0.1)


def test_the_likeliest_variance_is_that_of_the_error() -> None:
    error = 0.3 * torch.randn(1, 50, 50, generator=torch.Generator().manual_seed(0))
    missing = torch.ones_like(error)
    losses = [
        float(likelihood(error, torch.full_like(error, 2 * np.log(sigma)), missing))
        for sigma in (0.15, 0.3, 0.6)
    ]
    assert losses[1] < min(losses[0], losses[2])


def test_examples_are_those_of_their_number(source: SinogramSource, tmp_path: Path) -> None:
    first = source.group(0)[0]
    again = SinogramSource(source.families, RANGES, 3, tmp_path, source.sizes).group(0)[0]
    assert torch.equal(first.restored, again.restored) and first.snr == again.snr
    assert 35 < first.gap_deg < 70 and 4 <= first.own_step_deg <= 5.5
    missing = torch.from_numpy(first.missing)
    assert bool((first.measured[missing] == 0).all()) and bool((first.measured[~missing] > 0).any())
    # TV is near the truth at all angles, and where it was measured too.
    wrong = (first.tv.float() - first.truth.float()).norm(dim=(1, 2))
    assert float(wrong.max()) < 0.5 * float(first.truth.float().norm(dim=(1, 2)).max())


@pytest.mark.parametrize("mirrors", [(1,), (2,), (1, 2)])
def test_a_mirrored_half_turn_is_one_of_a_mirrored_specimen(
    example: Sinograms, mirrors: tuple[int, ...]
) -> None:
    plain, turned = (take_rows(example, np.arange(3), m) for m in ((), mirrors))
    whole, other = (float(inconsistency(b.truth, b.angles_deg).mean()) for b in (plain, turned))
    assert other == pytest.approx(whole, rel=0.05, abs=1e-7)
    assert torch.equal(turned.given.flip([a + 1 for a in mirrors]), plain.given)
    assert bool((turned.measured[:, turned.missing] == 0).all())


def test_a_few_steps_learn_something(task: Inpaint, example: Sinograms) -> None:
    torch.manual_seed(0)
    network = task.network()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for step in range(60):
        loss, shown = task.losses(network, task.draw([example], np.random.default_rng(step)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.05
    assert shown is not None
    assert task.discriminator()(shown.out[:, None], shown.condition[:, None]).shape[0] == 2


def test_a_judge_tells_the_truth_from_the_start(example: Sinograms, tmp_path: Path) -> None:
    class Knowing(nn.Module):
        """Half of the way from the start to the truth, with an error of known size."""

        def forward(self, given: Tensor) -> Tensor:
            wrong = (example.truth.float() - example.restored.float()).permute(1, 0, 2)
            return torch.stack([wrong / 2, 2 * torch.log(wrong.abs() / 2 + 1e-6)], 1)

    line = InpaintJudge(Inpaint(Knowing), [example], [])(Knowing(), tmp_path, 1)
    found = dict(zip(line.names, line.values, strict=True))
    assert found["seen_gain"] == pytest.approx(20 * np.log10(2), abs=0.01)
    assert found["seen_surprise"] == pytest.approx(1, rel=0.05)
    assert (tmp_path / "sample.png").exists()


def test_expected_errors_are_made_right_on_series_that_were_not_trained_on(
    task: Inpaint, example: Sinograms, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = task.network().eval()
    judge = InpaintJudge(task, [example], [])
    before = judge(network, tmp_path, 0)
    judge.calibrate(network)
    after = judge(network, tmp_path, 1)
    assert dict(zip(before.names, before.values, strict=True))["seen_surprise"] < 0.8
    assert dict(zip(after.names, after.values, strict=True))["seen_surprise"] == pytest.approx(1)


def test_the_published_task_has_the_published_geometry_and_weights() -> None:
    fine = ellipses(size=64, rows=4, seed=0).density
    clean = Ranges(noise_free=1.0, damping=(0.0, 0.0), misalignment_px=(0.0, 0.0))
    made = make_published(
        fine, 2, "ellipses", clean, np.random.default_rng(0), rows=2, unrelated=True
    )
    assert made.truth.shape == (128, 2, 32) and int(made.missing.sum()) == 32
    np.testing.assert_allclose(np.diff(made.angles_deg), STEP_DEG)
    missing = torch.from_numpy(made.missing)
    torch.testing.assert_close(made.restored[~missing], made.truth[~missing])
    mean = made.restored[~missing].mean((0, 2))
    torch.testing.assert_close(made.restored[missing], mean[:, None].expand(32, 2, 32))
    task = Ding2019(functools.partial(RrdbNet, blocks=1), batch=2, depth=4)
    batch = task.draw([made], np.random.default_rng(0))
    assert batch.filled.shape == (2, 1, 32, 128)

    class Off(nn.Module):
        def __init__(self, where: Tensor) -> None:
            super().__init__()
            self.where = where

        def forward(self, given: Tensor) -> Tensor:
            return batch.truth + 0.1 * self.where

    inside, outside = (
        float(task.losses(Off(where), batch)[0]) for where in (batch.missing, 1 - batch.missing)
    )
    assert inside == pytest.approx(0.01 * 32 / 128, rel=1e-3)
    assert outside == pytest.approx(1e-4 * 0.01 * 96 / 128, rel=1e-3)
