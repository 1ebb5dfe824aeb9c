"""Read tilt series and volumes, write them, in the formats of electron tomography.

The format is told by content, then by suffix (``sniff.py``); one file here per format. The
libraries of a format load when a file of that format is met, not before.
"""

from __future__ import annotations

from recon.io.alignment.imod import read_tlt, read_xf, write_tlt, write_xf
from recon.io.mrc.slabs import VolumeWriter
from recon.io.read import read_tilt_series, read_volume
from recon.io.write import write_tilt_series, write_volume

__all__ = [
    "VolumeWriter",
    "read_tilt_series",
    "read_tlt",
    "read_volume",
    "read_xf",
    "write_tilt_series",
    "write_tlt",
    "write_volume",
    "write_xf",
]
