"""What this machine has and what this process took: cores, threads, memory."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numba
import torch


def set_threads(count: int) -> None:
    """torch and numba alike: they take turns, and two pools of all cores each would run ten times
    slower than one."""
    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))


def usable_cores() -> int:
    """Cores this process may run on, which a container or a batch system can make fewer than the
    machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory_gb() -> float:
    """Memory that can be used without swapping (Linux: MemAvailable), else half of what the machine
    has."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        return int(re.findall(r"MemAvailable:\s+(\d+) kB", text)[0]) * 1024 / 1e9
    except (OSError, IndexError):
        if not hasattr(os, "sysconf"):
            return 8.0  # Windows does not say without further packages; memory_gb= does
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2e9


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far; 0 where the system does not tell
    (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1e9 if sys.platform == "darwin" else 1e9 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
