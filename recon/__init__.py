"""Tiltwise: from a raw electron-tomography tilt series to a tomogram.

Importing this package loads neither torch nor Hydra; import the module you need, e.g. ``from
recon.io import read_tilt_series``.
"""

import os
from importlib.metadata import PackageNotFoundError, version

# OpenMP reads this once, when torch or numba loads it. Threads that wait spin otherwise, which
# costs their core: the default run took twice the processor time beside a busy neighbour.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    __version__ = version("tiltwise")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+checkout"


def __getattr__(name: str) -> object:
    """A sentence for what a notebook looks for here first."""
    raise AttributeError(
        f"recon has no {name!r}; import tiltwise as tw: tw.read, tw.clean, tw.align, "
        "tw.reconstruct(series, tw.TV()), tw.write"
    )
