"""``inpaint=ding2019``: the published sinogram inpainting, for comparison. Ding et al. 2019,
doi:10.1038/s41598-019-49267-x."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.learned.by_slice import each_slice
from recon.learned.weights import load_trained
from recon.series import TiltSeries
from recon.sinogram.half_turn import STEP_DEG, HalfTurn, laid_out
from recon.sinogram.measured import measured_views, with_views
from recon.stage import Reads, Step

VIEWS, MISSING = 128, 32  # of the half-turn; a wedge of 45 degrees
HOW = (
    "inpaint=ding2019 comes without weights: python train.py task=ding2019 makes them (days on a CPU), "
    "inpaint.weights=runs/training/ding2019 takes them; inpaint=gan is ready for use"
)
# As good as measured, as the paper has it; what is below 1 tells them from what was measured.
BELIEVED = 0.999


def ding2019(series: TiltSeries, *, weights: str | None = None) -> TiltSeries:
    """32 views of a 45 degree wedge, invented behind the 96 of a series in steps of 1.40625
    degrees; its own views stay as they are.

    ``weights``: a folder that ``train.py task=ding2019`` wrote. Raises ``UserError`` without one,
    and for any other geometry: the published network knows no other.
    """
    if weights is None:
        raise UserError(HOW)
    network = load_trained(weights, task="ding2019").network
    given = measured_views(series, STEP_DEG)
    check_published(given.turn)
    if given.precision is not None and not bool((given.precision > 0).all()):
        raise UserError(
            "views with masked pixels given to inpaint=ding2019, whole views wanted; use "
            "inpaint=gan, or crop the series"
        )
    filled, scale = published_sinograms(laid_out(given.y, given.turn), given.turn.missing)
    out = torch.empty_like(filled)

    def one(row: int) -> None:
        out[:, row] = network(filled[:, row].T[None, None])[0, 0].float().T * scale[row]

    each_slice(one, filled.shape[1], filled[:, 0].numel())
    invented = out[torch.from_numpy(given.turn.missing)]
    done = with_views(series, given, invented, torch.full_like(invented, BELIEVED))
    step = f"inpaint: {MISSING} views invented by {weights}, as Ding et al. 2019"
    return done.after(step, facts={"inpaint": {"invented": MISSING}})


def published_sinograms(views: Tensor, missing: np.ndarray) -> tuple[Tensor, Tensor]:
    """((angle, y, x) from 0 to 1, their ``missing`` views filled with the mean of the others; (y,)
    their scales), of views on a half-turn."""
    known = views[torch.from_numpy(~missing)].clamp(min=0)
    scale = known.amax((0, 2)).clamp(min=1e-6)
    out = views.clamp(min=0) / scale[:, None]
    mean = (known / scale[:, None]).mean((0, 2))
    out[torch.from_numpy(missing)] = mean[:, None].expand(int(missing.sum()), *out.shape[1:])
    return out, scale


def check_published(turn: HalfTurn) -> None:
    """Raise ``UserError`` for another geometry than the published one."""
    gap = np.flatnonzero(turn.missing)
    one_gap = gap.size > 0 and gap[-1] - gap[0] + 1 == gap.size
    if len(turn.view) != VIEWS or gap.size != MISSING or not one_gap:
        raise UserError(
            f"a series in steps of {turn.own_step_deg:.4g} deg with a widest gap of "
            f"{turn.gap_deg:.4g} deg given to inpaint=ding2019, 96 views in steps of 1.40625 deg "
            "and a wedge of 45 deg wanted, the only geometry that it knows; use inpaint=gan"
        )


DING2019 = Step(ding2019, reads=(Reads("weights", "weights", wanted=HOW),))
