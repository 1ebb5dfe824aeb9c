"""Threads wait without spinning, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "wanted"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_leave_their_core_unless_told_otherwise(given, wanted) -> None:
    """OpenMP reads the variable when torch or numba loads it, so it has to be there before."""
    code = "import recon, sys, os; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["False", wanted]
