"""``train.py task=inpaint``: the generator of ``inpaint=gan`` on half-turns with gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import matplotlib

matplotlib.use("Agg")  # before pyplot: training runs without a screen

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

from models.patch_discriminator import PatchDiscriminator
from recon.sinogram.start import channels
from recon.training.base import Line, Shown
from recon.training.inpaint_losses import consistency_beside, invented_error, likelihood
from recon.training.pool import VALIDATION
from recon.training.sinograms import Sinograms, SinogramSource


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows of one series. ``given``: (slice, CHANNELS, angle, x). ``start``, which is corrected,
    ``tv``, ``truth``, ``measured``: (slice, angle, x). ``missing``, ``angles_deg``: (angle,)."""

    given: Tensor
    start: Tensor
    tv: Tensor
    truth: Tensor
    measured: Tensor
    missing: Tensor
    angles_deg: Tensor


@dataclass(frozen=True)
class Inpaint:
    """A reconstruction reprojected at all angles in, a correction of it and the size of what is
    then wrong out.

    Loss: squared errors in missing views relative to those of the start, plainly and behind a ramp
    filter; ``moments`` times the Helgason-Ludwig penalty, relative to that of the start;
    ``spread`` times the negative log likelihood of the error that is left; ``adversarial`` times
    the opinion of a discriminator of ``depth`` channels.
    """

    name: ClassVar[str] = "inpaint"
    used_as: ClassVar[str] = "inpaint=gan inpaint.weights="
    on_cpu: ClassVar[bool] = False

    network: Callable[[], nn.Module]
    batch: int = 6
    moments: float = 0.1
    spread: float = 0.1
    adversarial: float = 0.004
    depth: int = 16

    def discriminator(self) -> nn.Module:
        return PatchDiscriminator(self.depth)

    def draw(self, examples: Sequence[Sinograms], rng: np.random.Generator) -> Drawn:
        """Rows of one series, which share its angles, mirrored."""
        example = examples[int(rng.integers(len(examples)))]
        rows = np.sort(rng.permutation(example.tv.shape[1])[: self.batch])
        return take_rows(example, rows, tuple(a for a in (1, 2) if rng.random() < 0.5))

    def losses(self, network: nn.Module, batch: Drawn) -> tuple[Tensor, Shown | None]:
        out, log_variance = _corrected(network, batch)
        missing = batch.missing.float()[None, :, None].expand_as(out)
        loss = invented_error(out, batch.truth, batch.start, missing)
        loss = loss + self.spread * likelihood(out - batch.truth, log_variance, missing)
        whole, start, filled = (
            torch.where(missing > 0, there, here)
            for there, here in (
                (out, batch.truth),
                (batch.start, batch.truth),
                (batch.start, batch.measured),
            )
        )
        if self.moments > 0:
            loss = loss + self.moments * consistency_beside(whole, start, batch.angles_deg)
        return loss, Shown(whole, batch.truth, filled)


def take_rows(example: Sinograms, rows: np.ndarray, mirrors: tuple[int, ...] = ()) -> Drawn:
    """``mirrors``: 1 turns the order of the angles round (a specimen mirrored along the beam), 2
    the columns (one turned by 180 degrees)."""
    chosen = torch.from_numpy(rows)
    given = channels(example.start(chosen), example.distance_deg)
    start, tv, truth, measured = (
        part[:, chosen].float().permute(1, 0, 2).flip(list(mirrors))
        for part in (example.restored, example.tv, example.truth, example.measured)
    )
    missing, angles = (torch.from_numpy(a) for a in (example.missing, example.angles_deg))
    if 1 in mirrors:
        missing, angles = missing.flip(0), -angles.flip(0)
    given = given.flip([axis + 1 for axis in mirrors])
    return Drawn(given, start, tv, truth, measured, missing, angles)


def _corrected(network: nn.Module, batch: Drawn) -> tuple[Tensor, Tensor]:
    """(slice, angle, x) each: the corrected half-turn, the logarithm of its error's variance."""
    out = network(batch.given.contiguous(memory_format=torch.channels_last)).float()
    return batch.start + out[:, 0], out[:, 1]


