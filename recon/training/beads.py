"""``train.py task=fiducials``: the classifier of bead candidates of ``align=fiducial``, on crops of
simulated series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.console import Console
from recon.errors import UserError
from recon.training.base import Line, Material, Shown
from recon.training.bead_crops import BeadSource, Crops, join_crops
from recon.training.pool import VALIDATION

# Places that are no bead count so much in all, beads 1: a large field has about as many candidates
# for each.
OTHERS = 3.0
LOGGED = ("f1", "f1_above_50_deg")
AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class BeadBatch:
    """``pictures``: (n, 1, 32, 32). ``bead``: (n,) 0 or 1. ``weight``: of a bead beside other
    places."""

    pictures: Tensor
    bead: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Fiducials:
    """Is a crop a bead? Binary cross-entropy."""

    name: ClassVar[str] = "fiducials"
    used_as: ClassVar[str] = "align=fiducial align.weights="
    on_cpu: ClassVar[bool] = False
    adversarial: ClassVar[float] = 0.0

    network: Callable[[], nn.Module]
    batch: int = 128

    def discriminator(self) -> None:
        """None: a crop is a bead or it is not."""

    def draw(self, examples: Sequence[Crops], rng: np.random.Generator) -> BeadBatch:
        """Crops of any of the series, all alike likely."""
        ends = np.cumsum([len(crops.bead) for crops in examples])
        at = rng.integers(ends[-1], size=self.batch)
        series = np.searchsorted(ends, at, side="right")
        within = at - np.concatenate([[0], ends])[series]
        chosen = list(zip(series.tolist(), within.tolist(), strict=True))
        pictures = np.stack([examples[s].pictures[k] for s, k in chosen]).astype(np.float32)
        bead = np.array([examples[s].bead[k] for s, k in chosen], np.float32)
        beads = sum(int(crops.bead.sum()) for crops in examples)
        weight = (int(ends[-1]) - beads) / max(beads, 1) / OTHERS
        changed = augment(
            torch.from_numpy(pictures)[:, None],
            torch.Generator().manual_seed(int(rng.integers(2**62))),
        )
        return BeadBatch(changed, torch.from_numpy(bead), torch.tensor(weight))

    def losses(self, network: nn.Module, batch: BeadBatch) -> tuple[Tensor, Shown | None]:
        out = network(batch.pictures).float()
        loss = functional.binary_cross_entropy_with_logits(out, batch.bead, pos_weight=batch.weight)
        return loss, None


@dataclass(frozen=True, eq=False)
class BeadJudge:
    """``held_out``: crops of series that are never trained on."""

    held_out: Crops

    def __call__(self, network: nn.Module, folder: Path, step: int) -> Line:
        """F1 of the network and of the classical score, over all views and over the steep ones."""
        found = self.scores(network)
        names = tuple(f"{who}_{what}" for what in LOGGED for who in ("network", "classical"))
        return Line(names, tuple(found[name] for name in names))

    def scores(self, network: nn.Module) -> dict[str, float]:
        return score_crops(self.held_out, judge_crops(network, self.held_out.pictures))


def gather_beads(source: BeadSource, groups: int, console: Console) -> Material[Crops]:
    """What the classifier is trained and judged on; the series to judge by are made here. Raises
    ``UserError`` if none is wanted."""
    n = source.sizes.held_out
    if n < 1:
        raise UserError(f"sizes.held_out={n} given, 1 series or more to judge by wanted")
    judged: list[Crops] = []
    with console.progress("crops to judge by", n) as advance:
        for number in range(VALIDATION, VALIDATION + n):
            judged += source.group(number)
            advance(1)

    def describe() -> dict[str, object]:
        made = [crops for g in range(groups) if source.ready(g) for crops in source.group(g)]
        return {
            "crops": sum(len(c.bead) for c in made),
            "beads": sum(int(c.bead.sum()) for c in made),
            "series": len(made),
            "ranges": asdict(source.ranges),
        }

    facts = {"ranges": asdict(source.ranges), "sizes": asdict(source.sizes)}
    return Material(source, BeadJudge(join_crops(judged)), facts, describe)


def judge_crops(network: nn.Module, pictures: np.ndarray) -> np.ndarray:
    """(n, 32, 32) -> (n,) logits of a network in evaluation mode."""
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(pictures), AT_ONCE)
        return np.asarray(torch.cat([network(part.float()[:, None]) for part in parts]).numpy())


def score_crops(crops: Crops, found: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of the network (logit above 0) and of the classical score (above
    0.5), among candidates alone."""
    real = np.isfinite(crops.classical)
    steep = real & (np.abs(crops.tilt_deg) > 50)
    classical = np.nan_to_num(crops.classical) > 0.5
    out: dict[str, float] = {}
    for name, taken in (("network", found > 0), ("classical", classical)):
        for part, some in (("", real), ("_above_50_deg", steep)):
            hits = float((taken & crops.bead & some).sum())
            precision = hits / max(int((taken & some).sum()), 1)
            recall = hits / max(int((crops.bead & some).sum()), 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            out[f"{name}_precision{part}"] = round(precision, 4)
            out[f"{name}_recall{part}"] = round(recall, 4)
            out[f"{name}_f1{part}"] = round(f1, 4)
    return out


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """One of the eight ways to lay a crop down, another height, a little noise and a slope of grey
    across it, each batch anew; mean 0."""
    turns = int(torch.randint(4, (1,), generator=generator))
    pictures = torch.rot90(pictures, turns, (2, 3))
    if torch.rand(1, generator=generator) < 0.5:
        pictures = torch.flip(pictures, (3,))
    n = len(pictures)
    pictures = pictures * torch.exp(0.1 * torch.randn((n, 1, 1, 1), generator=generator))
    noise = (
        torch.randn(pictures.shape, generator=generator)
        * 0.2
        * torch.rand((n, 1, 1, 1), generator=generator) ** 2
    )
    line = torch.linspace(-1, 1, pictures.shape[-1])
    slope = 0.1 * torch.randn((n, 2, 1, 1), generator=generator)
    pictures = pictures + noise + slope[:, :1] * line + slope[:, 1:] * line[:, None]
    return pictures - pictures.mean((2, 3), keepdim=True)
