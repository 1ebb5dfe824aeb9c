"""Train the bead classifier of ``align=fiducial`` on simulated series: ``python -m
recon.training.beads``.

Everything follows from the seed and the options. Crops and the state of the training are kept in
the folder, so that the same command goes on after a stop.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from models.bead_classifier import BeadClassifier
from recon.console import Console
from recon.io.atomic import replacing
from recon.training import state
from recon.training.bead_crops import Crops, kept, together

HELD_OUT = 100_000  # numbers of series from here on are never trained on
BATCH = 128
RATE = 2e-3
DECAY = 0.99  # of the average of the weights, per step
# places that are no bead count so much in all, beads 1: a large field has about as many candidates
# for each
OTHERS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the bead classifier on simulated series.")
    parser.add_argument("--output", type=Path, default=Path("runs/training/fiducials"))
    parser.add_argument("--series", type=int, default=120, help="simulated tilt series to train on")
    parser.add_argument("--held-out", type=int, default=14, help="series to judge by")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train_beads(
        chosen.output,
        series=chosen.series,
        held_out=chosen.held_out,
        epochs=chosen.epochs,
        seed=chosen.seed,
    )


def train_beads(folder: Path, *, series: int, held_out: int, epochs: int, seed: int) -> Path:
    """Writes ``weights.safetensors`` (half precision) and ``card.json`` in ``folder``; returns
    it."""
    console = Console()
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    crops = together(_made(folder / "examples", seed, range(series), "crops to train on", console))
    judged = together(
        _made(
            folder / "examples",
            seed,
            range(HELD_OUT, HELD_OUT + held_out),
            "crops to judge by",
            console,
        )
    )
    console.say(
        f"{crops.bead.sum()} beads and {(~crops.bead).sum()} other places in {series} series; "
        f"{len(judged.bead)} held out"
    )
    facts: dict[str, object] = {
        "series": series,
        "epochs": epochs,
        "seed": seed,
        "batch": BATCH,
        "rate": RATE,
    }
    averages = _trained(
        folder / "checkpoint.safetensors", crops, judged, epochs, seed, facts, console
    )
    halved = {
        k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in averages.items()
    }
    with replacing(folder / "weights.safetensors") as temporary:
        save_file(halved, temporary)
    network = BeadClassifier()
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in halved.items()}
    )
    card = {
        "sha256": hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": {
            "crops": len(crops.bead),
            "beads": int(crops.bead.sum()),
            "from": "recon.training.bead_crops: gold beads of 4.5 to 16 px on films, bright field, "
            "40 to 800 electrons per pixel, tilts to 68 deg",
        },
        "training": facts,
        "held_out": scores(judged, logits(network, judged.pictures)),
    }
    with replacing(folder / "card.json") as temporary:
        temporary.write_text(json.dumps(card, indent=1), "utf-8")
    console.say(f"weights: {folder / 'weights.safetensors'}", f"card:    {folder / 'card.json'}")
    return folder


def logits(network: nn.Module, pictures: np.ndarray) -> np.ndarray:
    """(n, 32, 32) -> (n,)."""
    network.eval()
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(pictures), 512)
        return np.asarray(torch.cat([network(part.float()[:, None]) for part in parts]).numpy())


def scores(crops: Crops, found: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of the network (logit above 0) and of the classical score (above
    0.5), among candidates alone."""
    real = np.isfinite(crops.classical)
    out: dict[str, float] = {}
    for name, taken in (
        ("network", found > 0),
        ("classical", np.nan_to_num(crops.classical) > 0.5),
    ):
        for part, some in (("", real), ("_above_50_deg", real & (np.abs(crops.tilt_deg) > 50))):
            hits = float((taken & crops.bead & some).sum())
            precision, recall = (
                hits / max((taken & some).sum(), 1),
                hits / max((crops.bead & some).sum(), 1),
            )
            out[f"{name}_precision{part}"], out[f"{name}_recall{part}"] = (
                round(precision, 4),
                round(recall, 4),
            )
            out[f"{name}_f1{part}"] = round(
                2 * precision * recall / max(precision + recall, 1e-9), 4
            )
    return out


