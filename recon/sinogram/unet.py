"""``denoise=unet``: every view by a network that sees its neighbours in tilt too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from recon.errors import UserError
from recon.learned.weights import Trained, load_trained
from recon.progress import track_each
from recon.series import TiltSeries
from recon.sinogram.pictures import Level, level_of, pictures
from recon.sinogram.stabilised import Counted, counted, finish
from recon.stage import Options, Reads, Step

TASK = "denoise"
TILE, MARGIN = 768, 64  # pixels of a view that the network sees at once, and beyond those it keeps
MOST_BEYOND = 1.5  # times what it was trained on: from there on it is said


def unet(
    series: TiltSeries, *, weights: str = "denoise", strength: float = 1.0, flips: bool = True
) -> TiltSeries:
    """A U-Net on projections, in the manner of Skorikov et al. 2021 (doi:10.1039/D1NR03232A), on
    seven neighbouring views in the Anscombe domain, told the noise level and the tilt step.

    ``weights``: shipped ones by name, or the folder that ``train.py task=denoise`` wrote.
    ``strength``: 1 takes the network's answer, less mixes it with what was measured. ``flips``: the
    mean over the view's four mirror images, four times the work. Raises
    ``UserError`` for a single view, and for weights of another task.
    """
    check_views(series)
    trained = load_trained(weights, task=TASK)
    found = counted(series)
    level, step_deg = level_and_step(series, found)
    counts = denoised(trained.network, series, found, flips=flips)
    return finish(
        series,
        found,
        torch.lerp(found.counts, counts, strength),
        words=f"a network ({trained.name})",
        warnings=outside(trained, level, step_deg),
        brightest_counts=level.brightest,
    )


def denoised(
    network: nn.Module, series: TiltSeries, found: Counted, *, flips: bool = True
) -> Tensor:
    """(tilt, y, x) expected counts in the order of the file; the totals are the network's."""
    order = np.argsort(series.geometry.angles_deg, kind="stable")
    sorted_counts, read = found.counts[order.tolist()], found.model.read
    level, step_deg = level_and_step(series, found)
    views = int(getattr(network, "views", 1))
    ways: list[tuple[int, ...]] = [(), (1,), (2,), (1, 2)] if flips else [()]
    out = torch.empty_like(sorted_counts)
    for place in track_each("denoising", range(len(order))):
        given = pictures(
            sorted_counts, place, views=views, read=read, level=level, step_deg=step_deg
        )
        mean = torch.zeros(given.shape[1:])
        for way in ways:
            mirrored = torch.flip(given, way) if way else given
            answer = in_tiles(network, mirrored)
            mean += torch.flip(answer, tuple(a - 1 for a in way)) if way else answer
        out[int(order[place])] = mean.clamp(min=0) * (level.brightest / len(ways))
    return out


def in_tiles(network: nn.Module, given: Tensor, tile: int = TILE, margin: int = MARGIN) -> Tensor:
    """(channel, y, x) -> (y, x), in tiles of ``tile`` pixels that overlap by ``margin``."""
    n_y, n_x = given.shape[1:]
    out = torch.empty(n_y, n_x)
    with torch.inference_mode():
        for y in range(0, n_y, tile):
            for x in range(0, n_x, tile):
                top, left = max(0, y - margin), max(0, x - margin)
                bottom, right = min(n_y, y + tile + margin), min(n_x, x + tile + margin)
                part = network(given[None, :, top:bottom, left:right])[0, 0].float()
                own = part[y - top : y - top + tile, x - left : x - left + tile]
                out[y : y + tile, x : x + tile] = own
    return out


def level_and_step(series: TiltSeries, found: Counted) -> tuple[Level, float]:
    """What the network is told of the whole series."""
    angles = series.geometry.angles_deg
    order = np.argsort(angles, kind="stable")
    steps = np.diff(angles[order])
    step = float(np.median(steps)) if steps.size else 0.0
    return level_of(found.counts[order.tolist()], found.model.read), step


def check_views(series: TiltSeries) -> None:
    """Raise ``UserError`` for a series that has no neighbours."""
    if len(series.data) < 2:
        raise UserError(
            f"{series.name}: a series of 1 view given, 2 or more wanted for a network that looks at "
            "neighbouring tilts; denoise=nlm, tv, gaussian and median take views one by one"
        )


def outside(trained: Trained, level: Level, step_deg: float) -> tuple[str, ...]:
    """A sentence for each property in which the network was not trained on such a series."""
    data = trained.card.get("data", trained.card)
    ranges = data.get("ranges") if isinstance(data, Mapping) else None
    if not isinstance(ranges, Mapping):
        return ()
    told = (
        ("counts", level.brightest, "{:.3g} counts in the brightest pixels"),
        ("step_deg", step_deg, "a tilt step of {:.3g} degrees"),
    )
    said = []
    for name, value, words in told:
        low, high = (float(v) for v in ranges[name])
        if not low / MOST_BEYOND <= value <= high * MOST_BEYOND:
            said.append(
                f"denoise: {words.format(value)}, but the network was trained on {low:g} to {high:g}; "
                "what it shows may be invented"
            )
    return tuple(said)


def check_options(options: Options) -> None:
    """The weights are there, and of this task, before the work begins."""
    load_trained(options["weights"], task=TASK)
    if not 0 < options["strength"] <= 1:
        raise UserError(
            f"denoise.strength={options['strength']} given, above 0 and up to 1 wanted; 1 takes out "
            "all that the network calls noise"
        )


UNET = Step(unet, reads=(Reads("weights", "weights"),), check=check_options)
