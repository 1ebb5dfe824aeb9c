"""``train.py task=denoise``: the network of ``denoise=unet``, on simulated projections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from recon.sinogram.pictures import pictures
from recon.training.base import Line, Material, Shown
from recon.training.noisy_views import NoisyViews, expose
from recon.training.pool import VALIDATION
from recon.training.view_source import CleanViews, ViewSource

JUDGED_COUNTS = (0.5, 2.0, 10.0)  # in the brightest pixel
TINY = 1e-6  # of the square of the brightest counts: less error than that is none
PER_SERIES = 2
AT_ENDS = 0.15  # share of the pictures that may be the first or last of their series


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """``pictures``: (n, channel, y, x). ``truth``: (n, y, x), in units of the brightest counts."""

    pictures: Tensor
    truth: Tensor


@dataclass(frozen=True)
class Denoise:
    """A view and its neighbours in, the expectation of its counts out. Loss: the logarithm of the
    mean squared error of each picture, so that every dose and contrast counts by its decibels."""

    name: ClassVar[str] = "denoise"
    used_as: ClassVar[str] = "denoise=unet denoise.weights="
    on_cpu: ClassVar[bool] = False
    adversarial: ClassVar[float] = 0.0

    network: Callable[[], nn.Module]
    batch: int = 16
    crop: int = 64
    views: int = 7

    def discriminator(self) -> None:
        """None: nothing is to be invented."""

    def draw(self, examples: Sequence[CleanViews], rng: np.random.Generator) -> ViewBatch:
        """Every two pictures of another series, recorded anew, laid down one of eight ways."""
        drawn: list[tuple[Tensor, Tensor]] = []
        while len(drawn) < self.batch:
            clean = examples[int(rng.integers(len(examples)))]
            noisy, half, n = expose(clean, rng), self.views // 2, len(clean.mass)
            for _ in range(PER_SERIES):
                anywhere = rng.random() < AT_ENDS
                own = int(rng.integers(n) if anywhere else rng.integers(half, n - half))
                drawn.append(_turned(*self.picture(noisy, own, clean.step_deg), rng, self.views))
        del drawn[self.batch :]
        return ViewBatch(torch.stack([p for p, _ in drawn]), torch.stack([t for _, t in drawn]))

    def picture(self, noisy: NoisyViews, view: int, step_deg: float) -> tuple[Tensor, Tensor]:
        """(what the network is given, what it should say)."""
        given = pictures(
            noisy.counts, view, views=self.views, read=noisy.read, level=noisy.level,
            step_deg=step_deg,
        )  # fmt: skip
        return given, noisy.truth[view] / noisy.level.brightest

    def losses(self, network: nn.Module, batch: ViewBatch) -> tuple[Tensor, Shown | None]:
        out = network(batch.pictures).float()[:, 0]
        squared = (out - batch.truth).square().mean((1, 2))
        return torch.log(squared + TINY).mean(), None


@dataclass(frozen=True, eq=False)
class DenoisingJudge:
    """``seen``, ``held_out``: series that are never trained on, of families that are and are not.
    Its numbers are PSNR (peak: the brightest pixel of the series) over that of the noisy views
    filtered by the best Gaussian of ``SIGMAS``, chosen by the truth."""

    task: Denoise
    seen: Sequence[CleanViews]
    held_out: Sequence[CleanViews]

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        names: list[str] = []
        values: list[float] = []
        for what, found in self.scores(network).items():
            for counts, numbers in found.items():
                names.append(f"{what}_{counts}")
                values.append(numbers["psnr_db"] - numbers["gaussian_psnr_db"])
        return Line(tuple(names), tuple(values))

    def scores(self, network: nn.Module) -> dict[str, dict[str, dict[str, float]]]:
        parts = {"seen": self.seen, "held_out": self.held_out}
        return {
            what: {f"{c:g}": _score(network, self.task, some, c) for c in JUDGED_COUNTS}
            for what, some in parts.items()
            if some
        }


SIGMAS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # pixels


def _score(
    network: nn.Module,
    task: Denoise,
    examples: Sequence[CleanViews],
    counts: float,
) -> dict[str, float]:
    from scipy import ndimage

    found = []
    for number, clean in enumerate(examples):
        noisy = expose(clean, np.random.default_rng([7, number]), counts)
        view = len(clean.mass) // 2
        given, truth = task.picture(noisy, view, clean.step_deg)
        with torch.no_grad():
            out = network(given[None]).float()[0, 0].numpy()
        plain = (noisy.counts[view] / noisy.level.brightest).numpy()
        peak = float(noisy.truth.max()) / noisy.level.brightest
        filtered = [ndimage.gaussian_filter(plain, s) for s in SIGMAS]
        found.append((_psnr(out, truth, peak), max(_psnr(one, truth, peak) for one in filtered)))
    means = np.mean(found, 0)
    return {"psnr_db": round(float(means[0]), 3), "gaussian_psnr_db": round(float(means[1]), 3)}


def _psnr(image: np.ndarray, truth: Tensor, peak: float) -> float:
    error = float(np.mean((image.astype(np.float64) - truth.double().numpy()) ** 2))
    return float(10 * np.log10(peak**2 / max(error, 1e-12)))


def gather_views(
    source: ViewSource, held_out: ViewSource, task: Denoise, groups: int
) -> Material[CleanViews]:
    """What the network is trained and judged on; the series to judge by are made here: one phantom
    of every family."""
    seen, other = (
        [
            example
            for k, name in enumerate(some.families)
            for example in some.group(VALIDATION + k, name)[:4]
        ]
        for some in (source, held_out)
    )

    def describe() -> dict[str, object]:
        made = sum(source.ready(g) for g in range(groups))
        return {
            "phantoms": made,
            "series": made * source.per_group,
            "ranges": asdict(source.ranges),
        }

    facts: dict[str, object] = {
        "families": sorted(source.families),
        "ranges": asdict(source.ranges),
        "sizes": asdict(source.sizes),
    }
    return Material(source, DenoisingJudge(task, seen, other), facts, describe)


def _turned(
    given: Tensor, truth: Tensor, rng: np.random.Generator, views: int
) -> tuple[Tensor, Tensor]:
    """Mirrored in y, in x, in the order of tilt: each is another specimen at the same tilts."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            given, truth = torch.flip(given, (axis,)), torch.flip(truth, (axis - 1,))
    if rng.random() < 0.5:
        given = torch.cat([torch.flip(given[:views], (0,)), given[views:]])
    return given.contiguous(), truth.contiguous()
