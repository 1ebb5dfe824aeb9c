"""The examples of a training, made in a second process while the first one trains, and kept as
files.

Group g holds a phantom and several series of it. What a step may use depends on the number of the
step alone (``available``), never on how fast the groups are made, so that a seed gives one training
on a fast machine, on a slow one, and after a kill.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numba
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from recon.errors import UserError
from recon.training.examples import Example, Family, Ranges, make_example

PLANAR = (
    "polygons",
    "ellipses",
    "shepp_logan",
    "phantom_face",
)  # cheap in 3-D, because their rows are alike
VALIDATION = 1_000_000  # group numbers from here on are never trained on
PARTS = ("tv", "wbp", "truth", "y")


@dataclass(frozen=True)
class Sizes:
    """``voxels`` of a phantom's edge, two or three of them one of the reconstruction's; ``planar``
    ones can be larger; ``rows`` of an example."""

    voxels: int = 192
    planar: int = 256
    rows: int = 32
    per_phantom: int = 6  # series


@dataclass(frozen=True, eq=False)
class Source:
    """Where examples come from: ``families`` (name -> phantom function), what their series are
    drawn from, and where they are kept."""

    families: Mapping[str, Family]
    ranges: Ranges
    seed: int
    folder: Path
    sizes: Sizes = Sizes()

    def group(self, number: int, name: str | None = None) -> list[Example]:
        """The examples of one group, read if they were made before. Deterministic in (seed,
        number)."""
        paths = [
            self.folder / f"{number:07d}-{k}.safetensors" for k in range(self.sizes.per_phantom)
        ]
        if not all(path.exists() for path in paths):
            self._make(number, paths, name)
        return [_read(path) for path in paths]

    def _make(self, number: int, paths: list[Path], name: str | None) -> None:
        rng = np.random.default_rng([self.seed, number])
        chosen = str(rng.choice(list(self.families)))
        name = chosen if name is None else name
        seed = int(rng.integers(2**31))
        if name in PLANAR:
            fine = self.families[name](
                size=self.sizes.planar, seed=seed, rows=2 * self.sizes.rows
            ).density
        else:
            fine = self.families[name](size=self.sizes.voxels, seed=seed).density
        for k, path in enumerate(paths):
            own = np.random.default_rng([self.seed, number, k])
            finer = 3 if name not in PLANAR and own.random() < 0.3 else 2
            _write(path, make_example(fine, finer, name, self.ranges, own, rows=self.sizes.rows))


def fill(source: Source, groups: range) -> None:
    """Make the groups in order, on one thread, giving way to others: the work of the second
    process."""
    os.nice(5)
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    parent = os.getppid()
    for number in groups:
        if os.getppid() != parent:  # killed, and cannot say so any more
            return
        source.group(number)


def start_filling(source: Source, groups: range) -> multiprocessing.process.BaseProcess:
    """``fill`` in a process of its own, which ends with this one."""
    source.folder.mkdir(parents=True, exist_ok=True)
    worker = multiprocessing.get_context("spawn").Process(
        target=partial(fill, source, groups), daemon=True
    )
    worker.start()
    return worker


def wait_for(
    source: Source, number: int, worker: multiprocessing.process.BaseProcess
) -> list[Example]:
    """The examples of a group that ``worker`` makes. Raises ``UserError`` if it died."""
    last = source.folder / f"{number:07d}-{source.sizes.per_phantom - 1}.safetensors"
    while not last.exists():
        if not worker.is_alive() and not last.exists():
            raise UserError(
                f"the process that makes examples ended with code {worker.exitcode} before group "
                f"{number}; see its message above, "
                "and repeat the command: it goes on from the last checkpoint"
            )
        time.sleep(0.2)
    return source.group(number)


def available(step: int, *, first: int, steps_per_group: int, limit: int) -> int:
    """How many groups a step may draw from."""
    return min(limit, first + step // steps_per_group)


def _write(path: Path, example: Example) -> None:
    tensors = {
        part: getattr(example, part)
        .to(torch.float16 if part != "y" else torch.float32)
        .contiguous()
        for part in PARTS
    }
    tensors["angles_deg"] = torch.tensor(example.angles_deg)
    facts = {"snr": repr(example.snr), "flat": str(example.flat), "family": example.family}
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata=facts)
    temporary.replace(path)


def _read(path: Path) -> Example:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in (*PARTS, "angles_deg")}
        facts = file.metadata()
    return Example(
        **{part: tensors[part] for part in PARTS},
        angles_deg=tensors["angles_deg"].numpy(),
        snr=float(facts["snr"]),
        flat=facts["flat"] == "True",
        family=facts["family"],
    )
