"""Shared by all tests: threads that suit two cores, where the reference data lies, and the command
as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Tiny arrays on a busy machine: two pools of threads wait for each other longer than they
    work."""
    import numba
    import torch

    numba.set_num_threads(1)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Path]:
    """A file or folder of the reference data; the test is skipped where it is not there."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"reference data {name} is not at {DATA}")
        return path

    return find


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``python reconstruct.py ...`` in an empty folder, as a user would."""

    def run(*words: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k != "HYDRA_FULL_ERROR"}
        return subprocess.run(
            [sys.executable, str(ROOT / "reconstruct.py"), *words],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
