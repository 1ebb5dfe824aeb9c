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
from safetensors.torch import save_file

import recon
from models.slice_unet import parameter_count
from recon.command.build import build
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io.atomic import replacing
from recon.learned.card import card_of, series_facts
from recon.training import state
from recon.training.examples import Ranges
from recon.training.loop import Trainer, train
from recon.training.pool import Sizes, Source
from recon.training.statistics import in_use
from recon.training.tasks import Task
from recon.training.validation import Judge, family_scores, make_judge

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
    trainer, ranges, sizes, task = (
        build(config[group]) for group in ("trainer", "ranges", "sizes", "task")
    )
    trainer, ranges, sizes = trainer(), ranges(), sizes()
    task = task(network=build(config.network))
    assert isinstance(trainer, Trainer)
    assert isinstance(ranges, Ranges)
    assert isinstance(sizes, Sizes)
    torch.set_num_threads(trainer.cores)
    numba.set_num_threads(min(trainer.cores, numba.config.NUMBA_NUM_THREADS))
    folder = (
        Path("runs/training") / str(config.name)
        if config.output is None
        else Path(str(config.output))
    )
    folder.mkdir(parents=True, exist_ok=True)

    seen, held_out = _families(config.families), _families(config.held_out)
    if both := sorted(set(seen) & set(held_out)):
        raise UserError(
            f"{', '.join(both)} given in families and in held_out, each family in one of them "
            f"wanted"
        )
    examples = Path(str(config.examples)) / _digest(seen, ranges, sizes, trainer.seed)
    source = Source(seen, ranges, trainer.seed, examples, sizes)
    console.say(
        f"examples of {', '.join(seen)} in {examples}",
        f"held out: {', '.join(held_out)}",
        "making the validation set",
    )
    folder_held = Path(str(config.examples)) / _digest(held_out, ranges, sizes, trainer.seed)
    judge = make_judge(
        *(
            _few(part, ranges, sizes, trainer.seed, where)
            for part, where in ((seen, examples), (held_out, folder_held))
        )
    )

    options = OmegaConf.to_container(config, resolve=True)
    facts = {k: v for k, v in asdict(trainer).items() if k not in FREE_TO_CHANGE}
    facts |= {
        "task": OmegaConf.to_yaml(config.task),
        "network": OmegaConf.to_yaml(config.network),
        "families": sorted(seen),
    }
    facts |= {"ranges": json.loads(json.dumps(asdict(ranges), default=list))}
    began = time.monotonic()
    step = train(trainer, task, source, judge, folder, facts, console)
    _write_weights(
        folder,
        trainer,
        task,
        judge,
        step,
        source,
        {"options": options, "seconds_of_last_run": round(time.monotonic() - began)},
        console,
    )
    return folder


def _few(families: dict[str, Any], ranges: Ranges, sizes: Sizes, seed: int, folder: Path) -> Source:
    (folder / "validation").mkdir(parents=True, exist_ok=True)
    return Source(families, ranges, seed, folder / "validation", replace(sizes, per_phantom=2))


def _families(names: Any) -> dict[str, Any]:
    """name -> phantom function, from configs as in ``phantom=``."""
    return {str(name): build(node) for name, node in names.items()}


def _digest(families: dict[str, Any], ranges: Ranges, sizes: Sizes, seed: int) -> str:
    """Of all that decides an example's pixels, so that examples of other options are never taken
    for these."""
    described = {
        n: [f"{f.func.__module__}.{f.func.__name__}", sorted(f.keywords.items())]
        for n, f in families.items()
    }
    text = json.dumps(
        [described, asdict(ranges), asdict(sizes), seed, recon.__version__],
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write_weights(
    folder: Path,
    trainer: Trainer,
    task: Task,
    judge: Judge,
    step: int,
    source: Source,
    facts: dict[str, object],
    console: Console,
) -> None:
    """The averaged weights in half precision, and what must be known of them."""
    examples = [
        example
        for number in range(min(trainer.groups, STATISTICS_FROM))
        for example in source.group(number)
    ]
    network = in_use(task, state.load_averages(folder / "checkpoint.safetensors"), examples)
    halved = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in network.state_dict().items()
    }
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in halved.items()}
    )
    with replacing(folder / "weights.safetensors") as temporary:
        save_file(halved, temporary)
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    card = {
        "sha256": digest,
        "parameters": parameter_count(network),
        "step": step,
        "commit": _commit(),
        "versions": {
            name: importlib.metadata.version(name) for name in ("torch", "monai", "numpy", "numba")
        },
        "data": _data_card(source),
        "validation": {
            "seen": family_scores(network, task, judge.seen),
            "held_out": family_scores(network, task, judge.held_out),
        },
        **facts,
    }
    with replacing(folder / "card.json") as temporary:
        temporary.write_text(json.dumps(card, indent=1, default=str), "utf-8")
    console.say(f"weights: {folder / 'weights.safetensors'}", f"card:    {folder / 'card.json'}")


def _data_card(source: Source) -> dict[str, object]:
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
