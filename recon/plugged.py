"""Code from outside, by the name that a config has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Offer:
    """What ``group=name`` builds: ``made``, with these ``options`` and their defaults. ``origin``:
    the file or the package that it is from; ``content``: what changes when its code does."""

    group: str
    name: str
    made: Any
    origin: str
    options: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""

    @property
    def target(self) -> str:
        return f"plugins.{self.group}.{self.name}"


PLUGGED: dict[str, Offer] = {}
"""By ``target``; filled by ``recon/command/plugins.py``, from the command line and nothing else."""


def find_offer(group: str, name: str) -> Offer | None:
    return PLUGGED.get(f"plugins.{group}.{name}")
