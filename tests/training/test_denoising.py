"""Projections counted anew at every step: what they are, and a training that learns from them."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from models.view_unet import ViewUNet
from recon.console import Console
from recon.errors import UserError
from recon.phantoms.ellipses import ellipses
from recon.phantoms.polygons import polygons
from recon.training.denoising import Denoise, gather_views
from recon.training.loop import Trainer, train
from recon.training.noisy_views import expose
from recon.training.view_ranges import ViewRanges
from recon.training.view_source import CleanViews, ViewSizes, ViewSource

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ViewRanges(reading=0.0, scanned=0.0, aligned=0.0, gain_error=0.0)
SIZES = ViewSizes(voxels=32, patch=16, views=7, per_phantom=2)
NETWORK = functools.partial(ViewUNet, 3, 2, (4, 4, 4, 4, 4, 4))
TASK = Denoise(NETWORK, batch=4, crop=16, views=3)


def disc(ranges: ViewRanges = PLAIN) -> CleanViews:
    y, x = np.mgrid[-20:20, -20:20]
    view = np.sqrt(np.clip(1 - (y**2 + x**2) / 225, 0, None)).astype(np.float32)
    mass = torch.from_numpy(np.repeat(view[None], 9, 0))
    return CleanViews(mass, mass, 2.0, "disc", ranges)


def source(folder: Path) -> ViewSource:
    return ViewSource({"polygons": polygons, "ellipses": ellipses}, PLAIN, 1, folder, SIZES)


@pytest.mark.parametrize("kind", ["haadf", "bright_field", "element map"])
def test_counts_are_poisson_about_their_expectation(kind: str) -> None:
    shares = {"haadf": (1.0, 0.0), "bright_field": (0.0, 1.0)}.get(kind, (0.0, 0.0))
    ranges = replace(PLAIN, haadf=shares[0], bright_field=shares[1])
    noisy = expose(disc(ranges), np.random.default_rng(0), counts=50.0)
    assert float(noisy.truth.max()) == pytest.approx(50, rel=0.2)  # the beam is not quite steady
    wrong = (noisy.counts - noisy.truth)[noisy.truth > 5]
    assert abs(float(wrong.mean())) < 0.3
    share = (wrong.square() / noisy.truth[noisy.truth > 5]).mean()
    assert float(share) == pytest.approx(1, abs=0.08)
    assert noisy.level.brightest == pytest.approx(float(noisy.truth.max()), rel=0.2)


def test_read_noise_and_interpolation_are_what_they_are_called() -> None:
    read = expose(
        disc(replace(PLAIN, reading=1.0, read_noise=(3.0, 3.0))), np.random.default_rng(0), 20.0
    )
    assert read.read == pytest.approx(9)
    wrong = (read.counts - read.truth).square().mean()
    assert float(wrong) == pytest.approx(9 + float(read.truth.mean()), rel=0.1)

    def neighbours(noise: torch.Tensor) -> float:
        return float(np.corrcoef(noise[..., 1:].flatten(), noise[..., :-1].flatten())[0, 1])

    plain, moved = (
        expose(disc(replace(PLAIN, aligned=share)), np.random.default_rng(0), 20.0)
        for share in (0.0, 1.0)
    )
    assert neighbours(plain.counts - plain.truth) < 0.05
    assert neighbours(moved.counts - moved.truth) > 0.07


def test_a_group_follows_from_its_number_and_is_kept(tmp_path: Path) -> None:
    first, again = (source(tmp_path / d).group(3) for d in ("a", "b"))
    assert len(first) == 2
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one.mass, two.mass)
        assert one.mass.shape == (7, 16, 16)
        assert 0 < float(one.mass.max()) <= 4
    other = source(tmp_path / "a").group(4)
    assert not torch.equal(first[0].mass, other[0].mass)
    assert source(tmp_path / "a").ready(3)
    assert not source(tmp_path / "a").ready(5)


def test_a_batch_follows_from_the_generator(tmp_path: Path) -> None:
    examples = source(tmp_path).group(0)
    one, two = (TASK.draw(examples, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one.pictures, two.pictures)
    assert torch.equal(one.truth, two.truth)
    assert one.pictures.shape == (4, 6, 16, 16)


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    trainer = Trainer(
        precision="32-true", steps=8, warm_up=3, groups=2, first_groups=2, validate_every=8,
        learning_rate=5e-3,
    )  # fmt: skip
    views = source(tmp_path / "views")
    material = gather_views(views, views, TASK, 2)
    weights = []
    for name, stops in (("whole", (None,)), ("parts", (5, None))):
        folder = tmp_path / name
        folder.mkdir()
        for stop in stops:
            short = replace(trainer, stop_after=stop)
            train(short, TASK, views, material.judge, folder, {}, Console())
        with safe_open(folder / "checkpoint.safetensors", framework="pt") as file:
            weights.append({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    assert set(weights[0]) == set(weights[1])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    header = (tmp_path / "whole" / "log.csv").read_text().splitlines()[0]
    assert header == "step,seconds,loss,seen_0.5,seen_2,seen_10,held_out_0.5,held_out_2,held_out_10"


def test_the_loss_is_in_decibels_and_can_be_learned() -> None:
    batch = TASK.draw([disc()], np.random.default_rng(1))
    torch.manual_seed(0)
    network = NETWORK()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        loss, shown = TASK.losses(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert shown is None
    assert losses[-1] < losses[0] - 2  # a seventh of the squared error
    same = replace(batch, truth=network(batch.pictures)[:, 0].detach() + 0.1)
    assert float(TASK.losses(network, same)[0].detach()) == pytest.approx(np.log(0.01), abs=1e-3)


def test_sizes_that_do_not_fit_are_a_sentence() -> None:
    with pytest.raises(UserError, match=r"sizes\.patch=64"):
        ViewSizes(voxels=64, patch=64)
    with pytest.raises(UserError, match=r"sizes\.views=0"):
        ViewSizes(views=0)


def test_the_command_writes_weights_that_denoise_takes(tmp_path: Path) -> None:
    words = [
        "task=denoise", "sizes.voxels=32", "sizes.patch=16", "sizes.per_phantom=2", "task.crop=16",
        "network.features=[4,4,4,4,4,4]", "trainer.steps=2", "trainer.groups=1", "task.batch=2",
        "trainer.first_groups=1", "trainer.validate_every=2", "output=own",
        *(f"~families.{n}" for n in ("nanoparticle", "core_shell", "supported_catalyst", "foam")),
        *(f"~families.{n}" for n in ("vesicles", "atoms", "polygons")),
        *(f"~held_out.{n}" for n in ("porous_silica", "quantum_dot", "polyamide_film")),
    ]  # fmt: skip

    def run(script: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / script), *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("train.py", *words)
    assert done.returncode == 0, done.stderr
    assert "TILT_SERIES denoise=unet denoise.weights=own" in done.stdout.splitlines()[-1]
    card = json.loads((tmp_path / "own" / "card.json").read_text())
    assert card["task"] == "denoise"
    assert card["data"]["ranges"]["counts"] == [0.05, 200.0]
    small = ("sample.size=32", "sample.step_deg=8", "threads=1", "report=false", "trust=none")
    more = ("align=none", "denoise=unet", "denoise.weights=own", "output=out")
    done = run("reconstruct.py", *small, *more)
    assert done.returncode == 0, done.stderr
    assert "denoised by a network" in done.stdout
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["facts"]["denoise"]["method"] == "unet"
