"""``inpaint=gan``: views that were not measured, invented from those that were, with a confidence
for every column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from recon.algorithms.tv import COUPLED
from recon.errors import UserError
from recon.learned.card import outside_card
from recon.learned.weights import load_trained
from recon.progress import track, track_each
from recon.series import TiltSeries
from recon.sinogram.choices import Choices, choose, restore
from recon.sinogram.half_turn import STEP_DEG
from recon.sinogram.measured import Measured, measured_views, with_views
from recon.stage import Options, Reads, Step

ROWS = 48  # that are restored together, with those that neighbours repeat
MEMORY_GB, VOLUMES = 2.0, 16  # for so many volumes of them
MISMATCH = 0.005  # of the rms: error of the projection model, which measured views have as well
LEAST = 1e-6  # precision of an invented pixel: 0 would say that nothing is there
CHOOSING, RESTORING = 1600, 500  # in iterations of TV, for those who wait


def gan(
    series: TiltSeries,
    *,
    weights: str = "inpaint",
    step_deg: float = STEP_DEG,
    strength: float | str = "auto",
    weight: float | str = "auto",
    noise: float | None = None,
    dimensions: int = 3,
) -> TiltSeries:
    """The series and, behind its own views, one for every angle that is missing in a half-turn.

    Its own views stay as they are, bit for bit. ``step_deg``: where the views' own step is 1.5
    times that or more, views between them are invented too. ``strength``: share of the network in
    what is invented, the rest is TV; 'auto': 1, or less where withheld views are predicted worse by
    it. ``weight``: of TV; 'auto': ``choose_weight``. ``noise``: standard deviation per pixel; None:
    measured. ``dimensions``: 2 takes every slice by itself.

    The ``precision`` of an invented column (a row of a view) is n / (n + e), n the variance of a
    measured pixel's noise and e the mean of the error's variance that the network expects, so that
    it counts for what it is worth. Not pixel by pixel: errors lie on edges, and what tells of edges
    in the wedge would count least.
    After Ding et al. 2019 (doi:10.1038/s41598-019-49267-x). Raises ``UserError`` for fewer than 2
    measured views, and for options that will not do.
    """
    chosen = {"step_deg": step_deg, "strength": strength, "weight": weight, "noise": noise}
    check_options(chosen | {"dimensions": dimensions})
    trained = load_trained(weights, task="inpaint")
    given = measured_views(series, step_deg)
    if not given.turn.missing.any():
        return series.after(
            f"inpaint: no view is missing in steps of {given.turn.step_deg:.4g} deg"
        )
    parts = rows_of_parts(given.y, dimensions)
    with track("inpainting", CHOOSING + RESTORING * len(parts)) as phase:
        with phase.part(CHOOSING):
            choices = choose(
                trained.network,
                given,
                strength=strength,
                weight=weight,
                noise=noise,
                dimensions=dimensions,
            )
        with phase.part(RESTORING * len(parts)):
            invented, variance = _invent(trained.network, given, choices, parts)
    known = choices.noise**2 + MISMATCH**2 * float(given.y.double().square().mean())
    expected = variance.mean(2, keepdim=True).expand_as(variance)
    confidence = (known / (known + expected)).clamp(LEAST, 1 - LEAST)
    done = with_views(series, given, invented, confidence)
    step = (
        f"inpaint: {invented.shape[0]} views invented by {weights} in steps of "
        f"{given.turn.step_deg:.4g} deg, mean confidence {float(confidence.mean()):.2f}"
    )
    facts = {"inpaint": _facts(done, given, choices, confidence)}
    said = outside(given, choices.noise, trained.card, weights)
    return done.after(step, facts=facts, warnings=tuple(said))


def rows_of_parts(y: Tensor, dimensions: int) -> list[tuple[slice, slice]]:
    """(rows of the series, those of them that are kept) of the parts that are restored one after
    the other, each as large as memory allows."""
    n_rows, width = y.shape[1:]
    margin = COUPLED if dimensions == 3 else 0
    fitting = int(MEMORY_GB * 1e9 / (4 * VOLUMES * width**2))
    own = max(8, min(ROWS, fitting) - 2 * margin)
    parts = []
    for first in range(0, n_rows, own):
        low, last = max(0, first - margin), min(n_rows, first + own)
        parts.append((slice(low, min(n_rows, last + margin)), slice(first - low, last - low)))
    return parts


def outside(given: Measured, noise: float, card: Mapping[str, object], weights: str) -> list[str]:
    """A sentence for every property of the series in which ``weights`` were not trained."""
    said = []
    for key, value, what in (
        ("gap_deg", given.turn.gap_deg, "the widest gap between measured views is"),
        ("step_deg", given.turn.own_step_deg, "views are a step apart of"),
    ):
        low, high = np.array(card[key], np.float64)
        if value > high * 1.02 or (key == "step_deg" and value < low * 0.98):
            said.append(
                f"{what} {value:.3g} deg, but the network was trained on {low:.3g} to {high:.3g} deg"
            )
    known = {key: card[key] for key in ("snr", "grey_quantiles") if key in card}
    said += outside_card(given.y, given.geometry, noise, known)
    return [f"inpaint ({weights}): {sentence}; what it invents may be wrong" for sentence in said]


def check_options(options: Options) -> None:
    """Raise ``UserError`` for a value that no run can mean."""
    for name, value in options.items():
        auto = name in ("strength", "weight") and value == "auto"
        if auto or (name == "noise" and value is None):
            continue
        wanted = "auto or a number >= 0" if name in ("strength", "weight") else "a number > 0"
        if isinstance(value, str) or not 0 <= value < float("inf"):
            raise UserError(f"{name}={value} given, {wanted} wanted; correct inpaint.{name}")
    if not isinstance(options["strength"], str) and options["strength"] > 1:
        raise UserError(
            f"strength={options['strength']} given, auto or 0 to 1 wanted; correct inpaint.strength"
        )
    if options["step_deg"] == 0 or options["step_deg"] > 90:
        raise UserError(
            f"step_deg={options['step_deg']} given, above 0 and at most 90 wanted; correct "
            "inpaint.step_deg"
        )
    if options["dimensions"] not in (2, 3):
        raise UserError(
            f"dimensions={options['dimensions']} given, 2 (each slice by itself) or 3 wanted; "
            "correct inpaint.dimensions"
        )


def _invent(
    network: nn.Module, given: Measured, choices: Choices, parts: list[tuple[slice, slice]]
) -> tuple[Tensor, Tensor]:
    """(missing, y, x) each, in units of the views: what is invented, the variance of its errors."""
    rows = torch.from_numpy(given.turn.missing)
    share, scale = choices.strength, choices.scale
    views, variances = [], []
    for wide, own in track_each("rows", parts):
        start, made, variance = restore(network, given.rows(wide), choices)
        tv, made, variance = (part[rows][:, own] for part in (start.tv, made, variance))
        # What withheld views do not bear out is as uncertain as it is large.
        unsure = choices.surprise * variance + ((1 - share) * (made - tv)).square()
        views.append((tv + share * (made - tv)) * scale)
        variances.append(unsure * scale**2)
    return torch.cat(views, 1), torch.cat(variances, 1)


def _facts(
    done: TiltSeries, given: Measured, choices: Choices, confidence: Tensor
) -> dict[str, object]:
    """Which views are invented, by their numbers in the series, and how they came about."""
    first = done.geometry.n_views - confidence.shape[0]
    angles = done.geometry.angles_deg[first:]
    return {
        "views_invented": int(angles.size),
        "views_measured": given.geometry.n_views,
        "invented_tilts": ", ".join(f"{angle:.4g}" for angle in np.sort(angles)) + " deg",
        "first_invented_view": first,
        "mean_confidence": float(confidence.mean()),
        "least_confidence_of_a_view": float(confidence.mean((1, 2)).min()),
        "confidence": confidence.mean((1, 2)).numpy().round(4).tolist(),
        "widest_gap_deg": given.turn.gap_deg,
        "step_deg": given.turn.step_deg,
        "strength": choices.strength,
        "surprise": choices.surprise,
        "tv_weight": choices.weight,
        "noise_per_pixel": choices.noise,
    }


def _check(options: Options) -> None:
    names = ("step_deg", "strength", "weight", "noise", "dimensions")
    check_options({name: options[name] for name in names})


GAN = Step(gan, reads=(Reads("weights", "weights"),), check=_check)
