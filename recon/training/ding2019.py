"""``train.py task=ding2019``: the published sinogram inpainting, in its one geometry. Ding et al.
2019, doi:10.1038/s41598-019-49267-x."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.patch_discriminator import PatchDiscriminator
from recon.algorithms.noise import measure_photon_transfer
from recon.geometry import Geometry
from recon.learned.inputs import snr
from recon.sinogram.ding2019 import MISSING, VIEWS, published_sinograms
from recon.sinogram.half_turn import STEP_DEG, half_turn, laid_out
from recon.training.base import Shown
from recon.training.examples import Ranges, busy_rows, turn
from recon.training.sinograms import Sinograms, record_half_turn


@dataclass(frozen=True, eq=False)
class Published:
    """``filled``, ``truth``: (n, 1, x, angle). ``missing``: (angle,) 0 or 1."""

    filled: Tensor
    truth: Tensor
    missing: Tensor


@dataclass(frozen=True)
class Ding2019:
    """Sinograms with their missing columns filled in, whole sinograms out.

    Loss: mean square of the error, times ``outside`` where views were measured, and ``adversarial``
    times a relativistic least-squares opinion. The authors average squares of the two relativistic
    terms in the discriminator and add them in the generator; here both are averaged, so that their
    0.004 is 0.008.
    """

    name: ClassVar[str] = "ding2019"
    used_as: ClassVar[str] = "inpaint=ding2019 inpaint.weights="
    on_cpu: ClassVar[bool] = False

    network: Callable[[], nn.Module]
    batch: int = 4
    outside: float = 0.01
    adversarial: float = 0.008
    depth: int = 64

    def discriminator(self) -> nn.Module:
        return PatchDiscriminator(self.depth)

    def draw(self, examples: Sequence[Sinograms], rng: np.random.Generator) -> Published:
        """Rows of one series."""
        example = examples[int(rng.integers(len(examples)))]
        rows = torch.from_numpy(np.sort(rng.permutation(example.tv.shape[1])[: self.batch]))
        filled, truth = (
            part[:, rows].float().permute(1, 2, 0)[:, None]
            for part in (example.restored, example.truth)
        )
        return Published(filled, truth, torch.from_numpy(example.missing).float())

    def losses(self, network: nn.Module, batch: Published) -> tuple[Tensor, Shown | None]:
        out = network(batch.filled).float()
        mask = batch.missing + self.outside * (1 - batch.missing)
        loss = functional.mse_loss(out * mask, batch.truth * mask)
        return loss, Shown(*(part[:, 0] for part in (out, batch.truth, batch.filled)))

    def invent(self, network: nn.Module, example: Sinograms) -> tuple[Tensor, None]:
        """(slice, angle, x), and no expectation of its errors."""
        given = example.restored.float().permute(1, 2, 0)[:, None]
        with torch.no_grad():
            out: Tensor = network(given)
        return out[:, 0].float().transpose(1, 2), None


def make_published(
    fine: Tensor,
    finer: int,
    family: str,
    ranges: Ranges,
    rng: np.random.Generator,
    *,
    rows: int,
    unrelated: bool,
) -> Sinograms:
    """Record 96 views around a wedge of 45 degrees; what ``ranges`` says of angles is not asked.

    In units of the brightest measured pixel of each row, missing views filled with the mean of the
    others.
    """
    density = busy_rows(turn(fine, rng), rows * finer, finer, rng)
    n = VIEWS - MISSING
    shifts = np.zeros((n, 2))
    shifts[:, 1] = rng.uniform(*ranges.misalignment_px) * rng.normal(size=n)
    given = Geometry(STEP_DEG * (np.arange(n) - (n - 1) / 2), None, 0.0, shifts - shifts.mean(0))
    half = half_turn(given.angles_deg, np.ones(n, bool))
    truth, y = record_half_turn(density, finer, given, half, ranges, rng)
    filled, scale = published_sinograms(laid_out(y, half), half.missing)
    measured = filled * torch.from_numpy(~half.missing).float()[:, None, None]
    return Sinograms(
        measured,
        filled,
        filled,
        truth / scale[:, None],
        half.angles_deg,
        half.distance_deg * half.missing,
        snr(y, measure_photon_transfer(y).sigma),
        half.gap_deg,
        half.own_step_deg,
        family,
    )
