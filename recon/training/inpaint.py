"""``train.py task=inpaint``: the generator of ``inpaint=gan`` on half-turns with gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from models.patch_discriminator import PatchDiscriminator
from recon.sinogram.start import channels
from recon.training.base import Shown
from recon.training.inpaint_losses import consistency_beside, invented_error, likelihood
from recon.training.sinograms import Sinograms


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows of one series. ``given``: (slice, CHANNELS, angle, x). ``start``, which is corrected,
    ``truth``, ``measured``: (slice, angle, x). ``missing``, ``angles_deg``: (angle,)."""

    given: Tensor
    start: Tensor
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

    def invent(self, network: nn.Module, example: Sinograms) -> tuple[Tensor, Tensor | None]:
        """(slice, angle, x) each: the whole half-turn, the variance that is expected of its
        errors."""
        with torch.no_grad():
            out, log_variance = _corrected(
                network, take_rows(example, np.arange(example.tv.shape[1]))
            )
        return out, torch.exp(log_variance)


def take_rows(example: Sinograms, rows: np.ndarray, mirrors: tuple[int, ...] = ()) -> Drawn:
    """``mirrors``: 1 turns the order of the angles round (a specimen mirrored along the beam), 2
    the columns (one turned by 180 degrees)."""
    chosen = torch.from_numpy(rows)
    given = channels(example.start(chosen), example.distance_deg)
    start, truth, measured = (
        part[:, chosen].float().permute(1, 0, 2).flip(list(mirrors))
        for part in (example.restored, example.truth, example.measured)
    )
    missing, angles = (torch.from_numpy(a) for a in (example.missing, example.angles_deg))
    if 1 in mirrors:
        missing, angles = missing.flip(0), -angles.flip(0)
    given = given.flip([axis + 1 for axis in mirrors])
    return Drawn(given, start, truth, measured, missing, angles)


def _corrected(network: nn.Module, batch: Drawn) -> tuple[Tensor, Tensor]:
    """(slice, angle, x) each: the corrected half-turn, the logarithm of its error's variance."""
    out = network(batch.given.contiguous(memory_format=torch.channels_last)).float()
    return batch.start + out[:, 0], out[:, 1]
