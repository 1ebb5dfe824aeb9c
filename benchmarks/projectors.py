"""The native projector beside ASTRA (CPU), scikit-image and TomoPy: time and quality, in one run on
the same data.

    python -m benchmarks.projectors        (make bench)

Writes ``benchmarks/projectors.csv``. ``seconds`` are for all rows. The other codes are slow, so a
few of their slices are timed (``slices``) and multiplied; they work slice by slice, so that is
exact. All run on one thread, ours on two as well. Times are medians of three or more runs after a
warm-up, with the backends taking turns. For SIRT, ``astra_linear`` and ``astra_strip`` are the
faster of ASTRA's own SIRT and of our ``sirt`` on ASTRA's projector.
"""

from __future__ import annotations

import csv
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import torch
from torch import Tensor

from benchmarks.exact_data import psnr_db, truth, views
from benchmarks.machine import multiply_add_gflops
from recon.algorithms.sirt import sirt
from recon.algorithms.wbp import wbp
from recon.geometry import Geometry
from recon.projectors.astra import AstraProjector, load_astra
from recon.projectors.base import Projector
from recon.projectors.native import NativeProjector

SIZES = ((256, 64), (512, 32))  # (n, rows)
ANGLES = np.arange(-70, 71, 2.0)
ITERATIONS = 50
QUALITY_ROWS = 2
COLUMNS = (
    "backend",
    "operation",
    "n",
    "slices",
    "threads",
    "seconds",
    "ratio_to_astra_linear",
    "psnr_db",
)


@dataclass(frozen=True)
class Job:
    """One thing to time. ``run`` works on ``slices`` rows; ``result`` gives the volume of the
    quality rows."""

    backend: str
    operation: str
    slices: int
    threads: int
    run: Callable[[], object]
    repeats: int = 3
    result: Callable[[], Tensor] | None = None


def main() -> None:
    limit = {threads: multiply_add_gflops(threads) for threads in (1, 2)}
    print(f"load before the run: {os.getloadavg()[0]:.2f}")
    print(
        "multiply-add limit: "
        + ", ".join(f"{g:.0f} GFLOP/s on {t} thread{'s' * (t > 1)}" for t, g in limit.items())
    )
    if importlib.util.find_spec("tomopy") is None:
        print("TomoPy is not installed: left out")
    lines: list[dict[str, object]] = []
    for n, rows in SIZES:
        lines += measure(n, rows, limit)
    with Path(__file__).with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)


def measure(n: int, rows: int, limit: dict[int, float]) -> list[dict[str, object]]:
    geometry = Geometry(ANGLES, 1.0)
    y, few, wanted = (
        views(n, rows, geometry),
        views(n, QUALITY_ROWS, geometry),
        truth(n, QUALITY_ROWS),
    )
    jobs = [
        *native_jobs(geometry, y, few),
        *astra_jobs(geometry, y, few),
        *skimage_jobs(geometry, y),
        *tomopy_jobs(geometry, y, few),
    ]
    seconds: dict[tuple[str, str, int], float] = {}
    quality: dict[tuple[str, str], float] = {}
    for operation in ("forward", "adjoint", "wbp", f"sirt{ITERATIONS}"):
        same = [job for job in jobs if job.operation == operation]
        times: list[list[float]] = [[] for _ in same]
        for turn in range(1 + max(job.repeats for job in same)):
            for job, taken in zip(same, times, strict=True):
                if turn <= job.repeats:
                    numba.set_num_threads(job.threads)
                    torch.set_num_threads(job.threads)
                    start = time.perf_counter()
                    job.run()
                    taken.append(time.perf_counter() - start)
        for job, taken in zip(same, times, strict=True):
            key = job.backend, operation, job.threads
            # The first run compiled and filled caches.
            seconds[key] = min(
                seconds.get(key, np.inf), statistics.median(taken[1:]) * rows / job.slices
            )
            if job.result is not None:
                quality[job.backend, operation] = psnr_db(job.result(), wanted)

    lines = []
    work = 4 * len(ANGLES) * n * n * rows / 1e9
    print(
        f"\n{n} x {n} x {rows} rows, {len(ANGLES)} tilts; slices timed: {timed_slices(jobs)}; "
        f"seconds for all rows"
    )
    for (backend, operation, threads), taken in seconds.items():
        ratio = seconds["astra_linear", operation, 1] / taken if threads == 1 else None
        decibel = quality.get((backend, operation))
        slices = next(j.slices for j in jobs if (j.backend, j.operation) == (backend, operation))
        lines.append(
            dict(
                zip(
                    COLUMNS,
                    (
                        backend,
                        operation,
                        n,
                        slices,
                        threads,
                        f"{taken:.4g}",
                        shown(ratio, 3),
                        shown(decibel, 4),
                    ),
                    strict=True,
                )
            )
        )
        note = f"  {shown(ratio, 3)} x astra_linear" if ratio else ""
        note += f"  {decibel:.2f} dB" if decibel else ""
        if backend == "native" and operation in ("forward", "adjoint"):
            note += (
                f"  {work / taken:.1f} GFLOP/s, {work / taken / limit[threads]:.0%} of the limit"
            )
        print(
            f"  {operation:8} {backend:14} {threads} thread{'s' if threads > 1 else ' '} "
            f"{taken:9.4g} s{note}"
        )
    for operation in ("forward", "adjoint", f"sirt{ITERATIONS}"):
        gain = seconds["native", operation, 1] / seconds["native", operation, 2]
        print(
            f"  native {operation}: {gain:.2f} x from 1 to 2 threads (the multiply-adds alone: "
            f"{limit[2] / limit[1]:.2f})"
        )
    return lines


def shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def timed_slices(jobs: list[Job]) -> str:
    slices = {job.backend: job.slices for job in jobs}
    return ", ".join(f"{backend} {k}" for backend, k in slices.items())


def projector_jobs(
    backend: str, A: Projector, y: Tensor, few: Tensor, slices: int, threads: int, repeats: int
) -> list[Job]:
    """Our own algorithms on any projector."""
    part = A(A.T(y[:, :slices])).copy_(y[:, :slices])  # in the projector's memory order
    volume = A.T(part)
    result = threads == 1
    return [
        Job(backend, "forward", slices, threads, lambda: A(volume), repeats),
        Job(backend, "adjoint", slices, threads, lambda: A.T(part), repeats),
        Job(
            backend,
            "wbp",
            slices,
            threads,
            lambda: wbp(A, part, scale="full"),
            repeats,
            (lambda: wbp(A, few, scale="full")) if result else None,
        ),
        Job(
            backend,
            f"sirt{ITERATIONS}",
            slices,
            threads,
            lambda: sirt(A, part, n_iterations=ITERATIONS),
            3,
            (lambda: sirt(A, few, n_iterations=ITERATIONS)) if result else None,
        ),
    ]


def native_jobs(geometry: Geometry, y: Tensor, few: Tensor) -> list[Job]:
    n = y.shape[2]
    A = NativeProjector(geometry, (n, n), n)
    return [
        job
        for threads in (1, 2)
        for job in projector_jobs("native", A, y, few, y.shape[1], threads, 9)
    ]


def astra_jobs(geometry: Geometry, y: Tensor, few: Tensor) -> list[Job]:
    n = y.shape[2]
    jobs = []
    for kind in ("linear", "strip"):
        A = AstraProjector(geometry, (n, n), n, kind=kind)
        jobs += projector_jobs(f"astra_{kind}", A, y, few, 1, 1, 3)
        jobs.append(
            Job(f"astra_{kind}", f"sirt{ITERATIONS}", 1, 1, lambda A=A: astra_sirt(A, y[:, 0]))  # type: ignore[misc]
        )
    return jobs


