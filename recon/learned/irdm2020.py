"""``+model=irdm2020``: the published IRDM, for comparison. Wang et al. 2020,
doi:10.1002/aisy.202000152."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.algorithms.base import Callback, Progress, bound
from recon.algorithms.wbp import wbp
from recon.learned.by_slice import each_slice
from recon.learned.weights import load_trained
from recon.projectors.base import Projector
from recon.stage import Method, Needs, Reads


def irdm2020(
    A: Projector,
    y: Tensor,
    *,
    weights: str = "irdm2020",
    minimum: float | None = 0.0,
    callback: Callback | None = None,
) -> Tensor:
    """U-Net++ on WBP, every slice by itself: nothing holds the result to the measured views."""
    network = load_trained(weights, task="irdm2020").network
    slices = wbp(A, y, filter="hamming", scale="full").permute(1, 0, 2)
    out = torch.empty_like(slices)

    def one(row: int) -> None:
        given, scale = published_input(slices[row : row + 1])
        out[row] = network(given[:, None])[0, 0] * scale[0]

    each_slice(one, len(slices), slices[0].numel())
    x = bound(out.permute(1, 0, 2), minimum, None)
    progress = Progress(y, None, callback)
    if progress.wanted:
        progress.done(y - A(x))
    return x


def published_input(wbp: Tensor) -> tuple[Tensor, Tensor]:
    """(slice, z, x) of WBP -> (the slices about 0 to 1, their (slice, 1, 1) scale).

    The authors divide pictures of 0 ... 255 by 255; a measured slice has no such range, so its
    99.5th percentile stands for 0.8. The published WBP has a bare ramp, which noise of counting
    makes useless; ours has a Hamming window.
    """
    largest = torch.stack(
        [s.flatten().kthvalue(max(1, round(0.995 * s.numel()))).values for s in wbp]
    )
    scale = (largest / 0.8).clamp(min=1e-6)[:, None, None]
    return wbp / scale, scale


IRDM2020 = Method(
    irdm2020, needs=lambda options: Needs(4, 4, work=30), reads=(Reads("weights", "weights"),)
)
