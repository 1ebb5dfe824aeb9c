"""What ``run.json`` holds: everything that was found, done and used."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

import recon
from recon.machine import peak_memory_gb
from recon.metrics.volumes import crowther_frequency
from recon.run.plan import Plan, Reconstruction
from recon.run.prepare import Prepared
from recon.run.slabs import Outcome


def make_record(
    job: Reconstruction,
    plan: Plan,
    prepared: Prepared,
    outcome: Outcome,
    *,
    settled: Mapping[str, object],
    config: Mapping[str, object],
    threads: int,
    seconds: float,
) -> dict[str, object]:
    """The record of one finished run, but for its scores; ``settled``: what stood for ``auto``."""
    view_power = np.array(
        [float((view.double() ** 2).sum()) for view in job.y]
    )  # one double-precision view at a time
    power = float(view_power.sum()) or 1.0
    series = prepared.aligned
    return {
        "name": series.name,
        "algorithm": job.method.name,
        "options": dict(job.method.options),
        "settled": settled,
        "projector": type(job.A).__name__,
        "residual": float(np.sqrt(sum(outcome.view2) / power)),
        "residual_per_iteration": np.sqrt(np.array(outcome.residual2) / power).tolist(),
        "residual_per_view": np.sqrt(
            np.array(outcome.view2) / np.maximum(view_power, 1e-30)
        ).tolist(),
        "noise_per_pixel": prepared.noise,
        "shape_zyx": [job.A.volume_zx[0], job.y.shape[1], job.A.volume_zx[1]],
        "voxel_nm": series.geometry.pixel_nm,
        "grey_unit": grey_unit(series.geometry.pixel_nm),
        "angles_deg": series.geometry.angles_deg.tolist(),
        "crowther_per_voxel": crowther_frequency(series.geometry.angles_deg, job.A.volume_zx[1]),
        "axis_deg": prepared.solution.axis_deg,
        "shifts_px": []
        if prepared.solution.shifts_px is None
        else (prepared.solution.shifts_px * prepared.bin).tolist(),
        "bin": prepared.bin,
        "against_truth": prepared.truth,
        "history": series.history,
        "facts": series.facts,
        "plan": {
            "slabs": plan.slabs,
            "overlap": plan.overlap,
            "peak_gb": plan.peak_gb,
            "estimated_seconds": plan.seconds,
        },
        "seconds": seconds,
        "peak_memory_gb": peak_memory_gb(),
        "threads": threads,
        "config": config,
        "versions": _versions(),
        "machine": f"{platform.platform()}, {platform.processor() or platform.machine()}",
        "command": sys.argv,
    }


def grey_unit(pixel_nm: float | None) -> str:
    """In words."""
    return "projection value / voxel" if pixel_nm is None else "projection value / nm"


def _versions() -> dict[str, str]:
    found = {
        "tiltwise": recon.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    for name in ("numpy", "scipy", "numba", "hydra-core", "astra-toolbox"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
