"""One composed training config -> a folder with weights and their card."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numba
import torch
from omegaconf import DictConfig, OmegaConf

import recon
from models.slice_unet import parameter_count
from recon.command.build import build
from recon.command.phantoms import Family, build_families, volumes_of
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.learned.card import card_of, series_facts
from recon.learned.weights import CARD, WEIGHTS
from recon.plugged import PLUGGED
from recon.run.folder import make_folder
from recon.training import state
from recon.training.base import B, E, Material, Task
from recon.training.bead_crops import BeadRanges, BeadSizes, BeadSource, Crops
from recon.training.beads import Fiducials, gather_beads
from recon.training.denoising import Denoise, gather_views
from recon.training.ding2019 import Ding2019, make_published
from recon.training.examples import Ranges
from recon.training.inpaint import Inpaint
from recon.training.inpaint_judge import InpaintJudge, make_inpaint_judge
from recon.training.loop import Trainer, train
from recon.training.sinograms import SinogramSource, describe_sinograms, make_sinograms
from recon.training.source import PhantomSource, Sizes
from recon.training.statistics import in_use
from recon.training.tasks import Irdm, Irdm2020, PrimalDual
from recon.training.validation import make_judge
from recon.training.view_ranges import ViewRanges
from recon.training.view_source import CleanViews, ViewSizes, ViewSource
from recon.training.weights_folder import usage, write_card, write_weights

STATISTICS_FROM = 8  # groups of examples
FREE_TO_CHANGE = (
    "cores",
    "steps",
    "max_minutes",
    "stop_after",
    "validate_every",
    "checkpoint_minutes",
)  # between a stop and its resumption


def run_training(config: DictConfig) -> Path:
    """Train what ``config`` names; returns the folder with ``weights.safetensors`` and
    ``card.json``. Raises ``UserError``."""
    console = Console()
    trainer, ranges, sizes = (build(config[group])() for group in ("trainer", "ranges", "sizes"))
    task = build(config.task)(network=build(config.network))
    assert isinstance(trainer, Trainer)
    torch.set_num_threads(trainer.cores)
    numba.set_num_threads(min(trainer.cores, numba.config.NUMBA_NUM_THREADS))
    folder = (
        Path("runs/training") / str(config.name)
        if config.output is None
        else Path(str(config.output)).expanduser()
    )
    check_ours(folder)
    material: Material[Any]
    if isinstance(task, Fiducials):
        material = _gather_beads(config, ranges, sizes, trainer, console)
    elif isinstance(task, Denoise):
        material = _gather_views(config, task, ranges, sizes, trainer, console)
    else:
        material = _gather_phantoms(config, task, ranges, sizes, trainer, console)
    make_folder(folder)
    facts = {k: v for k, v in asdict(trainer).items() if k not in FREE_TO_CHANGE}
    facts |= {"task": OmegaConf.to_yaml(config.task), "network": OmegaConf.to_yaml(config.network)}
    facts |= json.loads(json.dumps(material.facts, default=list))
    began = time.monotonic()
    step = train(trainer, task, material.source, material.judge, folder, facts, console)
    _write_folder(
        folder,
        trainer,
        task,
        material,
        {
            "step": step,
            "options": OmegaConf.to_container(config, resolve=True),
            "seconds_of_last_run": round(time.monotonic() - began),
        },
    )
    console.say(
        f"weights and their card: {folder}",
        "use them: " + usage(task.used_as, folder),
    )
    return folder


def check_ours(folder: Path) -> None:
    """Raise ``UserError`` where a training would replace files of the user's own."""
    there = [n for n in (WEIGHTS, CARD, "log.csv", state.CHECKPOINT) if (folder / n).exists()]
    if there and not state.is_checkpoint(folder / state.CHECKPOINT):
        raise UserError(
            f"output={str(folder)[-150:]} given, but {', '.join(there)} there would be replaced and "
            "no training of ours is known to have written it; pass another output=DIR or name=NAME"
        )


def _gather_phantoms(
    config: DictConfig,
    task: Irdm | PrimalDual | Irdm2020 | Inpaint | Ding2019,
    ranges: object,
    sizes: object,
    trainer: Trainer,
    console: Console,
) -> Material[Any]:
    """Examples of the families that ``config`` names, and a judge of its own seeds and families."""
    if not (isinstance(ranges, Ranges) and isinstance(sizes, Sizes)):
        raise UserError(
            f"task={task.name} given with {_other_groups(config)}, ranges=standard sizes=standard "
            f"wanted: it is trained on phantoms"
        )
    seen, held_out = _families(config)
    kept = Path(str(config.examples)).expanduser()
    gaps = isinstance(task, Inpaint | Ding2019)
    kind = f"{task.name}-" if gaps else ""
    examples, held = (
        kept / f"{kind}{_digest(part, ranges, sizes, trainer.seed)}" for part in (seen, held_out)
    )
    console.say(
        f"examples of {', '.join(seen)} in {examples}",
        f"held out: {', '.join(held_out) or 'none'}",
        "making the validation set",
    )
    facts: dict[str, object] = {"families": sorted(seen), "ranges": asdict(ranges)}
    volumes = {name: given.sha256 for name, given in volumes_of(seen).items()}
    if volumes:
        facts["volumes"] = volumes
    few = replace(sizes, per_phantom=2)
    for folder in (examples, held):
        (folder / "validation").mkdir(parents=True, exist_ok=True)
    judged = ((seen, examples / "validation"), (held_out, held / "validation"))
    if isinstance(task, Inpaint | Ding2019):
        make = make_published if isinstance(task, Ding2019) else make_sinograms
        one = replace(sizes, per_phantom=1)
        whole = SinogramSource(seen, ranges, trainer.seed, examples, sizes, make)
        by = (SinogramSource(part, ranges, trainer.seed, at, one, make) for part, at in judged)
        judge = make_inpaint_judge(task, *by)
        return Material(whole, judge, facts, lambda: describe_sinograms(whole))
    source = PhantomSource(seen, ranges, trainer.seed, examples, sizes)
    by_slices = (PhantomSource(part, ranges, trainer.seed, at, few) for part, at in judged)
    return Material(source, make_judge(task, *by_slices), facts, lambda: _data_card(source))


