"""When a run is the same one again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import models
import recon
from recon.learned.weights import own_digest
from recon.plugged import PLUGGED


def fingerprint(config: Mapping[str, object], files: Iterable[Path]) -> str:
    """Of what decides the pixels of the result: the config but for where and how it runs, the
    ``files`` that it names, weights, the version.

    A folder is taken by its own time stamp: a file in it that was replaced in place is not seen.
    """
    free = ("resume", "output", "also", "memory_gb", "threads", "trust", "analyze", "report")
    relevant = {k: v for k, v in config.items() if k not in free}
    relevant["files"] = [_stamp(path) for path in files]
    shipped = Path(models.__file__).parent / "weights" / "weights.toml"
    relevant["weights"] = shipped.read_text("utf-8")
    if PLUGGED:  # code from outside, by its content
        relevant["outside"] = sorted((o.target, o.content) for o in PLUGGED.values())
    text = json.dumps([relevant, recon.__version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: Path) -> str | tuple[int, int] | None:
    """Size and time of a file, or what the card of a folder of weights says of their content; None
    for what is none of these, such as a list of angles."""
    if (digest := own_digest(str(path))) is not None:
        return digest
    try:
        stat = path.expanduser().stat()
    except (OSError, ValueError):
        return None
    return stat.st_size, stat.st_mtime_ns
