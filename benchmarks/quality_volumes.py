"""Three-dimensional cases: seven families in the simulated microscope, the geometry known, noise
the only error.

The series is made by ``recon.simulate`` on a grid twice as fine and binned. 96 x 32 x 96 voxels:
the middle third of each phantom's rows.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.quality_case import Case, Plan
from recon.geometry import Geometry
from recon.phantoms.base import Phantom
from recon.phantoms.block_copolymer import block_copolymer
from recon.phantoms.core_shell import core_shell
from recon.phantoms.nanoparticle import nanoparticle
from recon.phantoms.porous_silica import porous_silica
from recon.phantoms.quantum_dot import quantum_dot
from recon.phantoms.supported_catalyst import supported_catalyst
from recon.phantoms.vesicles import vesicles
from recon.projectors.native import NativeProjector
from recon.simulate.acquire import acquire
from recon.simulate.detector import Detector
from recon.simulate.goniometer import Goniometer
from recon.simulate.views import Views

SIZE, ROWS = 96, 32
SEED = 0
MAX_TILTS_DEG = (60.0, 70.0)
STEP_DEG = 2.0
DOSES_E_PX = (100, 1000)  # counts that the brightest pixel of a series expects
FAMILIES: dict[str, Callable[..., Phantom]] = {
    "nanoparticle": nanoparticle,
    "core_shell": core_shell,
    "supported_catalyst": supported_catalyst,
    "vesicles": vesicles,
    # No network of ours was trained on these, nor on the pictures of B2 to B4n other than the
    # polygons.
    "porous_silica": porous_silica,
    "quantum_dot": quantum_dot,
    "block_copolymer": block_copolymer,
}


@functools.lru_cache(maxsize=2)
def middle(name: str, size: int = SIZE) -> Phantom:
    """The rows of a family's phantom in the middle third, at any size."""
    whole = FAMILIES[name](size=size, seed=SEED)
    rows = ROWS * size // SIZE
    first = (size - rows) // 2
    cut = (slice(None), slice(first, first + rows))
    density, labels = whole.density[cut].contiguous(), whole.labels[cut].contiguous()
    return replace(
        whole,
        density=density,
        labels=labels,
        instances=None,
        positions_px=None,
        elements=None,
        element_names=(),
    )


def volume_case(family: str, max_tilt_deg: float, dose_e_px: float, name: str) -> Case:
    """Counts divided by what one voxel of density 1 scatters, so that a reconstruction comes out in
    units of density."""
    phantom = middle(family)
    pixel, truth = phantom.voxel_nm, phantom.density

    def at_any_size(*, size: int = SIZE) -> Phantom:
        return middle(family, size)

    flat = NativeProjector(Geometry([0.0], pixel), (SIZE, SIZE), SIZE)
    thickest_nm = float(flat(truth).max()) * pixel
    free_path_nm = (
        100 * thickest_nm
    )  # the thickest column scatters 1 %, so the damping of thick matter stays below that
    series = acquire(
        at_any_size,
        views=Views("equal", max_tilt_deg, STEP_DEG, dose_e_nm2=dose_e_px * 100 / pixel**2),
        stage=Goniometer(drift_px=0.0, axis_deg=0.0),
        free_path_nm=free_path_nm,
        detector=Detector(dark_level=0.0, read_noise=0.0, cosmic_rays_per_view=0.0),
        seed=SEED,
    ).series
    y = (series.data * (thickest_nm / (dose_e_px * pixel))).contiguous()
    geometry = Geometry(series.geometry.angles_deg, pixel)
    A = NativeProjector(geometry, (SIZE, SIZE), SIZE)
    return Case("3D", name, y, A, truth, float(truth.max() - truth.min()))


def volumes() -> list[Plan]:
    plans = []
    for family, tilt, dose in itertools.product(FAMILIES, MAX_TILTS_DEG, DOSES_E_PX):
        name = f"{family}, +-{tilt:g} deg, {dose} e/px"
        plans.append(Plan("3D", name, functools.partial(volume_case, family, tilt, dose, name)))
    return plans


def check_scale(case: Case) -> float:
    """||A truth - y|| / ||y||: noise, and the difference of the grids."""
    return float(
        torch.linalg.vector_norm(case.A(case.truth) - case.y) / torch.linalg.vector_norm(case.y)
    )
