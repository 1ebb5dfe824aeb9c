"""Losses. A network of ours is measured against converged TV on the same slice, so that easy and
hard slices weigh alike."""

from __future__ import annotations

import torch
from monai.metrics.regression import KernelType, compute_ssim_and_cs
from torch import Tensor

FLOOR = 1e-3  # of a specimen's density: errors below it are nobody's concern


def relative_error(out: Tensor, truth: Tensor, baseline: Tensor) -> Tensor:
    """Mean over slices of L1 / L1 of the baseline + MSE / MSE of the baseline; 2 for the baseline
    itself. (slice, z, x) each.

    The gradient of MSE / (MSE of the baseline) is that of the PSNR gained, which a plain MSE would
    leave to the noisiest slices.
    """
    error, before = out - truth, baseline - truth
    l1 = error.abs().mean((1, 2)) / before.abs().mean((1, 2)).clamp(min=FLOOR)
    l2 = error.square().mean((1, 2)) / before.square().mean((1, 2)).clamp(min=FLOOR**2)
    return (l1 + l2).mean()


def beside_tv(out: Tensor, truth: Tensor, tv: Tensor, ssim: float) -> Tensor:
    """``relative_error`` to TV plus ``ssim`` times ``structure``: what our own networks are trained
    with."""
    return relative_error(out, truth, tv) + ssim * structure(out, truth)


def structure(out: Tensor, truth: Tensor) -> Tensor:
    """1 - SSIM of (slice, z, x) with a range of 1, 7 x 7 windows: Wang et al. 2004,
    doi:10.1109/TIP.2003.819861."""
    similarity: Tensor = compute_ssim_and_cs(
        out[:, None],
        truth[:, None],
        2,
        kernel_size=(7, 7),
        kernel_sigma=(1.5, 1.5),
        data_range=1.0,
        kernel_type=KernelType.UNIFORM,
    )[0]
    return 1 - similarity.mean()


def generator_score(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic average least-squares loss of a generator: Jolicoeur-Martineau 2018,
    arXiv:1807.00734. ``real``, ``fake``: logits."""
    return ((real - fake.mean() + 1).square().mean() + (fake - real.mean() - 1).square().mean()) / 2


def discriminator_score(real: Tensor, fake: Tensor) -> Tensor:
    """The same for the discriminator, which wants the signs the other way round."""
    return ((real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean()) / 2


def finite(loss: Tensor) -> bool:
    return bool(torch.isfinite(loss.detach()).all())
