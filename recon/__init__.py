"""Tiltwise: from a raw electron-tomography tilt series to a tomogram.

Importing this package loads neither torch nor Hydra; import the module you need, e.g. ``from
recon.io import read_tilt_series``.
"""

from importlib.metadata import PackageNotFoundError, version

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
