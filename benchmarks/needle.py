"""The needle of the reference data, ready to be reconstructed. Not in this repository."""

from __future__ import annotations

import warnings
from pathlib import Path

import tiltwise

PATH = Path(__file__).resolve().parents[2] / "shared/data/needle/HAADF.mrc"


def aligned_needle(bin: int = 1) -> tiltwise.TiltSeries | None:
    """As a run cleans and aligns it, binned by ``bin``; None, and a message, where it is not."""
    if not PATH.exists():
        print(f"{PATH} is not there: nothing to measure on")
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tiltwise.align(tiltwise.clean(tiltwise.read(PATH), bin=bin), threads=1)
