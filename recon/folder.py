"""The folder of a run: made, cleared of an earlier run's results, and known again when a run is resumed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import models
import recon
from recon.analyze.files import RESULTS
from recon.errors import UserError
from recon.fiducial_files import FIDUCIAL_FILES
from recon.io.atomic import write_error
from recon.prepare import CHECKPOINT

STATE = "unfinished-slabs.json"


def check_writable(out: Path) -> None:
    """Raise ``UserError`` before the work rather than after it, and without making the folder yet."""
    there = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(f"output={str(out)[-150:]} given, but {str(there)[-150:]} may not be written to; pass another output=DIR")


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(out, error) from error


def clear(out: Path) -> None:
    """Remove what an earlier run left under our fixed names: results of two runs must not lie side by side as one."""
    names = (
        "aligned.mrc",
        "aligned.tlt",
        "aligned.xf",
        "tomogram.mrc",
        "tomogram.mrc.part",
        "tomogram.tif",
        "truth.mrc",
        "uncertainty.mrc",
        "uncertainty.mrc.part",
        "preview.png",
        "run.json",
        "report.html",
        "report.csv",
    )
    try:
        for name in (CHECKPOINT, STATE, *names, *RESULTS, *FIDUCIAL_FILES):
            (out / name).unlink(missing_ok=True)
        if (out / "tomogram.ome.zarr").exists():
            shutil.rmtree(out / "tomogram.ome.zarr")
    except OSError as error:
        raise write_error(out, error) from error


def fingerprint(config: Mapping[str, object], source: Path | None) -> str:
    """Of what decides the pixels of the result: the config but for where and how it runs, the files that it names, weights, the version.

    A folder is taken by its own time stamp: a file in it that was replaced in place is not seen.
    """
    relevant = {
        k: v
        for k, v in config.items()
        if k not in ("resume", "output", "also", "memory_gb", "threads", "trust", "analyze", "report")
    }
    align = config.get("align")
    named = (source, config.get("angles"), align.get("path") if isinstance(align, Mapping) else None)
    relevant["files"] = [_stamp(path) if isinstance(path, str | Path) else None for path in named]
    relevant["weights"] = (Path(models.__file__).parent / "weights" / "weights.toml").read_text("utf-8")
    text = json.dumps([relevant, recon.__version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: str | Path) -> tuple[int, int] | None:
    """Size and time of a file; None for text that names none, such as a list of angles."""
    try:
        stat = Path(path).expanduser().stat()
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns
