"""What is trained on phantoms: a network, how a batch is drawn for it, its loss, and how it
restores an example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.discriminator import Discriminator
from recon.algorithms.operator_norm import operator_norm
from recon.geometry import Geometry
from recon.learned.irdm2020 import published_input
from recon.learned.primal_dual import unrolled
from recon.projectors.native import NativeProjector
from recon.training import batches
from recon.training.base import Shown
from recon.training.batches import Batch
from recon.training.examples import Example
from recon.training.losses import beside_tv


class Restorer(Protocol):
    """A task whose network restores slices."""

    def restore(self, network: nn.Module, example: Example) -> Tensor:
        """(row, z, x) in units of the example's scale."""


@dataclass(frozen=True)
class Irdm:
    """Slices with their neighbours, TV and WBP in, a correction of TV out. Loss: L1 and MSE
    relative to TV's, SSIM."""

    name: ClassVar[str] = "irdm"
    used_as: ClassVar[str] = "+model=irdm algorithm.weights="
    on_cpu: ClassVar[bool] = False

    network: Callable[[], nn.Module]
    batch: int = 8
    crop: int = 96
    ssim: float = 0.5
    adversarial: float = 0.0

    def discriminator(self) -> nn.Module:
        return Discriminator(size=self.crop)

    def draw(self, examples: Sequence[Example], rng: np.random.Generator) -> Batch:
        return batches.draw_slices(examples, rng, batch=self.batch, crop=self.crop)

    def losses(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Shown | None]:
        out = (
            batch.tv
            + network(batch.pictures.contiguous(memory_format=torch.channels_last)).float()[:, 0]
        )
        loss = beside_tv(out, batch.truth, batch.tv, self.ssim)
        return loss, _shown(out, batch.truth, batch.tv, self.crop)

    def restore(self, network: nn.Module, example: Example) -> Tensor:
        given = batches.whole_slices(example)
        with torch.no_grad():
            change: Tensor = network(given.pictures.contiguous(memory_format=torch.channels_last))
        return given.tv + change.float()[:, 0]


@dataclass(frozen=True)
class PrimalDual:
    """Whole slices of one series, because a view crosses all of a slice."""

    name: ClassVar[str] = "primal_dual"
    used_as: ClassVar[str] = "+model=primal_dual algorithm.weights="
    on_cpu: ClassVar[bool] = True

    network: Callable[[], nn.Module]
    batch: int = 6
    crop: int = 96
    ssim: float = 0.5
    adversarial: float = 0.0

    def discriminator(self) -> nn.Module:
        return Discriminator(size=self.crop)

    def draw(self, examples: Sequence[Example], rng: np.random.Generator) -> Example:
        """Neighbouring rows of one example."""
        example = examples[int(rng.integers(len(examples)))]
        first = int(rng.integers(max(1, example.truth.shape[1] - self.batch + 1)))
        rows = slice(first, first + self.batch)
        cut = {name: getattr(example, name)[:, rows] for name in ("tv", "wbp", "truth", "y")}
        return Example(
            **cut,
            angles_deg=example.angles_deg,
            snr=example.snr,
            flat=example.flat,
            family=example.family,
        )

    def losses(self, network: nn.Module, batch: Example) -> tuple[Tensor, Shown | None]:
        given = batches.whole_slices(batch)
        out = self._unrolled(network, batch, given)
        loss = beside_tv(out, given.truth, given.tv, self.ssim)
        return loss, _shown(out, given.truth, given.tv, self.crop)

    def restore(self, network: nn.Module, example: Example) -> Tensor:
        with torch.no_grad():
            return self._unrolled(network, example, batches.whole_slices(example))

    @staticmethod
    def _unrolled(network: nn.Module, example: Example, given: Batch) -> Tensor:
        n_z, _, n_x = example.truth.shape
        A = NativeProjector(Geometry(example.angles_deg, None), (n_z, n_x), example.y.shape[2])
        return unrolled(network, A, example.y, given.pictures, size=operator_norm(A))


@dataclass(frozen=True)
class Irdm2020:
    """The published system: one WBP slice in, the slice out, each slice by itself. Wang et al.
    2020, doi:10.1002/aisy.202000152.

    ``content``: weight of the MSE. The released code has 0 (the adversarial term alone), and MSE +
    0.04 of it commented out.
    """

    name: ClassVar[str] = "irdm2020"
    used_as: ClassVar[str] = "+model=irdm2020 algorithm.weights="
    on_cpu: ClassVar[bool] = False

    network: Callable[[], nn.Module]
    batch: int = 8
    crop: int = 96
    content: float = 1.0
    adversarial: float = 0.04

    def discriminator(self) -> nn.Module:
        return Discriminator(size=self.crop)

    def draw(self, examples: Sequence[Example], rng: np.random.Generator) -> Batch:
        drawn = [
            batches.draw_slices(examples, rng, batch=1, crop=self.crop) for _ in range(self.batch)
        ]
        # All of one size go into a batch; the first one decides.
        return batches.stack([b for b in drawn if b.tv.shape == drawn[0].tv.shape])

    def losses(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Shown | None]:
        condition, scale = published_input(batch.pictures[:, 4])
        out = network(condition[:, None])[:, 0].float()
        truth = (batch.truth / scale).clamp(0, 1)
        loss = self.content * functional.mse_loss(out, truth)
        return loss, _shown(out, truth, condition, self.crop)

    def restore(self, network: nn.Module, example: Example) -> Tensor:
        condition, scale = published_input(batches.whole_slices(example).pictures[:, 4])
        with torch.no_grad():
            out: Tensor = network(condition[:, None])
        return out.float()[:, 0] * scale


def _shown(out: Tensor, truth: Tensor, condition: Tensor, size: int) -> Shown | None:
    """What a discriminator of ``size`` pixels can be shown."""
    return Shown(out, truth, condition) if out.shape[-1] == size else None
