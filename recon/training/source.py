"""Groups of examples of phantoms, kept as files: group g holds a phantom and several series of
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from recon.errors import UserError
from recon.training.examples import Example, Family, Ranges, make_example
from recon.training.state import write_tensors

PLANAR = (
    "polygons",
    "ellipses",
    "shepp_logan",
    "phantom_face",
)  # cheap in 3-D, because their rows are alike
PARTS = ("tv", "wbp", "truth", "y")


@dataclass(frozen=True)
class Sizes:
    """``voxels`` of a phantom's edge, two or three of them one of the reconstruction's; ``planar``
    ones can be larger; ``rows`` of an example."""

    voxels: int = 192
    planar: int = 256
    rows: int = 32
    per_phantom: int = 6  # series

    def __post_init__(self) -> None:
        if self.voxels < 6 or self.voxels % 6 or self.planar < 2 or self.planar % 2:
            raise UserError(
                f"sizes.voxels={self.voxels} and sizes.planar={self.planar} given, a multiple of 6 "
                "and one of 2 wanted: two or three of them are one voxel of an example"
            )
        if self.rows < 1 or self.per_phantom < 1:
            raise UserError(
                f"sizes.rows={self.rows} and sizes.per_phantom={self.per_phantom} given, 1 or more "
                "wanted"
            )


@dataclass(frozen=True, eq=False)
class PhantomSource:
    """Where examples come from: ``families`` (name -> phantom function), what their series are
    drawn from, and where they are kept."""

    families: Mapping[str, Family]
    ranges: Ranges
    seed: int
    folder: Path
    sizes: Sizes = Sizes()

    @property
    def per_group(self) -> int:
        return self.sizes.per_phantom

    def ready(self, number: int) -> bool:
        return self._paths(number)[-1].exists()

    def group(self, number: int, name: str | None = None) -> list[Example]:
        """Deterministic in (seed, number). ``name``: of the family, where it is not to be drawn."""
        paths = self._paths(number)
        if not all(path.exists() for path in paths):
            self._make(number, paths, name)
        return [_read(path) for path in paths]

    def _paths(self, number: int) -> list[Path]:
        return [self.folder / f"{number:07d}-{k}.safetensors" for k in range(self.per_group)]

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


def _write(path: Path, example: Example) -> None:
    tensors = {
        part: getattr(example, part)
        .to(torch.float16 if part != "y" else torch.float32)
        .contiguous()
        for part in PARTS
    }
    tensors["angles_deg"] = torch.tensor(example.angles_deg)
    facts = {"snr": repr(example.snr), "flat": str(example.flat), "family": example.family}
    write_tensors(path, tensors, facts)


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