def astra_sirt(A: AstraProjector, sinogram: Tensor) -> np.ndarray:
    """ASTRA's own SIRT on one slice, with positivity."""
    astra = load_astra()
    t = np.deg2rad(A.geometry.angles_deg)
    ray, u = np.stack([-np.sin(t), -np.cos(t)], 1), np.stack([np.cos(t), -np.sin(t)], 1)
    volume_geometry = astra.create_vol_geom(*A.volume_zx)
    projection_geometry = astra.create_proj_geom(
        "parallel_vec", A.sinogram_tx[1], np.hstack([ray, 0 * ray, u])
    )
    projector = astra.create_projector(A._kind, projection_geometry, volume_geometry)
    volume = astra.data2d.create("-vol", volume_geometry)
    data = astra.data2d.create("-sino", projection_geometry, np.ascontiguousarray(sinogram.numpy()))
    config = astra.astra_dict("SIRT")
    config |= {"ProjectorId": projector, "ProjectionDataId": data, "ReconstructionDataId": volume}
    config["option"] = {"MinConstraint": 0.0}
    algorithm = astra.algorithm.create(config)
    astra.algorithm.run(algorithm, ITERATIONS)
    result = astra.data2d.get(volume)
    astra.algorithm.delete(algorithm)
    astra.data2d.delete([volume, data])
    astra.projector.delete(projector)
    return np.asarray(result)


def skimage_jobs(geometry: Geometry, y: Tensor) -> list[Job]:
    """radon and iradon of one slice. It has no SIRT (iradon_sart is another method) and its centre
    is pixel n // 2."""
    from skimage.transform import iradon, radon

    n, theta = y.shape[2], -geometry.angles_deg
    sinogram = np.ascontiguousarray(y[:, 0].numpy().T)
    disc = np.hypot(*(np.ogrid[:n, :n][i] - n // 2 for i in (0, 1))) < n // 2 - 1
    image = disc.astype(np.float32)
    t = np.deg2rad(geometry.angles_deg)
    off = np.stack(
        [np.zeros(t.size), -0.5 * (1 - np.cos(t) - np.sin(t))], 1
    )  # our data as seen about its centre
    centred = views(n, QUALITY_ROWS, Geometry(geometry.angles_deg, 1.0, 0.0, off)).numpy()

    def fbp(one: np.ndarray) -> np.ndarray:
        return np.asarray(iradon(one, theta, filter_name="ramp", circle=True, output_size=n))

    def result() -> Tensor:
        slices = [
            fbp(np.ascontiguousarray(centred[:, i].T)).astype(np.float32)
            for i in range(QUALITY_ROWS)
        ]
        return torch.from_numpy(np.stack(slices, 1))

    return [
        Job("skimage", "forward", 1, 1, lambda: radon(image, theta, circle=True)),
        Job(
            "skimage",
            "adjoint",
            1,
            1,
            lambda: iradon(sinogram, theta, filter_name=None, circle=True, output_size=n),
        ),
        Job("skimage", "wbp", 1, 1, lambda: fbp(sinogram), 3, result),
    ]


def tomopy_jobs(geometry: Geometry, y: Tensor, few: Tensor) -> list[Job]:
    """TomoPy's projector, its gridrec in place of WBP, and its own SIRT. Nothing when it is not
    installed."""
    try:
        import tomopy
    except ImportError:
        return []
    from recon.algorithms.gridrec import gridrec
    from recon.projectors.tomopy import TomopyProjector

    n, slices = y.shape[2], 4
    A, part = TomopyProjector(geometry, (n, n), n), y[:, :slices].contiguous()
    volume = A.T(part)

    def own_sirt(data: Tensor) -> Tensor:
        theta = -np.deg2rad(geometry.angles_deg)
        result = tomopy.recon(
            data.numpy(),
            theta,
            center=n / 2,
            algorithm="sirt",
            num_iter=ITERATIONS,
            sinogram_order=False,
            ncore=1,
        )
        return torch.from_numpy(result).permute(1, 0, 2)

    return [
        Job("tomopy", "forward", slices, 1, lambda: A(volume)),
        Job("tomopy", "adjoint", slices, 1, lambda: A.T(part)),
        Job("tomopy", "wbp", slices, 1, lambda: gridrec(A, part), 3, lambda: gridrec(A, few)),
        Job(
            "tomopy",
            f"sirt{ITERATIONS}",
            slices,
            1,
            lambda: own_sirt(part),
            3,
            lambda: own_sirt(few),
        ),
    ]


if __name__ == "__main__":
    main()
