"""A fixed set of examples that is never trained on: seen families with other seeds, and families
that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # before pyplot: training runs without a screen

import matplotlib.pyplot as plt
import numpy as np
from torch import nn

from recon.metrics.volumes import psnr, ssim
from recon.training.base import Line
from recon.training.examples import Example
from recon.training.pool import VALIDATION
from recon.training.source import PhantomSource
from recon.training.tasks import Restorer


@dataclass(frozen=True, eq=False)
class PhantomJudge:
    """``seen`` and ``held_out``: examples by family. The gains of its lines are over TV."""

    task: Restorer
    seen: Sequence[Example]
    held_out: Sequence[Example]

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        """Score a network in evaluation mode; writes ``sample.png``."""
        names: list[str] = []
        values: list[float] = []
        for what, examples in (("seen", self.seen), ("held_out", self.held_out)):
            if not examples:
                continue
            scores = np.array([_scores(network, self.task, example) for example in examples])
            names += [f"{what}_psnr", f"{what}_gain", f"{what}_ssim_gain", f"{what}_worst"]
            gain = scores[:, 0] - scores[:, 2]
            values += [
                float(scores[:, 0].mean()),
                float(gain.mean()),
                float((scores[:, 1] - scores[:, 3]).mean()),
                float(gain.min()),
            ]
        _picture(
            network, self.task, [*self.seen[:2], *self.held_out[:2]], folder / "sample.png", step
        )
        return Line(tuple(names), tuple(values))

    def scores(self, network: nn.Module) -> dict[str, object]:
        """By family, seen and held out."""
        parts = {"seen": self.seen, "held_out": self.held_out}
        return {what: family_scores(network, self.task, part) for what, part in parts.items()}


def make_judge(task: Restorer, seen: PhantomSource, held_out: PhantomSource) -> PhantomJudge:
    """One group of every family."""
    groups = [
        [source.group(VALIDATION + i, name) for i, name in enumerate(source.families)]
        for source in (seen, held_out)
    ]
    return PhantomJudge(
        task, *([example for group in part for example in group] for part in groups)
    )


def family_scores(
    network: nn.Module, task: Restorer, examples: Sequence[Example]
) -> Mapping[str, Mapping[str, float]]:
    """Mean PSNR and SSIM per family, of the network and of TV, for the card."""
    by_family: dict[str, list[np.ndarray]] = {}
    for example in examples:
        by_family.setdefault(example.family, []).append(_scores(network, task, example))
    keys = ("psnr_db", "ssim", "tv_psnr_db", "tv_ssim")
    return {
        family: dict(zip(keys, np.mean(rows, 0).round(3).tolist(), strict=True))
        for family, rows in by_family.items()
    }


def _scores(network: nn.Module, task: Restorer, example: Example) -> np.ndarray:
    truth = example.truth.float()
    out = task.restore(network, example).permute(1, 0, 2)
    tv = example.tv.float()
    return np.array([psnr(out, truth), ssim(out, truth), psnr(tv, truth), ssim(tv, truth)])


def _picture(
    network: nn.Module, task: Restorer, examples: Sequence[Example], path: Path, step: int
) -> None:
    figure, axes = plt.subplots(
        len(examples), 4, figsize=(11, 2.8 * len(examples)), squeeze=False, layout="constrained"
    )
    for line, example in zip(axes, examples, strict=True):
        row = example.truth.shape[1] // 2
        out = task.restore(network, example)[row]
        shown = {
            "WBP": example.wbp[:, row],
            "TV": example.tv[:, row],
            f"step {step}": out,
            "truth": example.truth[:, row],
        }
        for axis, (title, picture) in zip(line, shown.items(), strict=True):
            axis.imshow(
                picture.float().numpy(), cmap="gray", vmin=0, vmax=float(example.truth.max())
            )
            axis.set_title(f"{example.family}: {title}", fontsize=8)
            axis.axis("off")
    figure.savefig(path, dpi=80)
    plt.close(figure)
