"""The peak memory of a whole run on 71 x 1024 x 1024 pixels, beside the 4 GB it was given.

python -m benchmarks.memory        (make bench-memory)
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
LIMIT_GB = 4.0
N = 1024


def write_series(path: Path) -> None:
    """A bright rod with counting noise, 16-bit, with its angles beside it; written view by view, so
    that this process stays small."""
    angles = np.arange(-70, 71, 2.0)
    np.savetxt(path.with_suffix(".rawtlt"), angles, fmt="%.2f")
    random, x = np.random.default_rng(0), np.arange(N) - (N - 1) / 2
    with mrcfile.new_mmap(path, shape=(angles.size, N, N), mrc_mode=1, overwrite=True) as file:
        file.voxel_size = 10.0  # Angstrom
        for view, angle in zip(file.data, np.deg2rad(angles), strict=True):
            chord = 2 * np.sqrt(np.maximum(150.0**2 - (x - 100 * np.sin(angle)) ** 2, 0))
            view[:] = random.poisson(np.broadcast_to(20 + chord, (N, N)))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        stack = Path(folder) / "stack.mrc"
        write_series(stack)
        command = [
            sys.executable,
            str(ROOT / "reconstruct.py"),
            str(stack),
            "align=none",
            f"memory_gb={LIMIT_GB:g}",
        ]
        command += ["algorithm.n_iterations=2", f"output={Path(folder) / 'run'}"]
        threads = {name: str(os.cpu_count()) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
        start = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | threads,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
    # Kibibytes on Linux, bytes on macOS; the only child that this process had.
    peak_gb = (
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        * (1 if sys.platform == "darwin" else 1024)
        / 1e9
    )
    if done.returncode != 0:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
        return done.returncode
    plan = [
        line.strip()
        for line in done.stdout.splitlines()
        if re.search(r"slab|memory|\bGB\b", line, re.IGNORECASE)
    ]
    print("plan:  ", "\n        ".join(plan) or "(the run printed none)")
    print(f"peak:   {peak_gb:.2f} GB resident of {LIMIT_GB:g} GB allowed, {seconds:.0f} s")
    return 0 if peak_gb <= LIMIT_GB else 1


if __name__ == "__main__":
    sys.exit(main())