def augmented(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """One of the eight ways to lay a crop down, another height, a little noise and a slope of grey
    across it, each batch anew; mean 0."""
    turns = int(torch.randint(4, (1,), generator=generator))
    pictures = torch.rot90(pictures, turns, (2, 3))
    if torch.rand(1, generator=generator) < 0.5:
        pictures = torch.flip(pictures, (3,))
    n = len(pictures)
    pictures = pictures * torch.exp(0.1 * torch.randn((n, 1, 1, 1), generator=generator))
    noise = (
        torch.randn(pictures.shape, generator=generator)
        * 0.2
        * torch.rand((n, 1, 1, 1), generator=generator) ** 2
    )
    line = torch.linspace(-1, 1, pictures.shape[-1])
    slope = 0.1 * torch.randn((n, 2, 1, 1), generator=generator)
    pictures = pictures + noise + slope[:, :1] * line + slope[:, 1:] * line[:, None]
    return pictures - pictures.mean((2, 3), keepdim=True)


def _made(folder: Path, seed: int, numbers: range, what: str, console: Console) -> list[Crops]:
    found = []
    with console.progress(what, len(numbers)) as advance:
        for number in numbers:
            found.append(kept(folder, seed, number))
            advance(1)
    return found


def _trained(
    checkpoint: Path,
    crops: Crops,
    judged: Crops,
    epochs: int,
    seed: int,
    facts: dict[str, object],
    console: Console,
) -> state.Averages:
    torch.manual_seed(seed)
    network = BeadClassifier()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    averages: state.Averages = {}
    steps = len(crops.bead) // BATCH
    begun = 0
    if checkpoint.exists():
        step, before = state.load(
            checkpoint, {"network": network}, averages, {"network": optimiser}
        )
        if before == json.loads(json.dumps(facts)):
            begun = step
            console.say(f"going on after epoch {begun} of {epochs}")
        else:
            checkpoint.unlink()
            return _trained(checkpoint, crops, judged, epochs, seed, facts, console)
    weight = torch.tensor(float((~crops.bead).sum()) / max(float(crops.bead.sum()), 1.0) / OTHERS)
    for epoch in range(begun, epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(crops.bead))
        generator = torch.Generator().manual_seed(seed * 1009 + epoch)
        torch.manual_seed(seed * 1013 + epoch)  # the dropout
        network.train()
        total = 0.0
        for k in range(steps):
            chosen = np.sort(order[k * BATCH : (k + 1) * BATCH])
            pictures = augmented(
                torch.from_numpy(crops.pictures[chosen]).float()[:, None], generator
            )
            wanted = torch.from_numpy(crops.bead[chosen]).float()
            done = (epoch * steps + k) / (epochs * steps)
            for group in optimiser.param_groups:
                group["lr"] = RATE * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done)))
            loss = functional.binary_cross_entropy_with_logits(
                network(pictures), wanted, pos_weight=weight
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            state.average(
                averages, network, min(DECAY, (epoch * steps + k + 1) / (epoch * steps + k + 11))
            )
            total += float(loss.detach())
        state.save(
            checkpoint, epoch + 1, {"network": network}, averages, {"network": optimiser}, facts
        )
        smooth = BeadClassifier()
        smooth.load_state_dict(averages)
        found = scores(judged, logits(smooth, judged.pictures))
        console.say(
            f"epoch {epoch + 1}: loss {total / max(steps, 1):.4f}, held out F1 "
            f"{found['network_f1']:.4f} (classical {found['classical_f1']:.4f}), "
            f"above 50 deg {found['network_f1_above_50_deg']:.4f} "
            f"({found['classical_f1_above_50_deg']:.4f})"
        )
    return averages


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