@dataclass(frozen=True, eq=False)
class InpaintJudge:
    """``seen`` and ``held_out``: examples by family. Errors are those in missing views."""

    seen: Sequence[Sinograms]
    held_out: Sequence[Sinograms]

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        """Score a network in evaluation mode; writes ``sample.png``."""
        names: list[str] = []
        values: list[float] = []
        for what, examples in (("seen", self.seen), ("held_out", self.held_out)):
            if not examples:
                continue
            scores = np.array([_scores(network, example) for example in examples])
            over_start, over_tv = (20 * np.log10(scores[:, k] / scores[:, 0]) for k in (1, 2))
            names += [f"{what}_{name}" for name in ("gain", "worst", "over_tv", "surprise")]
            values += [over_start.mean(), over_start.min(), over_tv.mean()]
            values.append(np.exp(np.log(scores[:, 3]).mean()))
        _picture(network, [*self.seen[:2], *self.held_out[:2]], folder / "sample.png", step)
        return Line(tuple(names), tuple(float(v) for v in values))

    def scores(self, network: nn.Module) -> Mapping[str, object]:
        """By family, seen and held out."""
        parts = {"seen": self.seen, "held_out": self.held_out}
        return {what: _by_family(network, part) for what, part in parts.items()}


def make_inpaint_judge(seen: SinogramSource, held_out: SinogramSource) -> InpaintJudge:
    """One group of every family."""
    groups = [
        [source.group(VALIDATION + i, name) for i, name in enumerate(source.families)]
        for source in (seen, held_out)
    ]
    return InpaintJudge(*([example for group in part for example in group] for part in groups))


def _by_family(
    network: nn.Module, examples: Sequence[Sinograms]
) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, list[np.ndarray]] = {}
    for example in examples:
        found.setdefault(example.family, []).append(_scores(network, example))
    keys = ("error", "start_error", "tv_error", "variance_over_predicted")
    return {
        family: dict(zip(keys, np.mean(rows, 0).round(5).tolist(), strict=True))
        for family, rows in found.items()
    }


def _scores(network: nn.Module, example: Sinograms) -> np.ndarray:
    """(4,) rms error in missing views, that of the start and of TV; mean square error / mean
    predicted variance."""
    batch = take_rows(example, np.arange(example.tv.shape[1]))
    with torch.no_grad():
        out, log_variance = _corrected(network, batch)
    error, before, tv, predicted = (
        float(part[:, batch.missing].double().mean())
        for part in (
            (out - batch.truth).square(),
            (batch.start - batch.truth).square(),
            (batch.tv - batch.truth).square(),
            torch.exp(log_variance),
        )
    )
    return np.array([error**0.5, before**0.5, tv**0.5, error / predicted])


def _picture(network: nn.Module, examples: Sequence[Sinograms], path: Path, step: int) -> None:
    figure, axes = plt.subplots(
        len(examples), 5, figsize=(14, 2.8 * len(examples)), squeeze=False, layout="constrained"
    )
    for line, example in zip(axes, examples, strict=True):
        batch = take_rows(example, np.array([example.tv.shape[1] // 2]))
        with torch.no_grad():
            out, log_variance = _corrected(network, batch)
        missing = batch.missing[None, :, None]
        shown = {
            "measured": batch.measured,
            f"step {step}": torch.where(missing, out, batch.measured),
            "truth": batch.truth,
            "error x 10": 10 * (out - batch.truth) * missing,
            "predicted x 10": 10 * torch.exp(0.5 * log_variance) * missing,
        }
        for axis, (title, picture) in zip(line, shown.items(), strict=True):
            axis.imshow(
                picture[0].numpy(),
                cmap="gray",
                vmin=0,
                vmax=float(batch.truth.max()),
                aspect="auto",
            )
            axis.set_title(f"{example.family}: {title}", fontsize=8)
            axis.axis("off")
    figure.savefig(path, dpi=80)
    plt.close(figure)
