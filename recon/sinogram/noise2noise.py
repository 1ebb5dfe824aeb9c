"""``denoise=noise2noise``: the network of ``denoise=unet``, trained on from the shipped weights by
the user's own series, without any truth."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from recon.errors import UserError
from recon.learned.weights import load_trained
from recon.progress import track
from recon.series import TiltSeries
from recon.sinogram.pictures import Level, level_of, neighbours, pictures
from recon.sinogram.stabilised import Counted, counted, finish
from recon.sinogram.thinning import Splitter, correlation
from recon.sinogram.unet import TASK, check_options, check_views, denoised, level_and_step, outside
from recon.stage import Options, Reads, Step

CROP, BATCH = 64, 8  # pixels and pictures of a training step
HELD = 6  # one view in so many is never a target, and judges
LOOKS = 10  # at the views held back, over the whole training
PATIENCE = 3  # looks without a better prediction before it ends
JUDGED = 24  # pictures


@dataclass(frozen=True, eq=False)
class _Pair:
    """What the network is given, and an independent recording of what it should say."""

    given: Tensor
    wanted: Tensor


def noise2noise(
    series: TiltSeries,
    *,
    weights: str = "denoise",
    steps: int = 300,
    learning_rate: float = 5e-4,
    share: float = 0.7,
    strength: float = 1.0,
    flips: bool = True,
    seed: int = 0,
) -> TiltSeries:
    """Lehtinen et al. 2018 (arXiv:1803.04189): a network that predicts one noisy recording from an
    independent one learns their common expectation. Here the two come from one series
    (``recon/sinogram/thinning.py``): a ``share`` of the counts goes in, the others are predicted.

    Every sixth view is never a target; the weights that predict those best are taken, and where
    none is better than the ``weights`` that it began with, those. ``steps``: at most; ``strength``,
    ``flips``: as of ``unet``; ``seed``: of what is drawn. Raises ``UserError`` for a single view, and for weights of another task.
    """
    check_views(series)
    trained = load_trained(weights, task=TASK)
    found = counted(series)
    level, step_deg = level_and_step(series, found)
    network = copy.deepcopy(trained.network)
    tuned, gain, taken = _tuned(
        network, series, found, step_deg, steps=steps, rate=learning_rate, share=share, seed=seed
    )
    counts = denoised(tuned, series, found, flips=flips)
    exact = found.model.exact
    return finish(
        series,
        found,
        torch.lerp(found.counts, counts, strength),
        words=f"a network ({trained.name}) that was trained on by {taken} steps on these views, "
        + ("their counts dealt out at random" if exact else "noise like theirs added"),
        warnings=outside(trained, level, step_deg),
        steps_taken=taken,
        gain_on_held_views_percent=100 * gain,
        split="counts" if exact else "added noise",
    )


def _tuned(
    network: nn.Module,
    series: TiltSeries,
    found: Counted,
    step_deg: float,
    *,
    steps: int,
    rate: float,
    share: float,
    seed: int,
) -> tuple[nn.Module, float, int]:
    """(the network in evaluation mode, by how much better it predicts views held back, the steps
    that led to it)."""
    splitter, views = _splitter(network, series, found), int(getattr(network, "views", 1))
    n, rng = len(splitter.counts), np.random.default_rng(seed)
    held = np.arange(n)[HELD // 2 :: HELD] if n >= HELD else np.array([n // 2])
    targets = np.setdiff1d(np.arange(n), held)
    level = level_of(splitter.counts * share, share * splitter.read)

    def draw(among: np.ndarray, count: int, rng: np.random.Generator) -> _Pair:
        pairs = [
            _pair(splitter, int(rng.choice(among)), views, share, level, step_deg, rng)
            for _ in range(count)
        ]
        return _Pair(torch.stack([p.given for p in pairs]), torch.stack([p.wanted for p in pairs]))

    judge = draw(held, JUDGED, np.random.default_rng([seed, 1]))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    torch.manual_seed(seed)
    first = least = _error(network, judge)
    best, taken, worse = copy.deepcopy(network.state_dict()), 0, 0
    every = max(1, steps // LOOKS)
    with track("training on the views themselves", steps) as phase:
        for step in range(1, steps + 1):
            pair = draw(targets, BATCH, rng)
            loss = (network(pair.given).float()[:, 0] - pair.wanted).square().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, step / 20) * (1 - 0.9 * step / steps)
            optimiser.step()
            phase.advance()
            if step % every == 0 or step == steps:
                error = _error(network, judge)
                worse = 0 if error < least else worse + 1
                if error < least:
                    least, taken, best = error, step, copy.deepcopy(network.state_dict())
                if worse >= PATIENCE:
                    break
    network.load_state_dict(best)
    return network.eval(), 1 - least / max(first, 1e-30), taken


def _splitter(network: nn.Module, series: TiltSeries, found: Counted) -> Splitter:
    """Of the views in order of tilt."""
    order = np.argsort(series.geometry.angles_deg, kind="stable").tolist()
    counts, read = found.counts[order], found.model.read
    if found.model.exact:
        return Splitter(counts, 0.0)
    expected = denoised(network, series, found, flips=False)[order]
    return Splitter(counts, read, expected, correlation(counts, expected, read))


def _pair(
    splitter: Splitter,
    view: int,
    views: int,
    share: float,
    level: Level,
    step_deg: float,
    rng: np.random.Generator,
) -> _Pair:
    """A window of a view, laid down one of eight ways, as the network is given it of a ``share`` of
    the counts, and the others."""
    n_t, n_y, n_x = splitter.counts.shape
    edges = [min(n, CROP) for n in (n_y, n_x)]
    y, x = (int(rng.integers(n - e + 1)) for n, e in zip((n_y, n_x), edges, strict=True))
    near = neighbours(n_t, view, views)
    a, b = splitter.split(near, slice(y, y + edges[0]), slice(x, x + edges[1]), share, rng)
    wanted = b[views // 2] * (share / level.brightest)
    if rng.random() < 0.5:
        a = torch.flip(a, (0,))  # mirrored at the middle slice, a specimen has its tilts reversed
    for axis in (1, 2):
        if rng.random() < 0.5:
            a, wanted = torch.flip(a, (axis,)), torch.flip(wanted, (axis - 1,))
    given = pictures(
        a, views // 2, views=views, read=share * splitter.read, level=level, step_deg=step_deg
    )
    return _Pair(given, wanted)


def _error(network: nn.Module, judge: _Pair) -> float:
    with torch.no_grad():
        out = network(judge.given).float()[:, 0]
    return float((out - judge.wanted).square().mean())


def _check(options: Options) -> None:
    check_options(options)
    if options["steps"] < 1 or not 0 < options["learning_rate"] < 1:
        raise UserError(
            f"denoise.steps={options['steps']} and denoise.learning_rate="
            f"{options['learning_rate']} given, 1 or more and a number from 0 to 1 wanted"
        )
    if not 0.05 <= options["share"] <= 0.95:
        raise UserError(f"denoise.share={options['share']} given, 0.05 to 0.95 wanted")


NOISE2NOISE = Step(noise2noise, reads=(Reads("weights", "weights"),), check=_check)