def _families(config: DictConfig) -> tuple[dict[str, Family], dict[str, Family]]:
    """(those to train on, those kept for judging)."""
    seen = build_families(config.get("families"), config.phantoms)
    held_out = build_families(config.get("held_out"), config.held_out_phantoms)
    if both := sorted(set(seen) & set(held_out)):
        raise UserError(
            f"{', '.join(both)} given in families and in held_out, each family in one of them "
            f"wanted"
        )
    if not seen:
        raise UserError(
            "no phantoms to train on given, one or more wanted; leave ~families out, or pass "
            "phantoms=[volume.mrc]"
        )
    return seen, held_out


def _gather_views(
    config: DictConfig,
    task: Denoise,
    ranges: object,
    sizes: object,
    trainer: Trainer,
    console: Console,
) -> Material[CleanViews]:
    """Projections of the families that ``config`` names, and a judge of other seeds and families."""
    if not (isinstance(ranges, ViewRanges) and isinstance(sizes, ViewSizes)):
        raise UserError(
            f"task=denoise given with {_other_groups(config)}, ranges=views sizes=views wanted: it "
            f"is trained on projections"
        )
    if task.crop != sizes.patch or task.views > sizes.views:
        raise UserError(
            f"task.crop={task.crop} and task.views={task.views} given with sizes.patch={sizes.patch} "
            f"and sizes.views={sizes.views}, the same crop and no more views wanted"
        )
    kept = Path(str(config.examples)).expanduser()
    # Noise is drawn anew at every step: clean projections depend on little of the ranges.
    clean = replace(ViewRanges(), step_deg=ranges.step_deg, misalignment_px=ranges.misalignment_px)
    source, other = (
        ViewSource(
            families,
            ranges,
            trainer.seed,
            kept / _digest(families, clean, sizes, trainer.seed),
            sizes,
        )
        for families in _families(config)
    )
    console.say(f"projections of {', '.join(source.families)} in {source.folder}")
    return gather_views(source, other, task, trainer.groups)


def _gather_beads(
    config: DictConfig, ranges: object, sizes: object, trainer: Trainer, console: Console
) -> Material[Crops]:
    if not (isinstance(ranges, BeadRanges) and isinstance(sizes, BeadSizes)):
        raise UserError(
            f"task=fiducials given with {_other_groups(config)}, ranges=beads sizes=beads wanted: "
            f"it is trained on series of gold beads"
        )
    for name in ("families", "held_out", "phantoms", "held_out_phantoms"):
        if config.get(name):
            raise UserError(
                f"{name} given with task=fiducials, which is trained on simulated series of gold "
                f"beads; leave it out"
            )
    examples = Path(str(config.examples)).expanduser() / _digest({}, ranges, sizes, trainer.seed)
    console.say(f"crops of simulated series in {examples}")
    return gather_beads(BeadSource(ranges, trainer.seed, examples, sizes), trainer.groups, console)


def _other_groups(config: DictConfig) -> str:
    return " and ".join(f"{name} of {config[name]['_target_']}" for name in ("ranges", "sizes"))


def _digest(
    families: dict[str, Family],
    ranges: Ranges | BeadRanges | ViewRanges,
    sizes: Sizes | BeadSizes | ViewSizes,
    seed: int,
) -> str:
    """Of all that decides an example's pixels, so that examples of other options are never taken
    for these."""
    described = {
        n: [f"{f.func.__module__}.{f.func.__name__}", sorted(f.keywords.items())]
        for n, f in families.items()
    }
    made = [f.func for f in families.values()]
    outside = sorted(o.content for o in PLUGGED.values() if o.made in made)
    text = json.dumps(
        [described, asdict(ranges), asdict(sizes), seed, recon.__version__, *outside],
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write_folder(
    folder: Path,
    trainer: Trainer,
    task: Task[E, B],
    material: Material[E],
    facts: dict[str, object],
) -> None:
    """The averaged weights, and what must be known of them."""
    examples = [
        example
        for number in range(min(trainer.groups, STATISTICS_FROM))
        for example in material.source.group(number)
    ]
    network = in_use(task, state.load_averages(folder / state.CHECKPOINT), examples)
    if isinstance(material.judge, InpaintJudge):
        material.judge.calibrate(network)
    digest = write_weights(folder, network)
    versions = {
        name: importlib.metadata.version(name) for name in ("torch", "monai", "numpy", "numba")
    }
    card = {
        "task": task.name,
        "sha256": digest,
        "parameters": parameter_count(network),
        "commit": _commit(),
        "versions": versions,
        "data": material.describe(),
        "validation": material.judge.scores(network),
        **facts,
    }
    write_card(folder, card)


def _data_card(source: PhantomSource) -> dict[str, object]:
    """What the series were like that the network was trained on, for the warning when one lies
    outside."""
    groups = sorted({int(path.name.split("-")[0]) for path in source.folder.glob("*.safetensors")})[
        :64
    ]
    examples = [example for number in groups for example in source.group(number)]
    facts = [
        series_facts(e.y, Geometry(e.angles_deg, None), float(e.y.square().mean().sqrt()) / e.snr)
        for e in examples
    ]
    return card_of(facts)


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
