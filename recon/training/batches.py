"""From examples to the tensors of one step, by a generator that belongs to the step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.learned.inputs import conditions, pictures
from recon.training.examples import Example


@dataclass(frozen=True, eq=False)
class Batch:
    """``pictures``: (slice, channel, z, x); ``tv``, ``truth``: (slice, z, x)."""

    pictures: Tensor
    tv: Tensor
    truth: Tensor


def draw_slices(
    examples: Sequence[Example], rng: np.random.Generator, *, batch: int, crop: int
) -> Batch:
    """Slices of random examples, rows and windows of ``crop`` pixels (all of one size: smaller
    examples go together), mirrored. Raises ``UserError`` for small ones of several sizes."""
    small = [e for e in examples if e.truth.shape[0] < crop]
    large = [e for e in examples if e.truth.shape[0] >= crop]
    if len(sizes := {e.truth.shape[0] for e in small}) > 1:
        raise UserError(
            f"task.crop={crop} given with examples of {', '.join(map(str, sorted(sizes)))} pixels, "
            f"task.crop={min(sizes)} or less wanted, or one size of small examples"
        )
    chosen = small if rng.random() < len(small) / len(examples) else large
    return stack([_slice(chosen[int(rng.integers(len(chosen)))], rng, crop) for _ in range(batch)])


def stack(batches: Sequence[Batch]) -> Batch:
    return Batch(
        torch.cat([b.pictures for b in batches]),
        torch.cat([b.tv for b in batches]),
        torch.cat([b.truth for b in batches]),
    )


def whole_slices(example: Example) -> Batch:
    """All slices of an example, uncropped, as they are."""
    given = pictures(
        example.tv.float(),
        example.wbp.float(),
        conditions(example.angles_deg, example.snr),
        neighbours=not example.flat,
    )
    return Batch(given, example.tv.float().permute(1, 0, 2), example.truth.float().permute(1, 0, 2))


def _slice(example: Example, rng: np.random.Generator, crop: int) -> Batch:
    n_z, rows, n_x = example.truth.shape
    row = int(rng.integers(rows))
    z, x = (int(rng.integers(max(1, n - crop + 1))) for n in (n_z, n_x))
    near = [max(0, row - 1), row, min(rows - 1, row + 1)]
    window = (slice(z, z + crop), near, slice(x, x + crop))
    tv, wbp, truth = (part[window].float() for part in (example.tv, example.wbp, example.truth))
    flips = [axis for axis in (0, 1, 2) if rng.random() < 0.5]
    tv, wbp, truth = (torch.flip(part, flips) for part in (tv, wbp, truth))
    # Mirrored along z or x, but not both, a specimen is the same at the opposite tilts.
    angles = -example.angles_deg if (0 in flips) != (2 in flips) else example.angles_deg
    given = pictures(tv, wbp, conditions(angles, example.snr), neighbours=not example.flat)[1:2]
    return Batch(given, tv[:, 1][None], truth[:, 1][None])
