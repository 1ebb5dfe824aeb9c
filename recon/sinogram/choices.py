"""What ``inpaint=gan`` settles once for a series: the weight of TV, and how far withheld views bear
the network out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from recon.algorithms.noise import measure_photon_transfer
from recon.algorithms.tv_weight import choose_weight
from recon.algorithms.withheld import EVERY, find_busiest, withheld_views
from recon.learned.inputs import grey_scale
from recon.projectors.masked import masked
from recon.sinogram.generator import generate
from recon.sinogram.half_turn import laid_out, without
from recon.sinogram.measured import Measured
from recon.sinogram.start import Start, make_start

SAMPLE_ROWS = 16
AS_WELL = 0.003  # of the error of withheld views: more than chance makes of some 10,000 pixels
MOST_SURPRISED = 100.0  # by which the expected variance is raised at most


@dataclass(frozen=True)
class Choices:
    """``weight``: of TV. ``noise``: standard deviation per pixel. ``scale``, ``density``: grey
    scales of the views and of the specimen. ``dimensions``: of TV. ``strength``: share of the
    network in what is invented, the rest is TV. ``surprise``: variance of its errors on withheld
    views / the expected one, at least 1."""

    weight: float
    noise: float
    scale: float
    density: float
    dimensions: int
    strength: float = 1.0
    surprise: float = 1.0


def restore(network: nn.Module, given: Measured, choices: Choices) -> tuple[Start, Tensor, Tensor]:
    """(what the network was given, all views of the half-turn, the variance of their errors), in
    units of ``choices.scale``."""
    start = make_start(
        given.projector,
        given.y,
        given.precision,
        given.turn,
        weight=choices.weight,
        noise=choices.noise,
        scale=choices.scale,
        density=choices.density,
        dimensions=choices.dimensions,
    )
    made, variance = generate(network, start, given.turn)
    return start, made, variance


def choose(
    network: nn.Module,
    given: Measured,
    *,
    strength: float | str,
    weight: float | str,
    noise: float | None,
    dimensions: int,
) -> Choices:
    """On the rows of ``given`` with most structure; what is not 'auto' stays as it is."""
    sigma = measure_photon_transfer(given.y).sigma if noise is None else noise
    seen = 1.0 if given.precision is None else (given.precision > 0).to(given.y.dtype)
    scale = grey_scale(given.y * seen)
    sample = given.rows(find_busiest(given.y, SAMPLE_ROWS))
    A, y = masked(sample.projector, sample.y, sample.precision)
    if isinstance(weight, str):
        weight = choose_weight(A, y, dimensions=dimensions, noise=sigma)
    start = make_start(
        sample.projector,
        sample.y,
        sample.precision,
        sample.turn,
        weight=weight,
        noise=sigma,
        scale=scale,
        dimensions=dimensions,
    )
    choices = Choices(weight, sigma, scale, start.density, dimensions)
    if sample.y.shape[0] < 2 * EVERY:  # too few views to withhold any
        return choices if isinstance(strength, str) else replace(choices, strength=strength)
    found, surprise = _on_withheld(network, sample, choices)
    return replace(
        choices, strength=found if isinstance(strength, str) else strength, surprise=surprise
    )


def _on_withheld(network: nn.Module, given: Measured, choices: Choices) -> tuple[float, float]:
    """(strength, surprise): one view in five is invented from the others."""
    kept, held = withheld_views(given.geometry.angles_deg)
    apart = without(given.turn, held)
    number = {int(view): k for k, view in enumerate(kept)}
    renumbered = replace(apart, view=np.array([number.get(int(v), -1) for v in apart.view]))
    start, made, variance = restore(network, given.views(kept, renumbered), choices)
    rows = torch.from_numpy(np.isin(given.turn.view, held))
    seen = torch.ones_like(given.y) if given.precision is None else (given.precision > 0).float()
    there = laid_out(seen, given.turn)[rows] > 0
    wanted = (laid_out(given.y, given.turn) / choices.scale)[rows][there].double()
    tv, whole, expected = (part[rows][there].double() for part in (start.tv, made, variance))
    change, left = whole - tv, wanted - tv
    if float((left - change).square().sum()) <= (1 + AS_WELL) ** 2 * float(left.square().sum()):
        share = 1.0
    else:
        power = float(change.square().sum())
        share = min(1.0, max(0.0, float((change * left).sum()) / power)) if power > 0 else 0.0
    noise = (choices.noise / choices.scale) ** 2
    error = float((wanted - whole).square().mean()) - noise
    surprise = error / max(float(expected.mean()), 1e-12)
    return share, min(MOST_SURPRISED, max(1.0, surprise))
