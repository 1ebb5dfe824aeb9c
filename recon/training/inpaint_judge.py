"""What is invented, beside the truth: on series that are never trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # before pyplot: training runs without a screen

import matplotlib.pyplot as plt
import numpy as np
from torch import nn

from models.sinogram_net import SinogramNet
from recon.training.base import Line
from recon.training.ding2019 import Ding2019
from recon.training.inpaint import Inpaint
from recon.training.pool import VALIDATION
from recon.training.sinograms import Sinograms, SinogramSource

SCORES = ("error", "start_error", "tv_error", "variance_over_expected")


@dataclass(frozen=True, eq=False)
class InpaintJudge:
    """``seen`` and ``held_out``: examples by family. Errors are those in missing views; gains are
    over what the network starts from."""

    task: Inpaint | Ding2019
    seen: Sequence[Sinograms]
    held_out: Sequence[Sinograms]

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        """Score a network in evaluation mode; writes ``sample.png``."""
        names: list[str] = []
        values: list[float] = []
        for what, examples in (("seen", self.seen), ("held_out", self.held_out)):
            if not examples:
                continue
            scores = np.array([self._scores(network, example) for example in examples])
            gain, over_tv = (20 * np.log10(scores[:, k] / scores[:, 0]) for k in (1, 2))
            names += [f"{what}_{name}" for name in ("gain", "worst", "over_tv", "surprise")]
            surprise = np.exp(np.log(scores[:, 3]).mean())
            values += [float(v) for v in (gain.mean(), gain.min(), over_tv.mean(), surprise)]
        examples = [*self.seen[:2], *self.held_out[:2]]
        self._picture(network, examples, folder / "sample.png", f"step {step}")
        return Line(tuple(names), tuple(values))

    def scores(self, network: nn.Module) -> Mapping[str, object]:
        """By family, seen and held out."""
        parts = {"seen": self.seen, "held_out": self.held_out}
        return {what: self._by_family(network, part) for what, part in parts.items()}

    def calibrate(self, network: nn.Module) -> None:
        """Make the variance that a ``SinogramNet`` expects right in the geometric mean over all
        series, those of families that were never trained on included."""
        if isinstance(network, SinogramNet):
            ratios = [self._scores(network, e)[3] for e in (*self.seen, *self.held_out)]
            network.expect(float(np.exp(np.log(ratios).mean())))

    def _by_family(
        self, network: nn.Module, examples: Sequence[Sinograms]
    ) -> Mapping[str, Mapping[str, float]]:
        found: dict[str, list[np.ndarray]] = {}
        for example in examples:
            found.setdefault(example.family, []).append(self._scores(network, example))
        return {
            family: dict(zip(SCORES, np.mean(rows, 0).round(5).tolist(), strict=True))
            for family, rows in found.items()
        }

    def _scores(self, network: nn.Module, example: Sinograms) -> np.ndarray:
        """(4,) rms error in missing views, that of the start and of TV; mean square error / mean
        expected variance, 1 where the network expects none."""
        made, variance = self.task.invent(network, example)
        truth, start, tv = (
            part.float().permute(1, 0, 2)[:, example.missing].double()
            for part in (example.truth, example.restored, example.tv)
        )
        error = made[:, example.missing].double() - truth
        squares = [float(e.square().mean()) for e in (error, start - truth, tv - truth)]
        mean = squares[0] if variance is None else float(variance[:, example.missing].mean())
        return np.array([*np.sqrt(squares), squares[0] / mean])

    def _picture(
        self, network: nn.Module, examples: Sequence[Sinograms], path: Path, title: str
    ) -> None:
        figure, axes = plt.subplots(
            len(examples), 5, figsize=(14, 2.8 * len(examples)), squeeze=False, layout="constrained"
        )
        for line, example in zip(axes, examples, strict=True):
            row = example.tv.shape[1] // 2
            whole, variance = self.task.invent(network, example)
            made = whole[row].numpy()
            measured, truth = (p[:, row].float().numpy() for p in (example.measured, example.truth))
            missing = example.missing[:, None]
            shown = {
                "measured": measured,
                title: np.where(missing, made, measured),
                "truth": truth,
                "error x 10": 10 * (made - truth) * missing,
            }
            if variance is not None:
                shown["expected x 10"] = 10 * variance[row].sqrt().numpy() * missing
            for axis, (name, picture) in zip(line, shown.items(), strict=False):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=truth.max(), aspect="auto")
                axis.set_title(f"{example.family}: {name}", fontsize=8)
            for axis in line:
                axis.axis("off")
        figure.savefig(path, dpi=80)
        plt.close(figure)


def make_inpaint_judge(
    task: Inpaint | Ding2019, seen: SinogramSource, held_out: SinogramSource
) -> InpaintJudge:
    """One group of every family."""
    groups = [
        [source.group(VALIDATION + i, name) for i, name in enumerate(source.families)]
        for source in (seen, held_out)
    ]
    return InpaintJudge(
        task, *([example for group in part for example in group] for part in groups)
    )
