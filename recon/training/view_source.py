"""Clean projections of phantoms, kept as files: what the denoising network is trained on before
noise comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.native import NativeProjector
from recon.training.examples import Family, turn
from recon.training.source import PLANAR
from recon.training.state import write_tensors
from recon.training.view_ranges import ViewRanges


@dataclass(frozen=True)
class ViewSizes:
    """``voxels`` of a phantom's edge; ``patch``: edge of the part of its views that is kept;
    ``views`` of a series; ``per_phantom``: series of each phantom, each turned another way, half of
    them binned by two."""

    voxels: int = 128
    patch: int = 64
    views: int = 11
    per_phantom: int = 12

    def __post_init__(self) -> None:
        if self.patch < 16 or self.patch % 2 or self.voxels % 2 or self.voxels < 2 * self.patch:
            raise UserError(
                f"sizes.voxels={self.voxels} and sizes.patch={self.patch} given, an even patch of 16 "
                "or more and at least twice as many voxels, an even number, wanted"
            )
        if self.views < 1 or self.per_phantom < 1:
            raise UserError(
                f"sizes.views={self.views} and sizes.per_phantom={self.per_phantom} given, 1 or more "
                "wanted"
            )


@dataclass(frozen=True, eq=False)
class CleanViews:
    """``mass``: (tilt, y, x) line integrals, about 1 in the brightest pixel of all views of the phantom;
    ``own``: those of one of its elements, or of all; ``step_deg`` between neighbours. ``ranges``: what
    noise is drawn from."""

    mass: Tensor
    own: Tensor
    step_deg: float
    family: str
    ranges: ViewRanges


@dataclass(frozen=True, eq=False)
class ViewSource:
    """Series of short tilt ranges by number: one group is one phantom."""

    families: Mapping[str, Family]
    ranges: ViewRanges
    seed: int
    folder: Path
    sizes: ViewSizes = ViewSizes()

    @property
    def per_group(self) -> int:
        return self.sizes.per_phantom

    def ready(self, number: int) -> bool:
        return self._path(number).exists()

    def group(self, number: int, name: str | None = None) -> list[CleanViews]:
        """Deterministic in (seed, number). ``name``: of the family, where it is not to be drawn."""
        path = self._path(number)
        if not path.exists():
            self._make(number, path, name)
        with safe_open(path, framework="pt") as file:
            mass, own, step = (file.get_tensor(n) for n in ("mass", "own", "step_deg"))
            family = file.metadata()["family"]
        parts = zip(mass, own, step.tolist(), strict=True)
        return [
            CleanViews(m.float(), o.float(), float(s), family, self.ranges) for m, o, s in parts
        ]

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.safetensors"

    def _make(self, number: int, path: Path, name: str | None) -> None:
        rng = np.random.default_rng([self.seed, number])
        chosen = str(rng.choice(list(self.families)))
        name, n = chosen if name is None else name, self.sizes.voxels
        more = {"rows": n} if name in PLANAR else {}
        phantom = self.families[name](size=n, seed=int(rng.integers(2**31)), **more)
        density, elements = phantom.density, phantom.elements
        scale = max(float(density.sum(0).max()), float(density.sum(2).max()), 1e-9)
        made = []
        for _ in range(self.sizes.per_phantom):
            own = density
            if elements is not None and rng.random() < 0.5:
                own = elements[int(rng.integers(len(elements)))]
            state = rng.bit_generator.state
            turned = turn(density, rng)
            rng.bit_generator.state = state
            made.append(self._short_series(turned, turn(own, rng), rng))
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            "mass": torch.stack([m for m, *_ in made]) / scale,
            "own": torch.stack([o for _, o, _ in made]) / scale,
        }
        halved = {k: v.to(torch.float16).contiguous() for k, v in tensors.items()}
        steps = torch.tensor([s for *_, s in made], dtype=torch.float64)
        write_tensors(path, halved | {"step_deg": steps}, {"family": name})

    def _short_series(
        self, density: Tensor, own: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, float]:
        """Equal steps somewhere within +-75 degrees, and shifts that alignment did not find."""
        sizes, n = self.sizes, density.shape[0]
        low, high = np.log(self.ranges.step_deg)
        step = min(float(np.exp(rng.uniform(low, high))), 150 / max(1, sizes.views - 1))
        span = step * (sizes.views - 1)
        angles = rng.uniform(-75, 75 - span) + step * np.arange(sizes.views)
        shifts = np.zeros((sizes.views, 2))
        shifts[:, 1] = rng.uniform(*self.ranges.misalignment_px) * rng.normal(size=sizes.views)
        A = NativeProjector(Geometry(angles, None, 0.0, shifts), (n, n), n)
        both = torch.stack([A(density), A(own)])
        if rng.random() < 0.5:
            t, rows, columns = both.shape[1:]
            both = both.reshape(2, t, rows // 2, 2, columns // 2, 2).mean((3, 5))
        power = both[0].var(dim=0)
        y, x = (_start(power.sum(1 - axis), sizes.patch, rng) for axis in (0, 1))
        cut = both[:, :, y : y + sizes.patch, x : x + sizes.patch].contiguous()
        return cut[0], cut[1], step


def _start(power: Tensor, length: int, rng: np.random.Generator) -> int:
    """Of a window with something in it, the more often the more there is; sometimes anywhere."""
    most = len(power) - length
    if most <= 0 or rng.random() < 0.2:
        return int(rng.integers(most + 1)) if most > 0 else 0
    total = np.convolve(power.double().numpy(), np.ones(length), "valid") + 1e-12
    return int(rng.choice(most + 1, p=total / total.sum()))
