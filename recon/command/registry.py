"""What a config may build: what the YAML files that ship with Tiltwise name, and nothing else."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any

from recon.errors import UserError
from recon.plugged import PLUGGED

PACKAGE = Path(__file__).resolve().parents[1]
# In the wheel the configs lie inside the package, in a checkout beside it.
CONFIGS = PACKAGE / "configs" if (PACKAGE / "configs").is_dir() else PACKAGE.parent / "configs"

_TARGET = re.compile(r"^\s*_target_:\s*([\w.]+)\s*(?:#.*)?$", re.MULTILINE)


@functools.cache
def declared(configs: Path = CONFIGS) -> frozenset[str]:
    """Every ``_target_`` of the shipped files: the YAML is the registry."""
    texts = (path.read_text("utf-8") for path in configs.rglob("*.yaml"))
    return frozenset(name for text in texts for name in _TARGET.findall(text))


def find(target: object) -> Any:
    """The stage, function or class that ``target`` names. Raises ``UserError`` where a config may
    not name it, and where our own code cannot be imported."""
    if target in PLUGGED:
        return PLUGGED[str(target)].made
    if target not in declared():
        raise UserError(
            f"_target_={target} given, one that the files in configs/ name wanted; a config is data "
            "and may build only Tiltwise's own stages. Code of your own: plugins=[my_method.py] on "
            "the command line"
        )
    module, _, name = str(target).rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise UserError(
            f"{module} cannot be imported: {error}; install what is missing, or install Tiltwise "
            "again"
        ) from error
